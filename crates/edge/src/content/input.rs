//! What a client sent to a model, in one form whichever the dialect.

use std::borrow::Cow;

use dialect::client::Dialect;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::room::Room;

/// The members of a body that a model reads.
#[derive(Debug, Default, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    system: Option<&'a RawValue>,
    #[serde(borrow)]
    instructions: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    query: Option<&'a RawValue>,
    #[serde(borrow)]
    documents: Option<&'a RawValue>,
}

/// An object with `messages` or `prompt`. What comes before a conversation is its first message, by `system`.
pub(super) fn read(dialect: Dialect, body: &[u8], room: &mut Room) -> Value {
    let Ok(body) = serde_json::from_slice::<Body<'_>>(body) else {
        // It was read before, so this has a member twice.
        room.is_cut = true;
        return json!({ "prompt": "[not kept: it cannot be read]" });
    };
    match dialect {
        Dialect::Chat => conversation(None, body.messages, room),
        Dialect::Messages => conversation(body.system, body.messages, room),
        Dialect::Responses => conversation(body.instructions, body.input, room),
        Dialect::Completions => texts(body.prompt, room),
        Dialect::Embeddings => texts(body.input, room),
        Dialect::Rerank => {
            let prompt = text(body.query, room);
            json!({ "prompt": prompt, "documents": body.documents.map(|list| room.value(list)) })
        }
        Dialect::Images | Dialect::Transcription => json!({ "prompt": text(body.prompt, room) }),
        Dialect::Speech => json!({ "prompt": text(body.input, room) }),
    }
}

/// Messages as they came; a text alone is a user's.
fn conversation(system: Option<&RawValue>, turns: Option<&RawValue>, room: &mut Room) -> Value {
    let mut messages = Vec::new();
    if let Some(system) = system.filter(|system| system.get() != "null") {
        messages.push(json!({ "role": "system", "content": room.value(system) }));
    }
    match turns.map(|turns| room.value(turns)) {
        Some(Value::Array(turns)) => messages.extend(turns),
        Some(Value::Null) | None => {}
        Some(turn) => messages.push(json!({ "role": "user", "content": turn })),
    }
    json!({ "messages": messages })
}

/// One text, or several of which each is a user's message.
fn texts(sent: Option<&RawValue>, room: &mut Room) -> Value {
    match sent.map(|sent| room.value(sent)) {
        Some(Value::String(prompt)) => json!({ "prompt": prompt }),
        Some(Value::Array(inputs)) => {
            let messages: Vec<Value> =
                inputs.into_iter().map(|input| json!({ "role": "user", "content": input })).collect();
            json!({ "messages": messages })
        }
        Some(Value::Null) | None => json!({ "prompt": "" }),
        Some(other) => json!({ "messages": [{ "role": "user", "content": other }] }),
    }
}

fn text(sent: Option<&RawValue>, room: &mut Room) -> String {
    match sent.map(|sent| room.value(sent)) {
        Some(Value::String(text)) => text,
        Some(Value::Null) | None => String::new(),
        Some(other) => room.text(Cow::Owned(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(dialect: Dialect, body: &Value) -> Value {
        read(dialect, body.to_string().as_bytes(), &mut Room::new(10_000))
    }

    #[test]
    fn every_dialect_is_read_into_messages_or_a_prompt() {
        let turn = json!({ "role": "user", "content": "Hi" });
        let system = json!({ "role": "system", "content": "Be brief" });
        for (dialect, body, expected) in [
            (
                Dialect::Chat,
                json!({ "model": "a", "messages": [turn], "seed": 1 }),
                json!({ "messages": [turn] }),
            ),
            (
                Dialect::Messages,
                json!({ "system": "Be brief", "messages": [turn] }),
                json!({ "messages": [system, turn] }),
            ),
            (Dialect::Responses, json!({ "input": "Hi" }), json!({ "messages": [turn] })),
            (
                Dialect::Responses,
                json!({ "instructions": "Be brief", "input": [turn] }),
                json!({ "messages": [system, turn] }),
            ),
            (Dialect::Completions, json!({ "prompt": "Hi" }), json!({ "prompt": "Hi" })),
            (Dialect::Completions, json!({ "prompt": ["Hi"] }), json!({ "messages": [turn] })),
            (Dialect::Embeddings, json!({ "input": "Hi" }), json!({ "prompt": "Hi" })),
            (
                Dialect::Embeddings,
                json!({ "input": [[1, 2]] }),
                json!({ "messages": [{ "role": "user", "content": [1, 2] }] }),
            ),
            (
                Dialect::Rerank,
                json!({ "query": "Hi", "documents": ["a"] }),
                json!({ "prompt": "Hi", "documents": ["a"] }),
            ),
            (Dialect::Images, json!({ "prompt": "Hi" }), json!({ "prompt": "Hi" })),
            (Dialect::Speech, json!({ "input": "Hi", "voice": "v" }), json!({ "prompt": "Hi" })),
            (Dialect::Transcription, json!({ "input_audio": {} }), json!({ "prompt": "" })),
        ] {
            assert_eq!(input(dialect, &body), expected, "{dialect:?} {body}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_so() {
        let mut room = Room::new(1_000);
        let read = read(Dialect::Chat, br#"{"messages":[],"messages":[]}"#, &mut room);
        assert!(room.is_cut && read["prompt"].as_str().unwrap().contains("not kept"));
    }
}
