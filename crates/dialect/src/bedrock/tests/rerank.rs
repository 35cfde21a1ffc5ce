//! Rankings.

use serde_json::{Value, json};

use super::with_target;
use crate::bedrock::adapter;
use crate::canonical::{Document, Event, Operation, RerankRequest, Task};

fn asked() -> RerankRequest {
    let document = |text: &str| Document { text: Some(text.to_owned()), image: None };
    RerankRequest {
        query: "q".to_owned(),
        documents: vec![document("a"), document("b")],
        top_n: Some(1),
        ..RerankRequest::default()
    }
}

fn encode(request: RerankRequest, model: &str) -> Option<Value> {
    with_target(model, &json!({}), |target| {
        let encoded =
            adapter(Operation::Rerank, target).unwrap().encode(&Task::Rerank(request), target).ok()?;
        assert!(encoded.path.ends_with("/invoke"));
        serde_json::from_slice(&encoded.body).ok()
    })
}

#[test]
fn texts_are_ranked() {
    let expected = json!({"query": "q", "documents": ["a", "b"], "top_n": 1});
    assert_eq!(encode(asked(), "amazon.rerank-v1:0").unwrap(), expected);
    let cohere = encode(asked(), "cohere.rerank-v3-5:0").unwrap();
    assert_eq!(cohere["api_version"], 2);
    let mut pictured = asked();
    pictured.documents[0].image = Some("data:image/png;base64,AA==".to_owned());
    assert_eq!(encode(pictured, "amazon.rerank-v1:0"), None);
}

#[test]
fn ranks_keep_the_providers_order() {
    let body = br#"{"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}"#;
    with_target("amazon.rerank-v1:0", &json!({}), |target| {
        let adapter = adapter(Operation::Rerank, target).unwrap();
        let events = adapter.decode(body, target).unwrap();
        assert_eq!(
            events[1..],
            [Event::Ranked { index: 1, score: 0.9 }, Event::Ranked { index: 0, score: 0.1 }, Event::stop()]
        );
        assert!(adapter.decode(b"{}", target).is_err());
    });
}
