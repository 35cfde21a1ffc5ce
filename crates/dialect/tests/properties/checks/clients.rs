//! What goes out to clients.

use bytes::Bytes;
use dialect::canonical::{Event, Task};
use dialect::client::{Bill, Dialect, Envelope, PublicError};
use dialect::sse;
use serde_json::Value;

/// Client dialects that conversations are held in.
pub const DIALECTS: [Dialect; 4] =
    [Dialect::Chat, Dialect::Completions, Dialect::Responses, Dialect::Messages];

/// A plain request in a dialect.
#[must_use]
pub fn task(dialect: Dialect) -> Option<Task> {
    let body = match dialect {
        Dialect::Chat => r#"{"model":"a/b","messages":[{"role":"user","content":"Go"}]}"#,
        Dialect::Completions => r#"{"model":"a/b","prompt":"Go"}"#,
        Dialect::Responses => r#"{"model":"a/b","input":"Go"}"#,
        Dialect::Messages => r#"{"model":"a/b","max_tokens":9,"messages":[{"role":"user","content":"Go"}]}"#,
        _ => return None,
    };
    dialect.decode(&Bytes::from_static(body.as_bytes())).ok()
}

/// The bytes of an answer. A failure among the events ends it as a broken one.
#[must_use]
pub fn written(dialect: Dialect, events: &[Event], stream: bool) -> Vec<u8> {
    let envelope =
        Envelope { id: "gen-00".to_owned(), model: "author/model".to_owned(), ..Envelope::default() };
    let mut encoder = dialect.answer(envelope, task(dialect).as_ref(), stream);
    let (mut out, mut bill, mut broken) = (Vec::new(), Bill::default(), None);
    for event in events {
        match event {
            Event::Usage(usage) => bill.usage = *usage,
            Event::Failure(error) => broken = Some(PublicError::new(error.error_type, error.message.clone())),
            _ => {}
        }
        encoder.event(event.clone(), &mut out);
    }
    match broken {
        None => encoder.finish(&bill, &mut out),
        Some(error) => encoder.fail(&error, Some(&bill), &mut out),
    }
    out
}

/// Writes events for clients of every dialect, whole and streamed: always JSON in closed frames.
pub fn check(events: &[Event]) {
    for dialect in DIALECTS.into_iter().filter(|dialect| task(*dialect).is_some()) {
        let whole = written(dialect, events, false);
        assert!(
            serde_json::from_slice::<Value>(&whole).is_ok(),
            "{dialect:?}: {}",
            String::from_utf8_lossy(&whole)
        );
        let stream = written(dialect, events, true);
        for (name, value) in frames(&stream) {
            assert!(value.is_some(), "{dialect:?}: a frame `{name}` that is not JSON");
        }
    }
}

/// Names and values of the frames, but for `[DONE]`.
///
/// # Panics
/// When the last frame is not closed.
#[must_use]
pub fn frames(bytes: &[u8]) -> Vec<(String, Option<Value>)> {
    assert!(bytes.is_empty() || bytes.ends_with(b"\n\n"), "the last frame is not closed");
    let mut frames = Vec::new();
    let mut decoder = sse::Decoder::default();
    let outcome = decoder.push(bytes, |name, data| {
        if data != b"[DONE]" {
            frames.push((name.to_owned(), serde_json::from_slice(data).ok()));
        }
    });
    assert!(outcome.is_ok());
    frames
}
