//! Frames of `application/vnd.amazon.eventstream`.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use serde_json::{Value, json};

use super::error_type;
use crate::failure::Failure;
use crate::seed::Dice;

const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// An event, with a padding that hides how long it is.
pub(super) fn padded(kind: &'static str, fields: Value, dice: &mut Dice) -> Vec<u8> {
    let mut payload = fields;
    let length = 1 + dice.index(PADDING.len());
    payload["p"] = json!(PADDING[..length]);
    frame("event", ":event-type", kind, &payload)
}

/// The exception that ends a stream. Its name begins with a small letter.
pub(super) fn failure(failure: &Failure) -> Vec<u8> {
    let kind = match error_type(failure) {
        "ModelErrorException" => "ModelStreamErrorException",
        kind => kind,
    };
    let mut letters = kind.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    let kind: String = first.into_iter().chain(letters).collect();
    frame("exception", ":exception-type", kind, &json!({"message": failure.message}))
}

/// A frame; nothing if it cannot be one, which only lengths beyond 16 MiB can bring about.
fn frame(
    message_type: &'static str,
    header: &'static str,
    kind: impl Into<String>,
    payload: &Value,
) -> Vec<u8> {
    let text = |value: String| HeaderValue::String(value.into());
    let message = Message::new(payload.to_string().into_bytes())
        .add_header(Header::new(header, text(kind.into())))
        .add_header(Header::new(":content-type", text("application/json".to_owned())))
        .add_header(Header::new(":message-type", text(message_type.to_owned())));
    let mut bytes = Vec::new();
    match write_message_to(&message, &mut bytes) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}
