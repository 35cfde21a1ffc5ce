use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::*;
use crate::canonical::{
    Document, EmbeddingInput, EmbeddingsRequest, FinishReason, Media, Part, PartKind, RerankRequest,
};
use crate::error::{ErrorType, Retry};

mod answers;
mod requests;

fn with_target<T>(supported: &[&str], quirks: &Value, body: impl FnOnce(&Target<'_>) -> T) -> T {
    let none = Map::new();
    let supported: Vec<String> = supported.iter().map(|name| (*name).to_owned()).collect();
    body(&Target {
        model: "cohere/model",
        provider: "cohere",
        provider_model: "command-x",
        max_output: Some(4_000),
        supported_parameters: &supported,
        service_tier: "",
        quirks: quirks.as_object().unwrap_or(&none),
    })
}

#[test]
fn texts_and_images_become_vectors() {
    let text = |text: &str| PartKind::Text(text.to_owned());
    let part = |kind| Part { kind, cache_control: None };
    let source = Media::Inline { media_type: "image/png".to_owned(), data: "QQ==".to_owned() };
    let mixed = vec![part(text("b")), part(PartKind::Image { source, detail: None })];
    let sent = |inputs: Vec<EmbeddingInput>, input_type: Option<&str>| -> Value {
        let input_type = input_type.map(str::to_owned);
        let request = EmbeddingsRequest { inputs, input_type, dimensions: Some(256), ..Default::default() };
        let task = Task::Embeddings(request);
        let encoded = with_target(&[], &json!({}), |target| embed::EMBED.encode(&task, target)).unwrap();
        assert_eq!(encoded.path, "/v2/embed");
        serde_json::from_slice(&encoded.body).unwrap()
    };
    let expected = json!({"model": "command-x", "input_type": "search_document", "embedding_types": ["float"],
        "texts": ["a"], "output_dimension": 256});
    assert_eq!(sent(vec![EmbeddingInput::Text("a".into())], None), expected);
    let both = sent(vec![EmbeddingInput::Text("a".into()), EmbeddingInput::Parts(mixed)], Some("query"));
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}});
    assert_eq!(both["input_type"], "search_query");
    assert_eq!(
        both["inputs"],
        json!([{"content": [{"type": "text", "text": "a"}]}, {"content": [{"type": "text", "text": "b"}, image]}])
    );
    assert_eq!(both.get("texts"), None);
    let tokens = Task::Embeddings(EmbeddingsRequest {
        inputs: vec![EmbeddingInput::Tokens(vec![1])],
        ..EmbeddingsRequest::default()
    });
    assert!(with_target(&[], &json!({}), |target| embed::EMBED.encode(&tokens, target)).is_err());
}

#[test]
fn documents_are_ranked() {
    let document = |text: &str| Document { text: Some(text.to_owned()), image: None };
    let request = RerankRequest {
        query: "q".to_owned(),
        documents: vec![document("a"), document("b")],
        top_n: Some(1),
        ..RerankRequest::default()
    };
    let task = Task::Rerank(request.clone());
    let encoded = with_target(&[], &json!({}), |target| rerank::RERANK.encode(&task, target)).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(encoded.path, "/v2/rerank");
    assert_eq!(body, json!({"model": "command-x", "query": "q", "documents": ["a", "b"], "top_n": 1}));
    let image = Document { text: None, image: Some("https://a.example/a.png".to_owned()) };
    let task = Task::Rerank(RerankRequest { documents: vec![image], ..request });
    let refused = with_target(&[], &json!({}), |target| rerank::RERANK.encode(&task, target)).unwrap_err();
    assert!(refused.message.contains("`documents[0]`"));
}

#[test]
fn errors_are_classed() {
    use ErrorType as E;
    use Retry::{Anywhere, Elsewhere, Never};
    let cases = [
        (
            400,
            json!({"message": "too many tokens: size limit", "error_type": "TOO_MANY_TOKENS"}),
            E::ContextLengthExceeded,
            Never,
            false,
        ),
        (
            400,
            json!({"message": "image content is not supported by this model"}),
            E::InvalidRequest,
            Elsewhere,
            false,
        ),
        (400, json!({"message": "invalid request: p must be below 1"}), E::InvalidRequest, Never, false),
        (401, json!({"message": "invalid api token"}), E::ProviderUnavailable, Elsewhere, true),
        (404, json!({"message": "model 'x' not found"}), E::NotFound, Elsewhere, true),
        (422, json!({"message": "wrong"}), E::Unprocessable, Never, false),
        (429, json!({"message": "limited to 40 API calls / minute"}), E::RateLimitExceeded, Anywhere, false),
        (
            429,
            json!({"message": "limited to 1000 API calls / month"}),
            E::ProviderUnavailable,
            Elsewhere,
            false,
        ),
        (498, json!({"message": "invalid token"}), E::ProviderUnavailable, Elsewhere, true),
        (499, json!({"message": "request cancelled"}), E::ProviderUnavailable, Anywhere, true),
        (503, json!({"message": "unavailable"}), E::ProviderOverloaded, Anywhere, true),
    ];
    for (status, body, error_type, retry, is_fault) in cases {
        let error = Chat.classify(status, &HeaderMap::new(), body.to_string().as_bytes());
        assert_eq!((error.error_type, error.retry, error.is_fault), (error_type, retry, is_fault), "{body}");
    }
    let page = Chat.classify(502, &HeaderMap::new(), b"<html>Bad gateway</html>");
    assert_eq!(page.message, "the provider answered with status 502");
}
