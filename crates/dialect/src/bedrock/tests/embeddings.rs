//! Vectors of each family.

use serde_json::{Value, json};

use super::with_target;
use crate::bedrock::adapter;
use crate::canonical::{EmbeddingInput, EmbeddingsRequest, Event, Media, Operation, Part, PartKind, Task};
use crate::error::BadRequest;

fn texts(texts: &[&str]) -> EmbeddingsRequest {
    let inputs = texts.iter().map(|text| EmbeddingInput::Text((*text).to_owned())).collect();
    EmbeddingsRequest { inputs, dimensions: Some(256), ..EmbeddingsRequest::default() }
}

fn picture() -> EmbeddingInput {
    let source = Media::Inline { media_type: "image/png".to_owned(), data: "AA==".to_owned() };
    let image = Part { kind: PartKind::Image { source, detail: None }, cache_control: None };
    EmbeddingInput::Parts(vec![image])
}

fn encode(request: EmbeddingsRequest, model: &str) -> Result<Value, BadRequest> {
    with_target(model, &json!({}), |target| {
        let adapter = adapter(Operation::Embeddings, target).unwrap();
        let encoded = adapter.encode(&Task::Embeddings(request), target)?;
        assert!(encoded.path.ends_with("/invoke"), "{}", encoded.path);
        Ok(serde_json::from_slice(&encoded.body).unwrap())
    })
}

fn decode(body: &Value) -> Vec<Event> {
    with_target("model", &json!({}), |target| {
        let adapter = adapter(Operation::Embeddings, target).unwrap();
        adapter.decode(body.to_string().as_bytes(), target).unwrap()
    })
}

#[test]
fn titan_takes_one_input() {
    let text = encode(texts(&["a"]), "amazon.titan-embed-text-v2:0").unwrap();
    assert_eq!(text, json!({"inputText": "a", "dimensions": 256}));
    assert_eq!(encode(texts(&["a"]), "amazon.titan-embed-text-v1").unwrap(), json!({"inputText": "a"}));
    assert!(
        encode(texts(&["a", "b"]), "amazon.titan-embed-text-v2:0")
            .unwrap_err()
            .message
            .contains("one by one")
    );
    let image = EmbeddingsRequest { inputs: vec![picture()], ..EmbeddingsRequest::default() };
    assert_eq!(encode(image.clone(), "amazon.titan-embed-image-v1").unwrap(), json!({"inputImage": "AA=="}));
    assert!(encode(image, "amazon.titan-embed-text-v2:0").is_err());
    let tokens =
        EmbeddingsRequest { inputs: vec![EmbeddingInput::Tokens(vec![1])], ..EmbeddingsRequest::default() };
    assert!(encode(tokens, "amazon.titan-embed-text-v2:0").is_err());
}

#[test]
fn cohere_takes_many_and_is_told_what_for() {
    let written = encode(texts(&["a", "b"]), "cohere.embed-english-v3").unwrap();
    assert_eq!(written, json!({"input_type": "search_document", "texts": ["a", "b"]}));
    let mut mixed = texts(&["a"]);
    mixed.inputs.push(picture());
    mixed.input_type = Some("search_query".to_owned());
    let written = encode(mixed, "us.cohere.embed-v4:0").unwrap();
    let expected = json!({
        "input_type": "search_query", "embedding_types": ["float"], "output_dimension": 256,
        "inputs": [
            {"content": [{"type": "text", "text": "a"}]},
            {"content": [{"type": "image_url", "image_url": "data:image/png;base64,AA=="}]}
        ]
    });
    assert_eq!(written, expected);
    let many = vec!["a"; 97];
    assert!(encode(texts(&many), "cohere.embed-english-v3").is_err());
}

#[test]
fn nova_takes_one_of_any_kind() {
    let model = "amazon.nova-2-multimodal-embeddings-v1:0";
    let parameters = json!({"embeddingPurpose": "GENERIC_INDEX", "embeddingDimension": 256,
        "text": {"truncationMode": "NONE", "value": "a"}});
    let expected = json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": parameters});
    assert_eq!(encode(texts(&["a"]), model).unwrap(), expected);
    let image = EmbeddingsRequest { inputs: vec![picture()], ..EmbeddingsRequest::default() };
    let written = encode(image, model).unwrap();
    let expected = json!({"format": "png", "source": {"bytes": "AA=="}});
    assert_eq!(written["singleEmbeddingParams"]["image"], expected);
}

#[test]
fn every_family_answers_in_its_own_form() {
    let one = json!([0.5, -1.0]);
    let forms = [
        json!({"embedding": one, "inputTextTokenCount": 3}),
        json!({"embeddings": [one], "texts": ["a"], "response_type": "embeddings_floats", "id": "x"}),
        json!({"embeddings": {"float": [one]}, "response_type": "embeddings_by_type"}),
        json!({"embeddings": [{"embeddingType": "TEXT", "embedding": one}]}),
    ];
    for form in forms {
        let events = decode(&form);
        assert!(
            events.contains(&Event::Embedding { index: 0, vector: vec![0.5, -1.0] }),
            "{form}: {events:?}"
        );
        let is_counted = events.iter().any(|event| matches!(event, Event::Usage(_)));
        assert_eq!(is_counted, form.get("inputTextTokenCount").is_some());
    }
}
