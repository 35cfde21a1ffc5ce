//! Frames of `application/vnd.amazon.eventstream`.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use serde_json::Value;

/// An event.
pub(super) fn event(kind: &'static str, payload: &Value) -> Vec<u8> {
    frame("event", ":event-type", kind, payload)
}

/// An exception, which ends a stream.
pub(super) fn exception(kind: String, payload: &Value) -> Vec<u8> {
    frame("exception", ":exception-type", kind, payload)
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
