//! Requests of clients.

use bytes::Bytes;
use dialect::canonical::{PartKind, Request, Task};
use dialect::client::{Dialect, Peek};
use serde_json::Value;

use super::endpoints::{CONVERSATIONS, OTHERS};

/// Reads `bytes` as a request: what peek takes decode takes, nothing in one costs more than its peek says,
/// and whatever can be read can be written for every provider or is refused in words.
pub fn check(dialect: Dialect, bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    let peeked = dialect.peek(bytes);
    let decoded = dialect.decode(&body);
    match (&peeked, &decoded) {
        (Ok(peek), Ok(task)) => bounded(peek, task),
        (Err(peeked), Err(decoded)) => {
            assert!(!peeked.message.is_empty() && !decoded.message.is_empty(), "a refusal without words");
        }
        (Ok(_), Err(refusal)) => panic!("peek takes what decode refuses: {refusal}"),
        // Peek comes first, and refuses more: members that come twice, bodies that are too deep.
        (Err(refusal), Ok(_)) => assert!(!refusal.message.is_empty(), "a refusal without words"),
    }
    let Ok(task) = decoded else { return };
    for endpoint in
        CONVERSATIONS.iter().chain(&OTHERS).filter(|endpoint| endpoint.operation == task.operation())
    {
        if let Some(Ok(encoded)) = endpoint.with(|adapter, target| adapter.encode(&task, target)) {
            let is_form = encoded.body.starts_with(b"--");
            let is_json = || serde_json::from_slice::<Value>(&encoded.body).is_ok();
            assert!(is_form || encoded.body.is_empty() || is_json(), "{}: not JSON", endpoint.name);
        }
    }
}

/// What is paid for by the peek covers what was asked for.
fn bounded(peek: &Peek, task: &Task) {
    let Task::Chat(request) = task else { return };
    assert!(peek.choices >= request.n.unwrap_or(1), "{} choices for {:?}", peek.choices, request.n);
    assert_eq!(peek.max_tokens, request.max_tokens);
    assert_eq!(peek.stream, request.stream);
    let text = text_bytes(request);
    assert!(peek.text_bytes >= text, "{} bytes of text, at least {text}", peek.text_bytes);
    let is_image = |kind: &PartKind| matches!(kind, PartKind::Image { .. });
    let parts = || request.messages.iter().flat_map(|message| &message.content);
    let images = parts().filter(|part| is_image(&part.kind)).count();
    assert!(u64::from(peek.images) >= images as u64, "{} images, at least {images}", peek.images);
    let inline: u64 = parts()
        .filter_map(|part| match &part.kind {
            PartKind::Audio { data, .. } => Some(data.len() as u64),
            _ => None,
        })
        .sum();
    assert!(
        peek.media_bytes + peek.text_bytes >= inline,
        "{} bytes of media, at least {inline}",
        peek.media_bytes
    );
}

/// Bytes of all that a model reads as text.
fn text_bytes(request: &Request) -> u64 {
    let mut text = 0;
    for message in &request.messages {
        message.for_each_text(|more| text += more.len() as u64);
    }
    for tool in &request.tools {
        text += (tool.name.len() + tool.description.as_ref().map_or(0, String::len)) as u64;
    }
    text
}
