//! What caches on the way may keep: nothing that was answered to somebody, and no error.

use http::Method;
use serde_json::json;

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::people::manage;
use crate::support::person::Person;

#[track_caller]
fn is_unkept(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
}

#[tokio::test]
async fn what_is_answered_to_somebody_is_for_nobody_to_keep() {
    let platform = Platform::start().await;
    for path in ["/keys", "/workspaces", "/credits", "/guardrails", "/organization/members"] {
        is_unkept(&manage(&platform, Method::GET, path, "").await, 200, path);
    }
    let user = Some(platform.demo.api_key.expose());
    for path in ["/api/v1/key", "/v1/key", "/api/v1/models", "/api/v1/models/user"] {
        is_unkept(&platform.get(path, user).await, 200, path);
    }
    let made = manage(&platform, Method::POST, "/keys", r#"{"name":"k"}"#).await;
    is_unkept(&made, 201, "a secret");
    for path in ["/tenants", "/audit", "/flags"] {
        let answer = platform.admin(Method::GET, path, "").await;
        is_unkept(&answer, 200, path);
        assert!(!answer.header("etag").is_empty(), "{path} can be changed as it was read");
    }
    let mut person = Person::stranger(&platform);
    let signed_in = person.try_to_sign_in("admin@patchbay.localhost", "a password of tests").await;
    is_unkept(&signed_in, 200, "signing in");
    for path in ["/audit", "/sessions"] {
        is_unkept(&person.get(path).await, 200, path);
    }
    platform.stop().await;
}

#[tokio::test]
async fn errors_are_for_nobody_to_keep() {
    let platform = Platform::start().await;
    let unknown = uuid::Uuid::now_v7();
    for base in ["/api/v1", "/v1", "/admin/v1", "/account/v1", "/docs", ""] {
        let path = format!("{base}/no/such/path");
        let answer = platform.get(&path, None).await;
        is_unkept(&answer, 404, &path);
        // Elsewhere the same address may be a page for a browser.
        assert_eq!(answer.header("vary"), "accept, accept-encoding", "{path}");
    }
    for (path, key, status) in [
        ("/api/v1/keys".to_owned(), None, 401),
        ("/api/v1/keys".to_owned(), Some(platform.demo.api_key.expose()), 403),
        (format!("/api/v1/guardrails/{unknown}"), Some(platform.demo.management_key.expose()), 404),
        (format!("/admin/v1/keys/{}", "0".repeat(64)), Some(platform.demo.admin_token.expose()), 404),
        ("/admin/v1/tenants".to_owned(), None, 401),
        ("/account/v1/sessions".to_owned(), None, 401),
        ("/api/v1/models/user".to_owned(), None, 401),
        ("/docs/errors/no_such_error".to_owned(), None, 404),
    ] {
        is_unkept(&platform.get(&path, key).await, status, &path);
    }
    for path in ["/api/v1/keys", "/admin/v1/tenants", "/account/v1/me", "/api/v1/chat/completions"] {
        is_unkept(&platform.call(Method::PUT, path, None, "").await, 405, path);
    }
    let long = format!("/api/v1/keys?x={}", "x".repeat(9_000));
    is_unkept(&platform.get(&long, None).await, 414, "a long address");
    is_unkept(&platform.chat("{}").await, 400, "a request for a model");
    platform.stop().await;
}

#[tokio::test]
async fn what_is_everybodys_says_what_it_said() {
    let platform = Platform::start().await;
    for path in ["/api/v1/models", "/api/v1/providers", "/api/v1/openapi.json", "/admin/v1/openapi.json"] {
        let answer = platform.get(path, None).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, ""), "{path}");
    }
    let body =
        json!({ "model": "acme/echo", "stream": true, "messages": [{ "role": "user", "content": "hi" }] });
    assert_eq!(platform.chat(&body.to_string()).await.header("cache-control"), "no-cache");
    platform.stop().await;
}
