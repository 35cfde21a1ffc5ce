use bytes::Bytes;
use pricing::{Amount, Class, Usage};
use serde_json::{Value, json};

use crate::canonical::{EmbeddingInput, Event, PartKind, Task};
use crate::client::{Bill, Dialect, Envelope, Peek, PublicError};
use crate::error::ErrorType;

fn peek(body: &Value) -> Peek {
    Dialect::Embeddings.peek(body.to_string().as_bytes()).unwrap()
}

fn refused(members: Value) -> String {
    let mut body = json!({"model": "a/b", "input": "x"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let body = Bytes::from(body.to_string());
    let refusal = Dialect::Embeddings.peek(&body).unwrap_err();
    assert_eq!(Dialect::Embeddings.decode(&body).unwrap_err(), refusal);
    refusal.message
}

fn decoded(body: &Value) -> crate::canonical::EmbeddingsRequest {
    match Dialect::Embeddings.decode(&Bytes::from(body.to_string())).unwrap() {
        Task::Embeddings(request) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn inputs_of_every_kind_are_read() {
    let body = json!({"model": "a/b", "input": ["x", [7, 8], {"content": [{"type": "text", "text": "y"}]}],
        "dimensions": 64, "encoding_format": "base64", "input_type": "query", "user": "ann", "truncate": "END"});
    let request = decoded(&body);
    assert_eq!(request.inputs[..2], [EmbeddingInput::Text("x".into()), EmbeddingInput::Tokens(vec![7, 8])]);
    let EmbeddingInput::Parts(parts) = &request.inputs[2] else { panic!("no parts") };
    assert_eq!(parts[0].kind, PartKind::Text("y".into()));
    assert_eq!((request.dimensions, request.as_base64), (Some(64), true));
    assert_eq!((request.input_type.as_deref(), request.user.as_deref()), (Some("query"), Some("ann")));
    assert_eq!(Value::Object(request.extra), json!({"truncate": "END"}));
    assert_eq!(decoded(&json!({"model": "a", "input": [ 5]})).inputs, [EmbeddingInput::Tokens(vec![5])]);
    assert_eq!(decoded(&json!({"model": "a", "input": [[5]]})).inputs, [EmbeddingInput::Tokens(vec![5])]);
}

#[test]
fn admission_learns_what_the_request_weighs() {
    let plain = json!({"model": "a/b", "models": ["c/d", "a/b"], "input": "x", "provider": {"order": ["p"]}});
    let read = peek(&plain);
    assert_eq!(read.models, ["a/b", "c/d"]);
    assert_eq!(read.provider.unwrap().get(), r#"{"order":["p"]}"#);
    assert_eq!((read.text_bytes, read.choices), (plain.to_string().len() as u64, 1));
    assert_eq!((read.input_modalities, read.stream), (vec!["text"], false));
    let url = format!("data:image/png;base64,{}", "A".repeat(400));
    let image = json!({"model": "a/b", "dimensions": 3, "input": [{"content": [
        {"type": "image_url", "image_url": {"url": url}}, {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}]});
    let read = peek(&image);
    assert_eq!((read.images, read.media_bytes), (1, 4));
    assert_eq!(read.text_bytes, image.to_string().len() as u64 - 404);
    assert_eq!(read.input_modalities, ["text", "image", "audio"]);
    assert_eq!(read.parameters, ["dimensions"]);
}

#[test]
fn what_cannot_be_meant_is_refused_alike_by_both_readers() {
    for (members, words) in [
        (json!({"input": null}), "`input` is required"),
        (json!({"input": ""}), "`input` must not be empty"),
        (json!({"input": []}), "`input` must have at least one entry"),
        (json!({"input": ["x", ""]}), "`input[1]` must not be empty"),
        (json!({"input": [1, -1]}), "`input` must be a list of token ids"),
        (json!({"input": [1, "x"]}), "`input` must be a list of token ids"),
        (json!({"input": [[1], []]}), "`input[1]` must be a list of token ids"),
        (json!({"input": [true]}), "`input[0]` must be a text"),
        (json!({"input": [{"content": []}]}), "`input[0].content` must have at least one part"),
        (json!({"input": [{"content": [{"type": "text"}]}]}), "`input[0].content[0].text` must be a string"),
        (json!({"input": vec!["x"; 2_049]}), "`input` must have at most 2048 entries"),
        (json!({"dimensions": 0}), "`dimensions` must be an integer of at least 1"),
        (json!({"encoding_format": "int8"}), "`encoding_format` must be one of float, base64"),
        (json!({"model": 1}), "`model` must be a string"),
    ] {
        let said = refused(members);
        assert!(said.contains(words), "{said}");
    }
}

fn answered(as_base64: bool) -> Value {
    let format = if as_base64 { "base64" } else { "float" };
    let task =
        Task::Embeddings(decoded(&json!({"model": "a/b", "input": ["x", "y"], "encoding_format": format})));
    let envelope =
        Envelope { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), ..Envelope::default() };
    let mut encoder = Dialect::Embeddings.answer(envelope, Some(&task), false);
    let mut out = Vec::new();
    encoder.event(Event::Embedding { index: 1, vector: vec![-2.0] }, &mut out);
    encoder.event(Event::Embedding { index: 0, vector: vec![0.1, 1.0] }, &mut out);
    assert!(out.is_empty());
    let usage = Usage::default().with(Class::Input, 5);
    encoder.finish(&Bill { usage, cost: Amount::from_nanos(1_500), ..Bill::default() }, &mut out);
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn vectors_go_out_in_order_and_in_the_form_that_was_asked_for() {
    let answer = answered(false);
    assert_eq!(answer["data"][0], json!({"object": "embedding", "index": 0, "embedding": [0.1, 1.0]}));
    assert_eq!(answer["data"][1]["embedding"], json!([-2.0]));
    assert_eq!(
        (&answer["object"], &answer["id"], &answer["model"]),
        (&json!("list"), &json!("gen-1"), &json!("a/b"))
    );
    assert_eq!((&answer["usage"]["prompt_tokens"], &answer["usage"]["total_tokens"]), (&json!(5), &json!(5)));
    assert_eq!(answer["usage"]["cost"].as_f64(), Some(0.000_001_5));
    assert_eq!(answered(true)["data"][1]["embedding"], json!("AAAAwA=="));
}

#[test]
fn an_answer_that_broke_is_an_error() {
    let mut out = Vec::new();
    let error = PublicError::new(ErrorType::ProviderUnavailable, "gone");
    Dialect::Embeddings.answer(Envelope::default(), None, false).fail(&error, None, &mut out);
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["error"]["code"], 502);
}

#[test]
fn admission_learns_how_many_inputs_have_a_context_each() {
    let of = |input: Value| peek(&json!({"model": "a/b", "input": input})).messages;
    assert_eq!((of(json!("x")), of(json!([1, 2, 3]))), (1, 1));
    assert_eq!((of(json!(["x", "y"])), of(json!([[1], [2], [3]]))), (2, 3));
}
