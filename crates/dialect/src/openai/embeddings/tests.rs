use serde_json::{Value, json};

use super::super::outgoing::tests::{at, sent, sent_json, with_target};
use super::*;
use crate::canonical::Operation;
use crate::client::Dialect;
use crate::error::ErrorType;

fn read(body: &Value) -> Result<Vec<Event>, ProviderError> {
    let adapter = at(Operation::Embeddings, &json!({}));
    let events = with_target(&json!({}), &[], |target| adapter.decode(body.to_string().as_bytes(), target));
    let mut streamed = Vec::new();
    let mut stream = with_target(&json!({}), &[], |target| adapter.stream(target));
    body.to_string().as_bytes().chunks(1).for_each(|byte| stream.push(byte, &mut streamed));
    stream.end(&mut streamed);
    assert_eq!(streamed, events.clone().unwrap_or_else(|error| vec![Event::Failure(error)]));
    events
}

fn vectors(body: &Value) -> Vec<(u32, Vec<f32>)> {
    let vector = |event| match event {
        Event::Embedding { index, vector } => Some((index, vector)),
        _ => None,
    };
    read(body).unwrap().into_iter().filter_map(vector).collect()
}

#[test]
fn every_kind_of_input_goes_out() {
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}});
    for (input, expected) in [
        (json!("x"), json!("x")),
        (json!(["x"]), json!("x")),
        (json!(["x", "y"]), json!(["x", "y"])),
        (json!([1, 2]), json!([[1, 2]])),
        (json!([[1, 2], [3]]), json!([[1, 2], [3]])),
        (json!([{"content": [{"type": "text", "text": "x"}]}, "y"]), json!(["x", "y"])),
        (json!([{"content": [image]}]), json!([{"content": [image]}])),
    ] {
        let body = json!({"model": "a/b", "input": input, "encoding_format": "base64"});
        let expected = json!({"model": "b-1", "input": expected});
        assert_eq!(sent_json(Dialect::Embeddings, &body, &json!({})), expected);
    }
}

#[test]
fn what_an_endpoint_does_not_take_stays_behind() {
    let body = json!({"model": "a/b", "input": "x", "dimensions": 9, "input_type": "query", "user": "ann"});
    let sent = sent(Dialect::Embeddings, &body, &json!({"encoding_format": "base64"}), &["seed"]).unwrap();
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    let user = end_user::hashed("ann");
    assert_eq!(sent, json!({"model": "b-1", "input": "x", "encoding_format": "base64", "user": user}));
}

#[test]
fn vectors_come_as_numbers_or_base64_in_any_order() {
    let row = |index: Value, embedding: Value| json!({"object": "embedding", "index": index, "embedding": embedding});
    let base64 = json!({"data": [row(json!(1), json!("AACAPwAAAMA=")), row(json!(0), json!([0.5, 1]))]});
    assert_eq!(vectors(&base64), [(1, vec![1.0, -2.0]), (0, vec![0.5, 1.0])]);
    let all_first = json!({"data": [row(json!(0), json!([1])), row(json!(0), json!([2]))]});
    assert_eq!(vectors(&all_first), [(0, vec![1.0]), (1, vec![2.0])]);
    let unsaid = json!({"data": [row(Value::Null, json!([1])), row(json!(0), json!([2]))]});
    assert_eq!(vectors(&unsaid), [(0, vec![1.0]), (1, vec![2.0])]);
}

#[test]
fn usage_is_divided_and_the_answer_ends() {
    let usage =
        json!({"prompt_tokens": 20, "total_tokens": 20, "prompt_tokens_details": {"image_tokens": 15}});
    let events = read(&json!({"id": "e", "model": "m", "data": [], "usage": usage})).unwrap();
    let start = Event::Start { id: Some("e".into()), model: Some("m".into()), system_fingerprint: None };
    let usage = Usage::default().with(Class::Input, 5).with(Class::ImageInput, 15);
    let finish = Event::stop();
    assert_eq!(events, [start, Event::Usage(usage), finish]);
    let none = read(&json!({"data": [], "usage": {"prompt_tokens": 0, "total_tokens": 0}})).unwrap();
    assert!(!none.iter().any(|event| matches!(event, Event::Usage(_))));
}

#[test]
fn an_error_or_nonsense_in_place_of_vectors_is_a_failure() {
    let error = read(&json!({"error": {"message": "slow down", "code": 429}})).unwrap_err();
    assert_eq!(error.error_type, ErrorType::RateLimitExceeded);
    for nonsense in
        [json!({"data": [{"embedding": "AAA="}]}), json!({"data": [{"embedding": "AADAfw=="}]}), json!(7)]
    {
        assert_eq!(read(&nonsense).unwrap_err().error_type, ErrorType::ProviderUnavailable);
    }
}
