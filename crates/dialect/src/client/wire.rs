//! What the writers of all dialects do alike.

use serde::Serialize;

/// Appends `value` as JSON. Nothing is left of a value that cannot be written, which ours all can.
pub(super) fn append(out: &mut Vec<u8>, value: &impl Serialize) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(start);
    }
}

/// The last frame of a stream without names.
pub(super) const DONE: &[u8] = b"data: [DONE]\n\n";

/// Appends a server-sent event without a name.
pub(super) fn append_frame(out: &mut Vec<u8>, data: &impl Serialize) {
    out.extend_from_slice(b"data: ");
    append(out, data);
    out.extend_from_slice(b"\n\n");
}

/// Appends a server-sent event.
pub(super) fn append_named_frame(out: &mut Vec<u8>, name: &str, data: &impl Serialize) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    append_frame(out, data);
}

/// The id of a tool call that its provider gave none: always the same for the same call of an answer.
pub(super) fn tool_call_id(answer: &str, choice: u32, index: u32) -> String {
    let mut tail: Vec<char> = answer.chars().rev().filter(char::is_ascii_alphanumeric).take(20).collect();
    tail.resize(20, '0');
    let tail: String = tail.into_iter().rev().collect();
    format!("call_{tail}{choice:02x}{index:02x}")
}
