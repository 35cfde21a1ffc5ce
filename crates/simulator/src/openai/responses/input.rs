//! Reads input items as turns.

use serde_json::Value;

use super::super::parse::{FILE, IMAGE_HIGH, IMAGE_LOW};
use super::output::{seal, unseal};
use crate::ask::{Role, Turn};
use crate::failure::Failure;

/// # Errors
/// [`Failure`] as OpenAI would answer.
pub(super) fn turns(body: &Value) -> Result<Vec<Turn>, Failure> {
    let mut turns = Vec::new();
    if let Some(text) = body["instructions"].as_str() {
        turns.push(said(Role::System, text));
    }
    match &body["input"] {
        Value::String(text) => turns.push(said(Role::User, text)),
        Value::Array(items) => read(items, &mut turns)?,
        _ => {
            return Err(Failure::bad("Missing required parameter: 'input'.")
                .param("input")
                .code("missing_required_parameter"));
        }
    }
    Ok(turns)
}

fn said(role: Role, text: &str) -> Turn {
    let mut turn = Turn::new(role);
    turn.say(text);
    turn
}

fn read(items: &[Value], turns: &mut Vec<Turn>) -> Result<(), Failure> {
    check_calls(items)?;
    for (at, item) in items.iter().enumerate() {
        let turn = match item["type"].as_str() {
            None | Some("message") => message(item, at)?,
            Some("function_call") => {
                let mut turn = Turn::new(Role::Assistant);
                turn.extra.push_str(item["name"].as_str().unwrap_or_default());
                turn.extra.push_str(item["arguments"].as_str().unwrap_or_default());
                turn
            }
            Some("function_call_output") => {
                let mut turn = Turn::new(Role::Tool);
                content(&mut turn, &item["output"]);
                turn
            }
            Some("reasoning") => {
                check_reasoning(items, at)?;
                let mut turn = Turn::new(Role::Assistant);
                let sealed = item["encrypted_content"].as_str().and_then(unseal);
                turn.extra.push_str(&sealed.unwrap_or_default());
                turn
            }
            Some(_) => {
                let mut turn = Turn::new(Role::Assistant);
                turn.extra.push_str(&item.to_string());
                turn
            }
        };
        turns.push(turn);
    }
    Ok(())
}

fn message(item: &Value, at: usize) -> Result<Turn, Failure> {
    let role = match item["role"].as_str() {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        other => {
            let said = other.unwrap_or("null");
            let message = format!(
                "Invalid value: '{said}'. Supported values are: 'assistant', 'system', 'developer', and 'user'."
            );
            return Err(Failure::bad(message).param(&format!("input[{at}].role")).code("invalid_value"));
        }
    };
    for part in item["content"].as_array().into_iter().flatten() {
        let kind = part["type"].as_str().unwrap_or_default();
        let wanted = if role == Role::Assistant { "output_text" } else { "input_text" };
        let fits = if role == Role::Assistant {
            matches!(kind, "output_text" | "refusal")
        } else {
            matches!(kind, "input_text" | "input_image" | "input_file" | "input_audio")
        };
        if !fits {
            let message = format!("Invalid value: '{kind}'. Supported values are: '{wanted}' and others.");
            return Err(Failure::bad(message)
                .param(&format!("input[{at}].content[0]"))
                .code("invalid_value"));
        }
    }
    let mut turn = Turn::new(role);
    content(&mut turn, &item["content"]);
    Ok(turn)
}

fn content(turn: &mut Turn, content: &Value) {
    match content {
        Value::String(text) => turn.say(text),
        Value::Array(parts) => parts.iter().for_each(|part| match part["type"].as_str() {
            Some("input_image") if part["detail"] == "low" => turn.image(IMAGE_LOW),
            Some("input_image") => turn.image(IMAGE_HIGH),
            Some("input_file") => turn.media_tokens += FILE,
            Some("refusal") => turn.say(part["refusal"].as_str().unwrap_or_default()),
            _ => turn.say(part["text"].as_str().unwrap_or_default()),
        }),
        _ => {}
    }
}

/// Every call has its output and every output its call.
fn check_calls(items: &[Value]) -> Result<(), Failure> {
    let ids = |kind: &str| -> Vec<&str> {
        let of_kind = items.iter().filter(|item| item["type"] == kind);
        of_kind.map(|item| item["call_id"].as_str().unwrap_or_default()).collect()
    };
    let (calls, outputs) = (ids("function_call"), ids("function_call_output"));
    if let Some(id) = outputs.iter().find(|id| !calls.contains(id)) {
        let message = format!("No tool call found for function call output with call_id {id}.");
        return Err(Failure::bad(message).param("input"));
    }
    if let Some(id) = calls.iter().find(|id| !outputs.contains(id)) {
        return Err(Failure::bad(format!("No tool output found for function call {id}.")).param("input"));
    }
    Ok(())
}

/// Reasoning comes back whole, sealed, and before what followed it.
fn check_reasoning(items: &[Value], at: usize) -> Result<(), Failure> {
    let id = items[at]["id"].as_str().unwrap_or_default();
    let sealed = &items[at]["encrypted_content"];
    match sealed.as_str() {
        Some(content) if unseal(content).is_some_and(|thoughts| seal(&thoughts) == content) => {}
        Some(_) => {
            let message = format!("The encrypted content for item {id} could not be verified.");
            return Err(Failure::bad(message).code("invalid_encrypted_content"));
        }
        // Models of others hand their thoughts out in the open.
        None if items[at]["content"].is_array() => {}
        None => {
            return Err(Failure::new(
                404,
                format!(
                    "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with \
                     `store` set to true, or remove this item from your input."
                ),
            )
            .param("input"));
        }
    }
    let next = items.get(at + 1);
    let follows = next.is_some_and(|item| {
        matches!(item["type"].as_str(), Some("function_call" | "reasoning"))
            || (matches!(item["type"].as_str(), None | Some("message")) && item["role"] == "assistant")
    });
    if follows {
        return Ok(());
    }
    let message =
        format!("Item '{id}' of type 'reasoning' was provided without its required following item.");
    Err(Failure::bad(message).param("input"))
}
