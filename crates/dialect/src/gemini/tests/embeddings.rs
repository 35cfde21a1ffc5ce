//! Vectors.

use pricing::{Class, Usage};
use serde_json::{Value, json};

use super::{read, with_model, written};
use crate::canonical::{EmbeddingInput, EmbeddingsRequest, Event, Media, Part, PartKind, Task};
use crate::codec::Adapter as _;
use crate::gemini::Embeddings;

const MODEL: &str = "gemini-embedding-001";

fn asked(texts: &[&str]) -> EmbeddingsRequest {
    EmbeddingsRequest {
        inputs: texts.iter().map(|text| EmbeddingInput::Text((*text).to_owned())).collect(),
        dimensions: Some(64),
        input_type: Some("search_query".to_owned()),
        ..EmbeddingsRequest::default()
    }
}

fn on_vertex(form: Embeddings, request: EmbeddingsRequest, model: &str) -> Value {
    let task = Task::Embeddings(request);
    let encoded = with_model(model, |target| form.encode(&task, target)).unwrap();
    serde_json::from_slice(&encoded.body).unwrap()
}

#[test]
fn each_text_is_a_request_that_names_the_model() {
    let (path, body) = written(&Task::Embeddings(asked(&["a", "b"])), MODEL).unwrap();
    assert_eq!(path, "/v1beta/models/gemini-embedding-001:batchEmbedContents");
    let request = |text: &str| {
        json!({"model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]},
            "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 64})
    };
    assert_eq!(body, json!({"requests": [request("a"), request("b")]}));
    let (path, body) = written(&Task::Embeddings(asked(&["a"])), MODEL).unwrap();
    assert_eq!(path, "/v1beta/models/gemini-embedding-001:embedContent");
    assert_eq!(body, request("a"));
    let many = vec!["a"; 101];
    assert!(written(&Task::Embeddings(asked(&many)), MODEL).unwrap_err().message.contains("100"));
}

#[test]
fn vertex_has_forms_of_its_own() {
    let content = json!({"parts": [{"text": "a"}]});
    let newer = on_vertex(Embeddings::Vertex, asked(&["a"]), "gemini-embedding-2");
    assert_eq!(newer, json!({"content": content, "embedContentConfig": {"outputDimensionality": 64}}));
    let older = on_vertex(Embeddings::Vertex, asked(&["a"]), MODEL);
    let config = json!({"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 64});
    assert_eq!(older, json!({"content": content, "embedContentConfig": config}));
    let several = Task::Embeddings(asked(&["a", "b"]));
    let together = with_model(MODEL, |target| Embeddings::Vertex.encode(&several, target));
    assert!(together.unwrap_err().message.contains("at most 1 input"), "Vertex has no batches");
    let predicted = on_vertex(Embeddings::Predict, asked(&["a", "b"]), "text-embedding-005");
    let instance = |text: &str| json!({"content": text, "task_type": "RETRIEVAL_QUERY"});
    let expected =
        json!({"instances": [instance("a"), instance("b")], "parameters": {"outputDimensionality": 64}});
    assert_eq!(predicted, expected);
}

#[test]
fn several_parts_become_one_vector() {
    let source = Media::Inline { media_type: "image/png".to_owned(), data: "AA==".to_owned() };
    let part = |kind: PartKind| Part { kind, cache_control: None };
    let parts = vec![part(PartKind::Text("a".to_owned())), part(PartKind::Image { source, detail: None })];
    let request =
        EmbeddingsRequest { inputs: vec![EmbeddingInput::Parts(parts)], ..EmbeddingsRequest::default() };
    let (_, body) = written(&Task::Embeddings(request), "gemini-embedding-2").unwrap();
    let expected = json!([{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]);
    assert_eq!(body["content"]["parts"], expected);
    let tokens =
        EmbeddingsRequest { inputs: vec![EmbeddingInput::Tokens(vec![1])], ..EmbeddingsRequest::default() };
    assert!(written(&Task::Embeddings(tokens), MODEL).unwrap_err().message.contains("token ids"));
}

#[test]
fn every_form_of_answer_is_read() {
    let task = Task::Embeddings(asked(&["a"]));
    let vector = |count: Value| json!({"values": [0.5], "statistics": {"token_count": count}});
    let cases = [
        (json!({"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 4}}), Some(4)),
        (json!({"embeddings": [{"values": [0.5]}]}), None),
        (json!({"predictions": [{"embeddings": vector(json!(3.0))}]}), Some(3)),
        (json!({"predictions": [{"embeddings": vector(json!(5))}]}), Some(5)),
    ];
    for (body, tokens) in cases {
        let events = read(&task, MODEL, &body).unwrap();
        assert!(events.contains(&Event::Embedding { index: 0, vector: vec![0.5] }), "{body}");
        let usage = events.iter().find_map(|event| match event {
            Event::Usage(usage) => Some(*usage),
            _ => None,
        });
        assert_eq!(usage, tokens.map(|tokens| Usage::default().with(Class::Input, tokens)), "{body}");
    }
    assert!(read(&task, MODEL, &json!({})).is_err());
    let error = json!({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}});
    assert_eq!(read(&task, MODEL, &error).unwrap_err().message, "slow");
}
