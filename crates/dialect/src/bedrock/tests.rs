mod answers;
mod embeddings;
mod errors;
mod families;
mod invoke;
mod requests;
mod rerank;
mod streams;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::adapter;
use crate::canonical::Operation;
use crate::client::Dialect;
use crate::codec::{Encoded, Target};
use crate::error::BadRequest;

/// Runs `run` with an endpoint of `model`, which has `quirks` and room for 8,192 tokens.
fn with_target<T>(model: &str, quirks: &Value, run: impl FnOnce(&Target<'_>) -> T) -> T {
    let quirks: Map<String, Value> = serde_json::from_value(quirks.clone()).unwrap();
    run(&Target {
        model: "author/model",
        provider: "bedrock",
        provider_model: model,
        max_output: Some(8_192),
        supported_parameters: &[],
        service_tier: "",
        quirks: &quirks,
    })
}

/// Writes a chat body.
fn try_encode(chat: &Value, model: &str, quirks: &Value) -> Result<Encoded, BadRequest> {
    let task = Dialect::Chat.decode(&Bytes::from(chat.to_string())).unwrap();
    with_target(model, quirks, |target| adapter(Operation::Chat, target).unwrap().encode(&task, target))
}

fn body(chat: &Value, model: &str, quirks: &Value) -> Value {
    serde_json::from_slice(&try_encode(chat, model, quirks).unwrap().body).unwrap()
}

/// A frame as Amazon writes it, built by the book: lengths, checksum, headers, payload, checksum.
fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut written = Vec::new();
    for (name, value) in headers {
        written.push(u8::try_from(name.len()).unwrap());
        written.extend_from_slice(name.as_bytes());
        written.push(7);
        written.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        written.extend_from_slice(value.as_bytes());
    }
    let length = u32::try_from(16 + written.len() + payload.len()).unwrap();
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend_from_slice(&u32::try_from(written.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&written);
    frame.extend_from_slice(payload.as_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn event(kind: &str, payload: &Value) -> Vec<u8> {
    frame(&[(":message-type", "event"), (":event-type", kind)], &payload.to_string())
}

fn exception(kind: &str, message: &str) -> Vec<u8> {
    let payload = serde_json::json!({"message": message}).to_string();
    frame(&[(":message-type", "exception"), (":exception-type", kind)], &payload)
}
