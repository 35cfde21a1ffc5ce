//! Reads a chat request.

use serde_json::Value;

use crate::ask::{Ask, Format, Reasoning, Role, Tool, Turn};
use crate::failure::Failure;
use crate::openai::{stop, tokens_of_effort};

const IMAGE: u64 = 256;

/// # Errors
/// [`Failure`] as Ollama would answer.
pub(super) fn parse(body: &Value) -> Result<Ask, Failure> {
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Err(Failure::bad("model is required"));
    };
    let mut ask = Ask::new(model);
    for message in body["messages"].as_array().into_iter().flatten() {
        ask.turns.push(turn(message)?);
    }
    let options = &body["options"];
    ask.stream = body["stream"] != false;
    ask.max_tokens = options["num_predict"].as_u64();
    ask.stop = stop(&options["stop"]);
    ask.seed = options["seed"].as_i64();
    ask.tools = body["tools"].as_array().into_iter().flatten().map(tool).collect();
    ask.format = match &body["format"] {
        Value::String(word) if word == "json" => Format::Object,
        Value::Object(_) => Format::Schema(body["format"].clone()),
        _ => Format::Text,
    };
    let tokens = match &body["think"] {
        Value::Bool(true) => 64,
        Value::String(level) => tokens_of_effort(level),
        _ => 0,
    };
    ask.reasoning = (tokens > 0).then_some(Reasoning::shown(tokens, true));
    Ok(ask)
}

fn turn(message: &Value) -> Result<Turn, Failure> {
    let role = match message["role"].as_str() {
        Some("system") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        other => return Err(Failure::bad(format!("invalid role: {}", other.unwrap_or("null")))),
    };
    let mut turn = Turn::new(role);
    match &message["content"] {
        Value::String(text) => turn.say(text),
        Value::Null => {}
        _ => {
            return Err(Failure::bad(
                "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string",
            ));
        }
    }
    for image in message["images"].as_array().into_iter().flatten() {
        if image.as_str().is_none_or(|data| data.starts_with("data:") || data.starts_with("http")) {
            return Err(Failure::bad("illegal base64 data at input byte 4"));
        }
        turn.image(IMAGE);
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        if !call["function"]["arguments"].is_object() {
            return Err(Failure::bad(
                "json: cannot unmarshal string into Go struct field ToolCallFunction.arguments of type object",
            ));
        }
        turn.extra.push_str(&call["function"].to_string());
    }
    turn.extra.push_str(message["thinking"].as_str().unwrap_or_default());
    Ok(turn)
}

fn tool(tool: &Value) -> Tool {
    Tool {
        name: tool["function"]["name"].as_str().unwrap_or_default().to_owned(),
        schema: tool["function"]["parameters"].clone(),
        declaration: tool["function"].to_string(),
    }
}
