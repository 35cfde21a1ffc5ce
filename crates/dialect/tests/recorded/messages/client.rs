//! A client of Anthropic Messages: how it puts a stream together, and what it checks on the way.

use dialect::canonical::Event;
use dialect::client::{Bill, Dialect, Envelope};
use serde_json::{Value, json};

use crate::cases::Case;

/// A message whole and streamed, which must be the same.
pub(super) fn both(events: &[Event], bill: &Bill) -> Value {
    let whole: Value = serde_json::from_slice(&written(events, bill, false)).unwrap();
    let mut streamed = accumulated(&written(events, bill, true));
    unreadable(&mut streamed);
    assert_eq!(streamed, whole);
    whole
}

fn written(events: &[Event], bill: &Bill, stream: bool) -> Vec<u8> {
    let envelope = Envelope { id: "gen-1".into(), model: "author/model".into(), ..Envelope::default() };
    let mut out = Vec::new();
    let mut encoder = Dialect::Messages.answer(envelope, None, stream);
    for event in events {
        encoder.event(event.clone(), &mut out);
    }
    encoder.finish(bill, &mut out);
    out
}

/// Arguments that a model cut short: a client sees the text of them, a whole message tells of it.
fn unreadable(message: &mut Value) {
    for block in message["content"].as_array_mut().unwrap() {
        if let Value::String(text) = &block["input"] {
            block["input"] = json!({"INVALID_JSON": text});
        }
    }
}

/// The message that was recorded.
pub(super) fn recorded(case: &Case) -> Value {
    if case.is_stream { accumulated(&case.response) } else { serde_json::from_slice(&case.response).unwrap() }
}

fn accumulated(stream: &[u8]) -> Value {
    let text = std::str::from_utf8(stream).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let mut message = Value::Null;
    let mut content: Vec<Value> = Vec::new();
    let mut open = None;
    for data in data {
        let event: Value = serde_json::from_str(data).unwrap();
        match event["type"].as_str().unwrap() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                assert_eq!((open, &event["index"]), (None, &json!(content.len())));
                open = Some(String::new());
                content.push(event["content_block"].clone());
            }
            "content_block_delta" => {
                assert_eq!(event["index"], json!(content.len() - 1));
                add(content.last_mut().unwrap(), &event["delta"], open.as_mut().unwrap());
            }
            "content_block_stop" => {
                let input = open.take().unwrap();
                if !input.is_empty() {
                    let read = serde_json::from_str(&input).unwrap_or(Value::String(input));
                    content.last_mut().unwrap()["input"] = read;
                }
            }
            "message_delta" => {
                for (name, value) in event["delta"].as_object().unwrap() {
                    message[name] = value.clone();
                }
                for (name, value) in event["usage"].as_object().unwrap() {
                    message["usage"][name] = value.clone();
                }
            }
            _ => {}
        }
    }
    assert_eq!(open, None, "a block is open at the end");
    message["content"] = content.into();
    message
}

fn add(block: &mut Value, delta: &Value, input: &mut String) {
    for name in ["text", "thinking", "signature"] {
        if let Some(piece) = delta[name].as_str() {
            block[name] = (block[name].as_str().unwrap_or_default().to_owned() + piece).into();
        }
    }
    input.push_str(delta["partial_json"].as_str().unwrap_or_default());
    if let Some(citation) = delta.get("citation") {
        match &mut block["citations"] {
            Value::Array(citations) => citations.push(citation.clone()),
            other => *other = json!([citation]),
        }
    }
}
