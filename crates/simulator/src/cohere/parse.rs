//! Reads a chat request.

use serde_json::Value;

use super::extra;
use super::shape::CHAT;
use crate::ask::{Ask, Caching, Document, Format, Reasoning, Role, ToolChoice, Turn};
use crate::failure::Failure;
use crate::openai::{stop, tools};
use crate::strict::stranger;

const IMAGE: u64 = 259;

/// # Errors
/// [`Failure`] as Cohere would answer.
pub(super) fn parse(body: &Value) -> Result<Ask, Failure> {
    if let Some(way) = stranger(body, &CHAT) {
        return Err(extra(&way));
    }
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Err(bad("model is required"));
    };
    let mut ask = Ask::new(model);
    ask.turns = turns(body)?;
    ask.stream = body["stream"] == true;
    ask.tools = tools(&body["tools"]).map_err(|failure| bad(&failure.message))?;
    ask.tool_choice = match body["tool_choice"].as_str() {
        None if body["tool_choice"].is_null() => ToolChoice::Auto,
        Some("REQUIRED") => ToolChoice::Required,
        Some("NONE") => ToolChoice::Nothing,
        _ => return Err(bad("tool_choice must be one of REQUIRED, NONE")),
    };
    ask.plans = true;
    ask.documents = documents(&body["documents"]);
    ask.format = format(body)?;
    ask.max_tokens = body["max_tokens"].as_u64();
    ask.stop = stop(&body["stop_sequences"]);
    if ask.stop.len() > 5 {
        return Err(bad("stop_sequences must have at most 5 items"));
    }
    ask.seed = body["seed"].as_i64();
    ask.reasoning = reasoning(body, model);
    ask.caching = Caching::Automatic { step: 16, writes: false };
    check_ranges(body)?;
    Ok(ask)
}

fn bad(message: &str) -> Failure {
    Failure::bad(format!("invalid request: {message}"))
}

fn check_ranges(body: &Value) -> Result<(), Failure> {
    for (name, least, most) in [
        ("temperature", 0.0, 2.0),
        ("p", 0.0, 0.99),
        ("k", 0.0, 500.0),
        ("frequency_penalty", 0.0, 1.0),
        ("presence_penalty", 0.0, 1.0),
    ] {
        if body[name].as_f64().is_some_and(|value| !(least..=most).contains(&value)) {
            return Err(bad(&format!("{name} must be between {least} and {most} inclusive")));
        }
    }
    Ok(())
}

fn turns(body: &Value) -> Result<Vec<Turn>, Failure> {
    let Some(messages) = body["messages"].as_array().filter(|messages| !messages.is_empty()) else {
        return Err(bad("must have at least one message"));
    };
    let mut calls: Vec<&str> = Vec::new();
    let mut turns = Vec::new();
    for message in messages {
        let role = match message["role"].as_str() {
            Some("system" | "developer") => Role::System,
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("tool") => Role::Tool,
            _ => return Err(bad("message role must be one of: system, user, assistant, tool")),
        };
        let mut turn = Turn::new(role);
        read_content(&mut turn, &message["content"])?;
        turn.extra.push_str(message["tool_plan"].as_str().unwrap_or_default());
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            calls.extend(call["id"].as_str());
            turn.extra.push_str(&call["function"].to_string());
        }
        if role == Role::Tool {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            if !calls.contains(&id) {
                return Err(bad(&format!("tool_call_id '{id}' does not match any previous tool call")));
            }
        }
        if role == Role::User && !turn.says_something() {
            return Err(bad("message must have non-empty content"));
        }
        turns.push(turn);
    }
    Ok(turns)
}

fn read_content(turn: &mut Turn, content: &Value) -> Result<(), Failure> {
    let parts = match content {
        Value::String(text) => {
            turn.say(text);
            return Ok(());
        }
        Value::Array(parts) => parts.as_slice(),
        _ => return Ok(()),
    };
    for part in parts {
        match part["type"].as_str() {
            Some("text") => turn.say(part["text"].as_str().unwrap_or_default()),
            Some("thinking") => turn.extra.push_str(part["thinking"].as_str().unwrap_or_default()),
            Some("image_url") => turn.image(IMAGE),
            Some("document") => turn.say(&document_text(&part["document"]["data"])),
            other => {
                let message = format!("content type '{}' is not supported", other.unwrap_or_default());
                return Err(bad(&message));
            }
        }
    }
    Ok(())
}

fn documents(list: &Value) -> Vec<Document> {
    let documents = list.as_array().into_iter().flatten().enumerate();
    documents
        .map(|(at, document)| {
            let data = &document["data"];
            let text = document.as_str().map_or_else(|| document_text(data), str::to_owned);
            let id = document["id"].as_str().map_or_else(|| format!("doc:{at}"), str::to_owned);
            let title = data["title"].as_str().unwrap_or("the document").to_owned();
            let mut native = if data.is_object() { data.clone() } else { serde_json::json!({"text": text}) };
            native["id"] = serde_json::json!(id);
            Document { id, title, text, native }
        })
        .collect()
}

fn document_text(data: &Value) -> String {
    let named = ["text", "snippet", "output", "content"].into_iter().find_map(|name| data[name].as_str());
    named.or_else(|| data.as_str()).map_or_else(|| data.to_string(), str::to_owned)
}

fn format(body: &Value) -> Result<Format, Failure> {
    let format = &body["response_format"];
    let schema = if format["schema"].is_object() { &format["schema"] } else { &format["json_schema"] };
    match format["type"].as_str() {
        None | Some("text") => Ok(Format::Text),
        Some("json_object") if !body["tools"].is_null() || !body["documents"].is_null() => {
            Err(bad("json_object response_format is not supported with tools or documents"))
        }
        Some("json_object") if schema.is_object() => Ok(Format::Schema(schema.clone())),
        Some("json_object") => Ok(Format::Object),
        Some(_) => Err(bad("response_format.type must be one of text, json_object")),
    }
}

/// Models that are named for it reason unless that is switched off.
fn reasoning(body: &Value, model: &str) -> Option<Reasoning> {
    let thinking = &body["thinking"];
    let own = model.contains("reasoning") || model.contains("a-plus");
    let on = match thinking["type"].as_str() {
        Some("enabled") => true,
        Some(_) => false,
        None => own,
    };
    let tokens = thinking["token_budget"].as_u64().map_or(64, |budget| (budget / 16).clamp(8, 256));
    on.then_some(Reasoning::shown(tokens, true))
}
