//! The system text: where each dialect has it.

use dialect::client::Dialect;
use dialect::error::BadRequest;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::members::{Members, raw};

/// Between texts that become one.
const BREAK: &str = "\n\n";
/// Who speaks for the system.
const ROLES: [&str; 2] = ["system", "developer"];

#[derive(Deserialize)]
struct Role {
    role: Option<String>,
}

/// What a body says for the system; `None` when that is nothing. Turns that cannot be read say nothing.
pub(super) fn text(dialect: Dialect, members: &Members<'_>) -> Option<String> {
    let mut texts = Vec::new();
    match dialect {
        Dialect::Responses => texts.extend(members.read::<Value>("instructions").iter().filter_map(joined)),
        _ => {
            if dialect == Dialect::Messages {
                texts.extend(members.read::<Value>("system").iter().filter_map(joined));
            }
            let turns: Vec<&RawValue> = members
                .get("messages")
                .and_then(|turns| serde_json::from_str(turns.get()).ok())
                .unwrap_or_default();
            let system = turns.into_iter().filter(|turn| is_system(turn));
            let content = system.filter_map(|turn| {
                let turn: Value = serde_json::from_str(turn.get()).ok()?;
                joined(&turn["content"])
            });
            texts.extend(content);
        }
    }
    (!texts.is_empty()).then(|| texts.join(BREAK))
}

/// A text, or the texts of a list of parts; `None` when there is none.
fn joined(content: &Value) -> Option<String> {
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join(BREAK)
        }
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn is_system(turn: &RawValue) -> bool {
    let role = serde_json::from_str(turn.get()).ok().and_then(|turn: Role| turn.role);
    role.is_some_and(|role| ROLES.contains(&role.as_str()))
}

/// Whether a list of turns or items has one that speaks for the system.
fn has_system(list: &RawValue) -> bool {
    let turns: Vec<&RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
    turns.into_iter().any(is_system)
}

/// Puts a preset's system text into a request that has none of its own.
///
/// # Errors
/// [`BadRequest`] when it cannot be written.
pub(super) fn put(dialect: Dialect, members: &mut Members<'_>, prompt: &str) -> Result<(), BadRequest> {
    let has_own = |name: &str| members.get(name).is_some_and(has_system);
    match dialect {
        Dialect::Responses if members.has("instructions") || has_own("input") => Ok(()),
        Dialect::Responses => members.put_value("instructions", &prompt),
        Dialect::Messages if members.has("system") || has_own("messages") => Ok(()),
        Dialect::Messages => members.put_value("system", &prompt),
        Dialect::Completions => before_prompt(members, prompt),
        _ if has_own("messages") => Ok(()),
        _ => before_messages(members, prompt),
    }
}

fn before_messages(members: &mut Members<'_>, prompt: &str) -> Result<(), BadRequest> {
    let turns: Vec<&RawValue> =
        members.get("messages").and_then(|turns| serde_json::from_str(turns.get()).ok()).unwrap_or_default();
    let system = raw(&json!({"role": "system", "content": prompt}))?;
    let turns: Vec<&RawValue> = std::iter::once(system.as_ref()).chain(turns).collect();
    let turns = raw(&turns)?;
    members.put("messages", turns);
    Ok(())
}

/// A text that is continued has no other place for it than before it.
fn before_prompt(members: &mut Members<'_>, prompt: &str) -> Result<(), BadRequest> {
    let own = match members.read::<Value>("prompt") {
        Some(Value::String(text)) => text,
        Some(Value::Array(texts)) => texts.first().and_then(Value::as_str).unwrap_or_default().to_owned(),
        // What is no text is refused by the dialect.
        _ => return Ok(()),
    };
    members.put_value("prompt", &format!("{prompt}{BREAK}{own}"))
}
