//! The dialects beside chat: where they are spoken, as whom, and in whose words they refuse.

use http::Method;

use crate::support::Platform;
use crate::support::client::{send, whole};

const MESSAGES: &str =
    r#"{"model":"acme/echo","max_tokens":50,"messages":[{"role":"user","content":"Hello"}]}"#;

#[tokio::test]
async fn anthropics_clients_are_known_by_their_key_and_their_betas_travel_on() {
    let platform = Platform::start().await;
    let key = platform.demo.api_key.expose().to_owned();
    let headers = [("x-api-key", key.as_str()), ("anthropic-beta", "context-1m-2025-08-07")];
    for path in ["/api/v1/messages", "/v1/messages"] {
        let answer = whole(send(platform.address, Method::POST, path, &headers, MESSAGES).await).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("request-id"), answer.header("x-generation-id"));
        let start = platform.worker.with(|seen| seen.starts.remove(0));
        assert_eq!(start.client_dialect, "messages");
        assert_eq!(start.anthropic_beta, "context-1m-2025-08-07");
    }
    platform.stop().await;
}

#[tokio::test]
async fn every_refusal_is_in_the_words_of_the_clients_dialect() {
    let platform = Platform::start().await;
    let key = platform.demo.api_key.expose().to_owned();
    for (path, key, body, status, kind) in [
        ("/api/v1/messages", None, MESSAGES, 401, "authentication_error"),
        ("/api/v1/messages", Some(key.as_str()), "{", 400, "invalid_request_error"),
        ("/api/v1/messages/count_tokens", Some(key.as_str()), "{", 400, "invalid_request_error"),
    ] {
        let answer = platform.call(Method::POST, path, key, body).await;
        let said = answer.json();
        assert_eq!((answer.status.as_u16(), &said["type"]), (status, &"error".into()), "{said}");
        assert_eq!(said["error"]["type"], kind, "{said}");
    }
    for path in ["/api/v1/responses", "/api/v1/chat/completions", "/api/v1/embeddings"] {
        let answer = platform.call(Method::POST, path, Some(&key), "{").await;
        assert_eq!(answer.error(), (400, 400, "invalid_request".to_owned()), "{path}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn tokens_are_counted_without_a_generation() {
    let platform = Platform::start().await;
    let key = platform.demo.api_key.expose().to_owned();
    let answer = platform.call(Method::POST, "/api/v1/messages/count_tokens", Some(&key), MESSAGES).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["input_tokens"].as_u64()),
        (200, Some(MESSAGES.len() as u64))
    );
    assert!(platform.worker.with(|seen| seen.starts.is_empty()));
    platform.stop().await;
}
