//! Keys that are bound to addresses.

use http::Method;

use super::{CHAT, KEYS, make, manage};
use crate::support::Platform;
use crate::support::client::Answer;

const ELSEWHERE: &str = r#"{"name":"k","allowed_ips":["192.0.2.0/24","2001:db8::/32"]}"#;

async fn from(platform: &Platform, forwarded_for: &str, secret: &str, method: Method, path: &str) -> Answer {
    let bearer = format!("Bearer {secret}");
    let headers = [("authorization", bearer.as_str()), ("x-forwarded-for", forwarded_for)];
    let body = if method == Method::POST { CHAT } else { "" };
    platform.call_with(method, path, &headers, body).await
}

#[tokio::test]
async fn a_key_is_refused_everywhere_from_a_wrong_address() {
    let platform = Platform::start().await;
    let (path, secret) = make(&platform, ELSEWHERE).await;
    let shown = manage(&platform, Method::GET, &path, "").await.json();
    assert_eq!(shown["data"]["allowed_ips"], serde_json::json!(["192.0.2.0/24", "2001:db8::/32"]));
    for (method, surface) in [
        (Method::POST, "/api/v1/chat/completions"),
        (Method::POST, "/api/v1/messages/count_tokens"),
        (Method::GET, "/api/v1/key"),
        (Method::GET, "/api/v1/models"),
        (Method::GET, "/api/v1/models/user"),
        (Method::GET, "/api/v1/presets"),
        (Method::GET, "/api/v1/generation?id=x"),
    ] {
        // What nobody vouches for counts for nothing.
        let answer = from(&platform, "192.0.2.7", &secret, method, surface).await;
        assert_eq!(answer.status, 403, "{surface}");
        assert!(answer.text().contains("cannot be used from your address"), "{surface}: {}", answer.text());
    }
    let opened = manage(&platform, Method::PATCH, &path, r#"{"allowed_ips":["127.0.0.1","::1"]}"#).await;
    assert_eq!(opened.status, 200);
    assert_eq!(platform.chat_as(&secret, CHAT).await.status, 200);
    assert_eq!(manage(&platform, Method::PATCH, &path, r#"{"allowed_ips":null}"#).await.status, 200);
    assert_eq!(platform.chat_as(&secret, CHAT).await.status, 200);

    let (_, manager) = make(&platform, &ELSEWHERE.replace("\"k\"", "\"m\",\"kind\":\"management\"")).await;
    for surface in [KEYS, "/api/v1/credits", "/api/v1/activity", "/api/v1/invoices"] {
        assert_eq!(
            from(&platform, "192.0.2.7", &manager, Method::GET, surface).await.error().0,
            403,
            "{surface}"
        );
    }
    platform.stop().await;
}

#[tokio::test]
async fn behind_trusted_proxies_the_client_is_whom_they_forward_for() {
    let inline = "trusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]";
    let platform = Platform::start_with(inline, None).await;
    let (_, secret) = make(&platform, ELSEWHERE).await;
    for (forwarded_for, status) in [
        ("192.0.2.7", 200),
        ("198.51.100.1, 192.0.2.7, 10.1.2.3", 200),
        ("2001:db8::5", 200),
        ("192.0.2.7, 198.51.100.1", 403),
        ("192.0.2.7, unknown", 403),
        ("", 403),
    ] {
        let answer = from(&platform, forwarded_for, &secret, Method::GET, "/api/v1/key").await;
        assert_eq!(answer.status, status, "{forwarded_for}");
    }
    platform.stop().await;
}
