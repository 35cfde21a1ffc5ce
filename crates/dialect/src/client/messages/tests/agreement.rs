//! Both readers refuse the same bodies, in the same words.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::Dialect;

/// A body with every member that is read.
fn full() -> Value {
    let image =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}});
    let linked = json!({"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}});
    let encoded = json!({"type": "document", "source":
        {"type": "base64", "media_type": "text/plain", "data": "xb5sdcWl"}});
    json!({
        "model": "a/b", "models": ["c/d"], "provider": {"only": ["x"]}, "stream": true, "max_tokens": 7,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "temperature": 0.5, "top_p": 0.5, "top_k": 5, "stop_sequences": ["END"],
        "metadata": {"user_id": "u"}, "user": "v", "session_id": "s", "service_tier": "auto", "speed": "fast",
        "thread": {"type": "create"},
        "thinking": {"type": "enabled", "budget_tokens": 2_000, "display": "omitted"},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
        "output_format": {"type": "json_schema", "schema": {"type": "object"}},
        "tools": [
            {"name": "f", "description": "does", "input_schema": {"type": "object"}, "strict": true},
            {"type": "bash_20250124", "name": "bash"},
            {"type": "web_search_20250305", "name": "web_search"}
        ],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true},
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Hi"}, image, linked,
                {"type": "document", "title": "t", "context": "c", "source": {"type": "text", "data": "d"}},
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "e"}]}},
                {"type": "document", "source": {"type": "file", "file_id": "f"}},
                encoded,
                {"type": "search_result", "title": "t", "source": "s", "content": [{"type": "text", "text": "g"}]},
                {"type": "later", "anything": {}, "source": {"type": "base64"}, "content": [{"type": "text", "text": "x"}]}
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm", "signature": "SIG"},
                {"type": "redacted_thinking", "data": "DATA"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t", "is_error": true, "content": [
                    {"type": "text", "text": "x"}, {"type": "tool_reference", "tool_name": "f"}]}
            ]},
            {"role": "system", "content": "Be kind."}
        ]
    })
}

/// The places of all values of a body.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut below = |name: &str, value: &Value| {
        let place = format!("{at}/{name}");
        found.push(place.clone());
        places(value, &place, found);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| below(&index.to_string(), value));
        }
        _ => {}
    }
}

#[test]
fn both_readers_agree_on_every_wrong_type() {
    let mut found = Vec::new();
    places(&full(), "", &mut found);
    let others = [
        json!(null),
        json!(true),
        json!(-3),
        json!(0.5),
        json!(""),
        json!("x"),
        json!("TEXT/plain"),
        json!("/w=="),
        json!([]),
        json!(["x"]),
        json!({}),
    ];
    let mut refused = 0;
    for place in found {
        for other in &others {
            let mut body = full();
            *body.pointer_mut(&place).unwrap() = other.clone();
            let body = Bytes::from(body.to_string());
            let (peeked, read) = (Dialect::Messages.peek(&body), Dialect::Messages.decode(&body));
            assert_eq!(peeked.as_ref().err(), read.as_ref().err(), "{place} = {other}");
            refused += u32::from(read.is_err());
        }
    }
    assert!(refused > 300, "{refused}");
}

#[test]
fn damage_is_survived() {
    let body = full().to_string().into_bytes();
    for (at, byte) in (0..body.len()).zip(b"\"{}[]:,0n\n\\".iter().cycle()) {
        let mut damaged = body.clone();
        damaged[at] = *byte;
        let damaged = Bytes::from(damaged);
        if Dialect::Messages.peek(&damaged).is_ok() {
            Dialect::Messages.decode(&damaged).unwrap();
        }
    }
}
