//! What clients get wrong.

use std::time::Duration;

use bytes::Bytes;
use http::Method;

use crate::support::{Platform, client};

const GOOD: &str = r#"{"model":"acme/echo","messages":[{"role":"user","content":"Hello"}]}"#;

#[tokio::test]
async fn bad_bodies_are_typed_errors_and_bill_nothing() {
    let platform = Platform::start().await;
    let cases = [
        ("", 400, "invalid_request"),
        ("{", 400, "invalid_request"),
        ("[]", 400, "invalid_request"),
        (r#"{"messages":[{"role":"user","content":"x"}]}"#, 400, "invalid_request"),
        (r#"{"model":"acme/echo","messages":[]}"#, 400, "invalid_request"),
        (r#"{"model":7,"messages":[{"role":"user","content":"x"}]}"#, 400, "invalid_request"),
        (r#"{"model":"a/b","messages":"hello"}"#, 400, "invalid_request"),
        (
            r#"{"model":"a/b","max_tokens":-1,"messages":[{"role":"user","content":"x"}]}"#,
            400,
            "invalid_request",
        ),
        (
            r#"{"model":"a/b","provider":{"ordre":[]},"messages":[{"role":"user","content":"x"}]}"#,
            400,
            "invalid_request",
        ),
        (r#"{"model":"nobody/knows","messages":[{"role":"user","content":"x"}]}"#, 400, "invalid_request"),
    ];
    for (body, status, error_type) in cases {
        let answer = platform.chat(body).await;
        assert_eq!(answer.error(), (status, i64::from(status), error_type.to_owned()), "{body}");
    }
    let unknown = platform.chat(cases[9].0).await.json();
    assert_eq!(unknown["error"]["message"], "nobody/knows is not a valid model ID");
    assert_eq!(unknown["error"]["availability"]["code"], "model_not_found");
    let (asks, starts) =
        (platform.billing.with(|heard| heard.asks.len()), platform.worker.with(|seen| seen.starts.len()));
    assert_eq!((asks, starts), (0, 0));
    platform.stop().await;
}

#[tokio::test]
async fn a_body_of_thirty_mebibytes_is_refused_and_the_service_lives_on() {
    let platform = Platform::start().await;
    let bearer = format!("Bearer {}", platform.demo.api_key.expose());
    let headers = [("authorization", bearer.as_str())];
    let body = Bytes::from(vec![b' '; 30 * 1024 * 1024]);
    let path = "/api/v1/chat/completions";
    let answer =
        client::whole(client::send(platform.address, Method::POST, path, &headers, body).await).await;
    assert_eq!(answer.error(), (413, 413, "payload_too_large".to_owned()));
    assert_eq!(platform.chat(GOOD).await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_in_the_same_shape() {
    let platform = Platform::start().await;
    for path in ["/nothing", "/api/v1/nothing", "/v2/chat/completions", "/admin/v1/nothing"] {
        assert_eq!(platform.get(path, None).await.error(), (404, 404, "not_found".to_owned()), "{path}");
    }
    let answer = platform.get("/api/v1/chat/completions", None).await;
    assert_eq!(answer.error(), (405, 405, "invalid_request".to_owned()));
    assert_eq!(answer.header("allow"), "POST");
    assert_eq!(platform.get("/healthz", None).await.text(), "ok\n");
    assert!(platform.get("/", None).await.text().contains("/api/v1"));
    platform.stop().await;
}

#[tokio::test]
async fn a_nul_byte_names_nothing_and_is_no_parameter() {
    let platform = Platform::start().await;
    for path in ["/plans/%00", "/plans/a%00b", "/providers/%00", "/keys/%00", "/invoices/%00"] {
        let answer = platform.admin(Method::GET, path, "").await;
        assert_eq!(answer.error(), (404, 404, "not_found".to_owned()), "{path}");
    }
    for path in ["/ledger?account=a%00b", "/tenants?after=%00", "/audit?actor=%00"] {
        let answer = platform.admin(Method::GET, path, "").await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
    }
    platform.stop().await;
}

#[tokio::test]
async fn heads_are_bounded() {
    let platform = Platform::start().await;
    let long = format!("/api/v1/models?x={}", "y".repeat(9_000));
    assert_eq!(platform.get(&long, None).await.error().0, 414);
    let value = "y".repeat(17_000);
    let headers = [("x-long", value.as_str())];
    let answer =
        client::whole(client::send(platform.address, Method::GET, "/api/v1/models", &headers, "").await)
            .await;
    assert_eq!(answer.error().0, 431);
    platform.stop().await;
}

#[tokio::test]
async fn a_client_that_says_too_little_is_cut_off() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let platform = Platform::start_with("header_timeout_ms = 100", None).await;
    for said in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM"] {
        let mut stream = tokio::net::TcpStream::connect(platform.address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        // What is left unread when a connection is closed resets it.
        let _ = stream.read_to_end(&mut read).await;
        assert!(read.is_empty(), "{said:?}: {read:?}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_is_cut_off() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let platform = Platform::start_with("header_timeout_ms = 100", None).await;
    let mut stream = tokio::net::TcpStream::connect(platform.address).await.unwrap();
    stream.write_all(b"GET /api/v1/models HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.unwrap();
    assert!(!String::from_utf8_lossy(&read).contains(" 200 "), "{read:?}");
    platform.stop().await;
}

#[tokio::test]
async fn a_silent_connection_is_kept_longer_than_a_head_may_take() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let platform = Platform::start_with("header_timeout_ms = 200\nidle_timeout_ms = 3_600_000", None).await;
    let mut stream = tokio::net::TcpStream::connect(platform.address).await.unwrap();
    let request = b"HEAD /api/v1/models HTTP/1.1\r\nhost: x\r\n\r\n";
    for _ in 0..2 {
        stream.write_all(request).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("the connection was closed while it was silent"));
        }
        assert!(head.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&head));
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    stream.write_all(&request[..10]).await.unwrap();
    // It ends, though not for an hour of silence.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains(" 200 "), "{rest:?}");
    platform.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let platform = Platform::start_with("body_timeout_ms = 100", None).await;
    let head = format!(
        "POST /api/v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 9\r\n\r\n{{",
        platform.demo.api_key.expose()
    );
    let mut stream = tokio::net::TcpStream::connect(platform.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut read = vec![0; 12];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&read), "HTTP/1.1 408");
    drop(stream);
    platform.stop().await;
}

#[tokio::test]
async fn browsers_may_call_from_anywhere() {
    let platform = Platform::start().await;
    let headers = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let path = "/api/v1/chat/completions";
    let answer =
        client::whole(client::send(platform.address, Method::OPTIONS, path, &headers, "").await).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, "*"));
    assert_eq!(answer.header("access-control-allow-headers"), "authorization,content-type");
    platform.stop().await;
}

#[tokio::test]
async fn what_does_not_show_as_it_is_becomes_no_name_and_no_reason() {
    let platform = Platform::start().await;
    let key = platform.demo.management_key.expose();
    let tenant = platform.tenant;
    let (own, admin) = ("/api/v1", "/admin/v1");
    let named = [
        (own, Method::POST, "/keys".to_owned(), r#"{"name":"?"}"#),
        (own, Method::POST, "/workspaces".to_owned(), r#"{"name":"?","slug":"new"}"#),
        (own, Method::PATCH, "/workspaces/default".to_owned(), r#"{"name":"?"}"#),
        (own, Method::PATCH, "/organization".to_owned(), r#"{"name":"?"}"#),
        (own, Method::POST, "/guardrails".to_owned(), r#"{"name":"?"}"#),
        (own, Method::POST, "/byok".to_owned(), r#"{"provider":"openai","key":"sk-new","name":"?"}"#),
        (
            own,
            Method::POST,
            "/observability/destinations".to_owned(),
            r#"{"type":"webhook","name":"?","config":{"url":"https://x.example.com"}}"#,
        ),
        (
            own,
            Method::POST,
            "/auth/keys/code".to_owned(),
            r#"{"callback_url":"https://x.example.com","key_label":"?"}"#,
        ),
        (admin, Method::POST, "/tenants".to_owned(), r#"{"name":"?","slug":"new"}"#),
        (admin, Method::POST, format!("/tenants/{tenant}/keys"), r#"{"name":"?"}"#),
        (admin, Method::PUT, format!("/tenants/{tenant}/billing-profile"), r#"{"name":"?","country":"DE"}"#),
    ];
    let noted = [
        (own, Method::PATCH, "/workspaces/default".to_owned(), r#"{"description":"?"}"#),
        (own, Method::POST, "/guardrails".to_owned(), r#"{"name":"New","description":"?"}"#),
        (admin, Method::POST, format!("/tenants/{tenant}/credits"), r#"{"amount":"1","reason":"?"}"#),
        (admin, Method::PUT, format!("/tenants/{tenant}/invoicing-freeze"), r#"{"reason":"?"}"#),
        (admin, Method::POST, "/parked/1/drop".to_owned(), r#"{"reason":"?"}"#),
    ];
    let hidden = [
        "a\\u0001b",
        "a\\u001b[31m",
        "a\\u0085b",
        "a\\u202eb",
        "a\\u2066b",
        "a\\u2028b",
        "a\\u2060b",
        "\\u3164",
    ];
    let long = "x".repeat(2_000);
    let of_names = hidden.into_iter().chain(["", " ", "a\\nb", &long]);
    let of_notes = hidden.into_iter().chain([long.as_str()]);
    for (operations, texts) in [(&named[..], of_names.collect::<Vec<_>>()), (&noted[..], of_notes.collect())]
    {
        for (base, method, path, body) in operations {
            for text in &texts {
                // A credential needs no name.
                if path == "/byok" && text.is_empty() {
                    continue;
                }
                let secret = if *base == admin { platform.demo.admin_token.expose() } else { key };
                let (path, body) = (format!("{base}{path}"), body.replace('?', text));
                let answer = platform.call(method.clone(), &path, Some(secret), &body).await;
                let is_refused = answer.status == 400 && !answer.text().contains("unknown");
                assert!(is_refused, "{method} {path} {body:.80}: {} {}", answer.status, answer.text());
            }
        }
    }
    let lines = r#"{"description":"One.\n\tTwo."}"#;
    let answer = platform.call(Method::PATCH, "/api/v1/workspaces/default", Some(key), lines).await;
    assert_eq!(answer.status, 200, "descriptions have lines: {}", answer.text());
    platform.stop().await;
}
