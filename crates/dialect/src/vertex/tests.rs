use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::adapter;
use crate::canonical::{EmbeddingInput, EmbeddingsRequest, ImagesRequest, Operation, SpeechRequest, Task};
use crate::client::Dialect;
use crate::codec::{AuthStyle, Encoded, Target};
use crate::error::{ErrorType, ProviderError, Retry};

const PLACE: &str = "/projects/{project}/locations/{location}";

fn with_target<T>(model: &str, quirks: Value, run: impl FnOnce(&Target<'_>) -> T) -> T {
    let quirks: Map<String, Value> = serde_json::from_value(quirks).unwrap();
    run(&Target {
        model: "author/model",
        provider: "vertex",
        provider_model: model,
        max_output: Some(8_192),
        supported_parameters: &[],
        service_tier: "",
        quirks: &quirks,
    })
}

/// Writes a task; the path below the location, and the body.
fn written(task: &Task, model: &str, quirks: Value) -> (String, Value) {
    let Encoded { path, body, auth, .. } =
        with_target(model, quirks, |target| adapter(task.operation(), target).unwrap().encode(task, target))
            .unwrap();
    assert_eq!(auth, AuthStyle::GoogleOAuth);
    (path.strip_prefix(PLACE).unwrap().to_owned(), serde_json::from_slice(&body).unwrap())
}

fn chat(stream: bool) -> Task {
    let body = json!({"model": "m", "stream": stream, "max_tokens": 10, "anthropic_beta": "one-2025,two-2025",
        "messages": [{"role": "user", "content": "Hi"}]});
    Dialect::Chat.decode(&Bytes::from(body.to_string())).unwrap()
}

#[test]
fn googles_models_are_spoken_to_like_the_gemini_api() {
    let (path, body) = written(&chat(false), "gemini-2.5-flash", json!({}));
    assert_eq!(path, "/publishers/google/models/gemini-2.5-flash:generateContent");
    assert_eq!(body["contents"], json!([{"role": "user", "parts": [{"text": "Hi"}]}]));
    let (path, _) = written(&chat(true), "gemini-2.5-flash", json!({}));
    assert_eq!(path, "/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    let (path, _) = written(&chat(true), "endpoints/1234", json!({}));
    assert_eq!(path, "/endpoints/1234:streamGenerateContent?alt=sse");
}

#[test]
fn claude_is_spoken_to_in_googles_envelope() {
    let (path, body) = written(&chat(false), "claude-sonnet-4-5@20250929", json!({}));
    assert_eq!(path, "/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict");
    let expected = json!({
        "anthropic_version": "vertex-2023-10-16", "anthropic_beta": ["one-2025", "two-2025"], "max_tokens": 10,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    });
    assert_eq!(body, expected);
    let (path, body) = written(&chat(true), "claude-opus-5", json!({"betas": []}));
    assert_eq!(path, "/publishers/anthropic/models/claude-opus-5:streamRawPredict");
    assert_eq!((body["stream"].as_bool(), body.get("anthropic_beta")), (Some(true), None));
}

#[test]
fn open_models_are_behind_one_endpoint() {
    for (model, quirks) in [
        ("meta/llama-4-maverick-17b-16e-instruct-maas", json!({})),
        ("xai/grok-4.3", json!({})),
        ("qwen3", json!({"publisher": "openapi"})),
    ] {
        let (path, body) = written(&chat(true), model, quirks);
        assert_eq!(path, "/endpoints/openapi/chat/completions");
        assert_eq!((body["model"].as_str(), body["stream"].as_bool()), (Some(model), Some(true)));
    }
}

#[test]
fn mistrals_models_are_spoken_to_in_their_makers_dialect() {
    let (path, body) = written(&chat(false), "mistral-large@2407", json!({}));
    assert_eq!(path, "/publishers/mistralai/models/mistral-large@2407:rawPredict");
    assert_eq!(body["model"], "mistral-large");
    let (path, body) = written(&chat(true), "codestral-2501", json!({}));
    assert_eq!(path, "/publishers/mistralai/models/codestral-2501:streamRawPredict");
    assert_eq!((body["model"].as_str(), body["stream"].as_bool()), (Some("codestral-2501"), Some(true)));
}

#[test]
fn the_further_modalities_have_their_methods() {
    let images = Task::Images(ImagesRequest { prompt: "A fox".to_owned(), ..ImagesRequest::default() });
    let path = |task: &Task, model: &str| written(task, model, json!({})).0;
    assert_eq!(
        path(&images, "imagen-4.0-generate-001"),
        "/publishers/google/models/imagen-4.0-generate-001:predict"
    );
    assert!(path(&images, "gemini-2.5-flash-image").ends_with("gemini-2.5-flash-image:generateContent"));
    let speech = Task::Speech(SpeechRequest { format: "pcm".to_owned(), ..SpeechRequest::default() });
    assert!(path(&speech, "gemini-2.5-flash-tts").ends_with("-tts:streamGenerateContent?alt=sse"));
    let vectors = |count: usize| {
        let inputs = vec![EmbeddingInput::Text("a".to_owned()); count];
        Task::Embeddings(EmbeddingsRequest { inputs, ..EmbeddingsRequest::default() })
    };
    assert!(path(&vectors(1), "gemini-embedding-2").ends_with(":embedContent"));
    let several = with_target("gemini-embedding-2", json!({}), |target| {
        adapter(Operation::Embeddings, target).unwrap().encode(&vectors(2), target)
    });
    assert!(several.is_err(), "this model takes one input at a time here");
    assert!(path(&vectors(2), "text-embedding-005").ends_with("text-embedding-005:predict"));
    let has = |operation, model| with_target(model, json!({}), |target| adapter(operation, target).is_some());
    assert!(!has(Operation::Rerank, "gemini-2.5-flash"));
    assert!(!has(Operation::Images, "claude-opus-5"));
}

#[test]
fn errors_are_read_in_the_words_of_whoever_wrote_them() {
    let classify = |model: &str, status: u16, body: Value| -> ProviderError {
        with_target(model, json!({}), |target| {
            let adapter = adapter(Operation::Chat, target).unwrap();
            adapter.classify(status, &HeaderMap::new(), body.to_string().as_bytes())
        })
    };
    let googles =
        |code: u16, status: &str| json!([{"error": {"code": code, "message": "no", "status": status}}]);
    let makers =
        json!({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long"}});
    for model in ["claude-opus-5", "xai/grok-4.3", "gemini-2.5-flash"] {
        let missing = classify(model, 401, googles(401, "UNAUTHENTICATED"));
        assert_eq!((missing.error_type, missing.retry), (ErrorType::ProviderUnavailable, Retry::Elsewhere));
        assert_eq!(missing.provider_code.as_deref(), Some("UNAUTHENTICATED"), "{model}");
        let full = classify(model, 429, googles(429, "RESOURCE_EXHAUSTED"));
        assert_eq!((full.error_type, full.retry), (ErrorType::RateLimitExceeded, Retry::Anywhere));
    }
    assert_eq!(classify("claude-opus-5", 400, makers).error_type, ErrorType::ContextLengthExceeded);
    let open = json!({"error": {"message": "m", "code": "context_length_exceeded"}});
    assert_eq!(classify("xai/grok-4.3", 400, open).error_type, ErrorType::ContextLengthExceeded);
}
