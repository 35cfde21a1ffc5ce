//! Answers, as a client of this dialect reads them.

use serde_json::{Value, json};

use crate::canonical::Event;
use crate::client::{AnswerEncoder, Bill, Dialect, Envelope, PublicError};

pub(super) fn envelope() -> Envelope {
    Envelope { id: "gen-1".into(), model: "a/b".into(), provider: "Acme".into(), ..Envelope::default() }
}

pub(super) fn whole(events: &[Event], envelope: Envelope, bill: &Bill) -> Value {
    let mut out = Vec::new();
    let mut encoder = Dialect::Messages.answer(envelope, None, false);
    feed(&mut *encoder, events, &mut out);
    assert!(out.is_empty());
    encoder.finish(bill, &mut out);
    serde_json::from_slice(&out).unwrap()
}

/// The frames of a streamed answer: name and data.
pub(super) fn streamed(events: &[Event], envelope: Envelope, bill: &Bill) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    let mut encoder = Dialect::Messages.answer(envelope, None, true);
    feed(&mut *encoder, events, &mut out);
    encoder.finish(bill, &mut out);
    frames(&out)
}

pub(super) fn broken(events: &[Event], error: &PublicError, stream: bool, bill: Option<&Bill>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Dialect::Messages.answer(envelope(), None, stream);
    feed(&mut *encoder, events, &mut out);
    encoder.fail(error, bill, &mut out);
    out
}

fn feed(encoder: &mut dyn AnswerEncoder, events: &[Event], out: &mut Vec<u8>) {
    for event in events {
        encoder.event(event.clone(), out);
    }
}

pub(super) fn frames(out: &[u8]) -> Vec<(String, Value)> {
    let text = std::str::from_utf8(out).unwrap();
    let frames = text.split_terminator("\n\n").map(|frame| {
        let (name, data) = frame.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        let name = name.strip_prefix("event: ").unwrap();
        assert_eq!(data["type"], name);
        (name.to_owned(), data)
    });
    frames.collect()
}

/// Puts a streamed message together as Anthropic's own client does, and checks the grammar of the stream.
pub(super) fn accumulated(frames: &[(String, Value)]) -> Value {
    assert_eq!(frames[0].0, "message_start");
    assert_eq!(frames.last().unwrap().0, "message_stop");
    let mut message = frames[0].1["message"].clone();
    let mut content: Vec<Value> = Vec::new();
    let mut input = String::new();
    let mut is_open = false;
    for (name, data) in &frames[1..] {
        match name.as_str() {
            "content_block_start" => {
                assert!(!is_open, "two blocks are open");
                is_open = true;
                assert_eq!(data["index"], content.len());
                content.push(data["content_block"].clone());
                input.clear();
            }
            "content_block_delta" => {
                assert!(is_open && data["index"] == content.len() - 1);
                add(content.last_mut().unwrap(), &data["delta"], &mut input);
            }
            "content_block_stop" => {
                assert!(is_open && data["index"] == content.len() - 1);
                is_open = false;
                if !input.is_empty() {
                    content.last_mut().unwrap()["input"] = serde_json::from_str(&input).unwrap();
                }
            }
            "message_delta" => {
                assert!(!is_open, "a block is open at the end");
                for part in ["delta", "usage"] {
                    for (member, value) in data[part].as_object().unwrap() {
                        let place = if part == "usage" { &mut message["usage"] } else { &mut message };
                        place[member] = value.clone();
                    }
                }
                if let Some(edits) = data.get("context_management") {
                    message["context_management"] = edits.clone();
                }
            }
            "ping" | "message_stop" => {}
            other => panic!("{other}"),
        }
    }
    message["content"] = content.into();
    message
}

fn add(block: &mut Value, delta: &Value, input: &mut String) {
    let mut append = |name: &str| {
        let text = block[name].as_str().unwrap_or_default().to_owned() + delta[name].as_str().unwrap();
        block[name] = text.into();
    };
    match delta["type"].as_str().unwrap() {
        "text_delta" => append("text"),
        "thinking_delta" => append("thinking"),
        "signature_delta" => append("signature"),
        "input_json_delta" => input.push_str(delta["partial_json"].as_str().unwrap()),
        "citations_delta" => match &mut block["citations"] {
            Value::Array(citations) => citations.push(delta["citation"].clone()),
            other => *other = json!([delta["citation"]]),
        },
        other => panic!("{other}"),
    }
}

/// An answer whole and streamed, which must be the same.
pub(super) fn both(events: &[Event], bill: &Bill) -> Value {
    let message = whole(events, envelope(), bill);
    assert_eq!(accumulated(&streamed(events, envelope(), bill)), message);
    message
}
