//! Messages: each stays as it was sent unless the endpoint would not understand something in it.

use memchr::memmem;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::quirks::Quirks;
use super::parts;
use crate::call_ids;
use crate::canonical::{Message, Request, Speaker};
use crate::members::Member;

/// Members of a turn that are ours and that providers of this dialect do not know.
const OURS: [&str; 6] =
    ["reasoning", "reasoning_content", "reasoning_details", "annotations", "images", "model"];

/// Signs in a turn's text that it may have to change; a false one costs only time.
const SIGNS: [&str; 6] =
    ["\"reasoning", "\"annotations\"", "\"images\"", "\"model\"", "\"cache_control\"", "\"tool_calls\""];

/// Quirks by which any turn may have to change.
const REWRITING: [&str; 5] =
    ["turn_members", "file_part", "audio_part", "prefill_member", "always_send_reasoning_back"];

/// Makes the messages those that the endpoint understands.
pub(super) fn shape(messages: &mut Member<'_>, request: &Request, quirks: Quirks<'_>) {
    match messages {
        Member::Raw(raw) => {
            let raw: &RawValue = raw;
            if !may_change(raw.get(), quirks) {
                return;
            }
            if let Ok(turns) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
                *messages = Member::List(shaped(turns, request, quirks));
            }
        }
        Member::Made(Value::Array(turns)) => {
            let count = turns.len();
            for (index, (turn, message)) in turns.iter_mut().zip(&request.messages).enumerate() {
                shape_turn(turn, message, index + 1 == count, quirks);
            }
        }
        Member::Made(_) | Member::List(_) => {}
    }
}

fn shaped<'a>(turns: Vec<&'a RawValue>, request: &Request, quirks: Quirks<'_>) -> Vec<Member<'a>> {
    let count = turns.len();
    let mut shaped = Vec::with_capacity(count);
    for (index, turn) in turns.into_iter().enumerate() {
        let message = request.messages.get(index).filter(|_| may_change(turn.get(), quirks));
        let mut member = Member::Raw(turn);
        if let Some(message) = message {
            let mut value = member.value();
            shape_turn(&mut value, message, index + 1 == count, quirks);
            member = Member::Made(value);
        }
        shaped.push(member);
    }
    shaped
}

fn may_change(text: &str, quirks: Quirks<'_>) -> bool {
    let has = |sign: &str| memmem::find(text.as_bytes(), sign.as_bytes()).is_some();
    REWRITING.iter().any(|quirk| quirks.names(quirk))
        || SIGNS.iter().any(|sign| has(sign))
        || (quirks.is("developer_role", "system") && has("\"developer\""))
        || (quirks.is("names", "prefix") && has("\"name\""))
        || (quirks.is("tool_call_id_pattern", "mistral9") && has("\"tool_call_id\""))
        || has_bare_image(text)
}

/// Whether an `image_url` is a string where the dialect wants an object.
fn has_bare_image(text: &str) -> bool {
    memmem::find_iter(text.as_bytes(), b"\"image_url\"").any(|at| {
        let rest = text[at + "\"image_url\"".len()..].trim_start();
        rest.strip_prefix(':').is_some_and(|value| value.trim_start().starts_with('"'))
    })
}

fn shape_turn(turn: &mut Value, message: &Message, is_last: bool, quirks: Quirks<'_>) {
    let Value::Object(turn) = turn else { return };
    let back = quirks.text("send_reasoning_back");
    turn.retain(|name, _| {
        !OURS.contains(&name.as_str()) || (name == "reasoning_details" && back == Some(name))
    });
    if quirks.is("developer_role", "system") && turn.get("role").is_some_and(|role| role == "developer") {
        turn.insert("role".to_owned(), json!("system"));
    }
    if let Some(Value::Array(content)) = turn.get_mut("content") {
        parts::shape(content, quirks);
    }
    if quirks.is("names", "prefix") {
        prefix_name(turn, message.speaker);
    }
    shape_calls(turn, quirks);
    send_back(turn, message, quirks);
    if let Some(member) = quirks.text("prefill_member").filter(|_| is_last && is_prefill(message)) {
        turn.entry(member).or_insert(json!(true));
    }
    if quirks.names("turn_members") {
        if !quirks.lists("turn_members", "refusal") {
            say_refusal(turn);
        }
        turn.retain(|name, _| quirks.lists("turn_members", name));
    }
}

/// A refusal becomes what the turn says where a turn can have none: without either it would say nothing, which is
/// refused.
fn say_refusal(turn: &mut Map<String, Value>) {
    let says_nothing = turn.get("content").is_none_or(|content| content.is_null() || content == "");
    if let Some(Value::String(refusal)) = turn.shift_remove("refusal").filter(|_| says_nothing) {
        turn.insert("content".to_owned(), Value::String(refusal));
    }
}

/// Whether the model is to go on with what this last turn begins.
fn is_prefill(message: &Message) -> bool {
    message.speaker == Speaker::Assistant && message.tool_calls.is_empty()
}

/// Who speaks leads the text where a turn may have no name. What a tool gave is left as it is.
fn prefix_name(turn: &mut Map<String, Value>, speaker: Speaker) {
    let Some(Value::String(name)) = turn.shift_remove("name").filter(|_| speaker != Speaker::Tool) else {
        return;
    };
    let text = match turn.get_mut("content") {
        Some(Value::Array(parts)) => parts.iter_mut().find_map(|part| part.get_mut("text")),
        content => content,
    };
    if let Some(Value::String(text)) = text {
        text.insert_str(0, &format!("{name}: "));
    }
}

fn shape_calls(turn: &mut Map<String, Value>, quirks: Quirks<'_>) {
    let nine = quirks.is("tool_call_id_pattern", "mistral9");
    if let Some(Value::Array(calls)) = turn.get_mut("tool_calls") {
        for call in calls.iter_mut().filter_map(Value::as_object_mut) {
            call.shift_remove("index");
            if let Some(Value::String(id)) = call.get_mut("id").filter(|_| nine) {
                *id = call_ids::nine(id).into_owned();
            }
            if let Some(Value::String(arguments)) =
                call.get_mut("function").and_then(|f| f.get_mut("arguments"))
                && arguments.is_empty()
            {
                arguments.push_str("{}");
            }
        }
    }
    if let Some(Value::String(id)) = turn.get_mut("tool_call_id").filter(|_| nine) {
        *id = call_ids::nine(id).into_owned();
    }
}

/// Returns earlier reasoning in the endpoint's form.
fn send_back(turn: &mut Map<String, Value>, message: &Message, quirks: Quirks<'_>) {
    let text: String = message.reasoning.iter().filter_map(|detail| detail.text()).collect();
    let is_due = message.speaker == Speaker::Assistant && quirks.has("always_send_reasoning_back");
    match quirks.text("send_reasoning_back") {
        Some(member @ ("reasoning" | "reasoning_content")) if !text.is_empty() || is_due => {
            turn.insert(member.to_owned(), json!(text));
        }
        Some("thinking") if !text.is_empty() => {
            let mut parts = vec![json!({"type": "thinking", "thinking": [{"type": "text", "text": text}]})];
            match turn.shift_remove("content") {
                Some(Value::String(said)) if !said.is_empty() => {
                    parts.push(json!({"type": "text", "text": said}))
                }
                Some(Value::Array(said)) => parts.extend(said),
                _ => {}
            }
            turn.insert("content".to_owned(), Value::Array(parts));
        }
        _ => {}
    }
}
