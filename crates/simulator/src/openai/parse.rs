//! Reads a chat completions request.

use serde_json::Value;

use super::vendor;
use crate::ask::{Ask, Caching, Format, Reasoning, Role, Sound, Tool, ToolChoice, Turn};
use crate::failure::Failure;
use crate::prepare::Arrived;
use crate::quirks::{Quirks, Thoughts, is_reasoner, reasons_when_asked};

/// Tokens of an image, small or not; of an audio part; of a file.
pub(super) const IMAGE_LOW: u64 = 85;
pub(super) const IMAGE_HIGH: u64 = 765;
const AUDIO: u64 = 120;
pub(super) const FILE: u64 = 600;

/// # Errors
/// [`Failure`] as OpenAI would answer.
pub(crate) fn parse(arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
    let named = body["model"].as_str().filter(|model| !model.is_empty());
    let Some(model) = arrived.call.address.model.as_deref().or(named) else {
        return Err(Failure::bad("you must provide a model parameter"));
    };
    let quirks = Quirks::of(&arrived.call.provider, model);
    check(body, model, quirks)?;
    let mut ask = Ask::new(model);
    ask.turns = turns(body)?;
    ask.stream = body["stream"] == true;
    ask.stream_usage = quirks.unasked_usage || body["stream_options"]["include_usage"] == true;
    ask.tools = tools(&body["tools"])?;
    ask.tool_choice = tool_choice(&body["tool_choice"]);
    ask.parallel = body["parallel_tool_calls"] != false;
    ask.format = format(&body["response_format"]);
    ask.max_tokens = body["max_completion_tokens"].as_u64().or_else(|| body["max_tokens"].as_u64());
    ask.stop = stop(&body["stop"]);
    ask.choices = usize::try_from(body["n"].as_u64().unwrap_or(1)).unwrap_or(1);
    ask.seed = body["seed"].as_i64();
    ask.tier = tier(body);
    ask.reasoning = reasoning(body, model, quirks);
    ask.caching = Caching::Automatic { step: 128, writes: quirks.cache_writes };
    ask.sound = sound(body)?;
    ask.picture = picture(body, model);
    ask.logprobs = (body["logprobs"] == true).then(|| count(&body["top_logprobs"]));
    Ok(ask)
}

/// Every class of service that is asked for is had.
pub(super) fn tier(body: &Value) -> &'static str {
    let known = ["flex", "priority"];
    known.into_iter().find(|known| body["service_tier"] == *known).unwrap_or("default")
}

/// The form of a spoken answer. A stream takes raw samples only.
fn sound(body: &Value) -> Result<Option<Sound>, Failure> {
    if !modalities(body).any(|modality| modality == "audio") {
        return Ok(None);
    }
    let name = body["audio"]["format"].as_str();
    let Some(sound) = name.and_then(Sound::named) else {
        return Err(Failure::bad("Missing required parameter: 'audio.format'.")
            .param("audio")
            .code("missing_required_parameter"));
    };
    if body["stream"] == true && sound != Sound::Pcm {
        let message = format!(
            "Unsupported value: 'audio.format' does not support '{}' when stream=true. Supported values are: 'pcm16'.",
            name.unwrap_or_default()
        );
        return Err(Failure::bad(message).param("audio.format").code("unsupported_value"));
    }
    Ok(Some(sound))
}

/// Whether an answer holds a picture: of models that are named for it, unless only text is wanted.
fn picture(body: &Value, model: &str) -> bool {
    model.contains("image") && (body["modalities"].is_null() || modalities(body).any(|name| name == "image"))
}

fn modalities(body: &Value) -> impl Iterator<Item = &str> {
    body["modalities"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn count(value: &Value) -> usize {
    value.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

fn check(body: &Value, model: &str, quirks: Quirks) -> Result<(), Failure> {
    if let Some(temperature) = body["temperature"].as_f64()
        && !(0.0..=2.0).contains(&temperature)
    {
        let message = format!(
            "Invalid 'temperature': decimal out of range. Expected a value between 0 and 2, but got {temperature} instead."
        );
        return Err(Failure::bad(message).param("temperature").code("decimal_out_of_range"));
    }
    if body["n"].as_u64().is_some_and(|n| n == 0 || n > 128) {
        return Err(Failure::bad("Invalid 'n': expected a value between 1 and 128.").param("n"));
    }
    if body["stop"].as_array().is_some_and(|stops| stops.len() > 4) {
        return Err(Failure::bad("Invalid 'stop': array too long. Expected an array with maximum length 4.")
            .param("stop")
            .code("array_above_max_length"));
    }
    if body["top_logprobs"].as_u64().is_some_and(|most| most > 20) {
        return Err(
            Failure::bad("Invalid 'top_logprobs': expected a value between 0 and 20.").param("top_logprobs")
        );
    }
    vendor::check(body, quirks.vendor)?;
    if quirks.openai && is_reasoner(model) { check_reasoner(body, model) } else { Ok(()) }
}

/// What OpenAI's reasoning models refuse.
fn check_reasoner(body: &Value, model: &str) -> Result<(), Failure> {
    if body["max_tokens"].is_u64() {
        return Err(Failure::bad(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        )
        .param("max_tokens")
        .code("unsupported_parameter"));
    }
    check_sampling(body, model, body["reasoning_effort"].as_str())
}

/// Refuses sampling parameters unless the model does not reason at this effort.
pub(super) fn check_sampling(body: &Value, model: &str, effort: Option<&str>) -> Result<(), Failure> {
    let samples = effort == Some("none") || (effort.is_none() && reasons_when_asked(model));
    let refused = ["temperature", "top_p", "presence_penalty", "frequency_penalty"]
        .into_iter()
        .find(|name| !samples && body[*name].as_f64().is_some_and(|value| value != usual(name)))
        .or_else(|| (!body["stop"].is_null()).then_some("stop"));
    refused.map_or(Ok(()), |name| {
        Err(Failure::bad(format!("Unsupported parameter: '{name}' is not supported with this model."))
            .param(name)
            .code("unsupported_parameter"))
    })
}

fn usual(name: &str) -> f64 {
    if name.ends_with("penalty") { 0.0 } else { 1.0 }
}

pub(crate) fn turns(body: &Value) -> Result<Vec<Turn>, Failure> {
    let Some(messages) = body["messages"].as_array() else {
        return Err(Failure::bad("Missing required parameter: 'messages'.")
            .param("messages")
            .code("missing_required_parameter"));
    };
    if messages.is_empty() {
        return Err(Failure::bad(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
        )
        .param("messages")
        .code("empty_array"));
    }
    let mut open_calls: Vec<&str> = Vec::new();
    let mut turns = Vec::with_capacity(messages.len());
    for (at, message) in messages.iter().enumerate() {
        let turn = turn(message, at)?;
        match turn.role {
            Role::Assistant => {
                let calls = message["tool_calls"].as_array().into_iter().flatten();
                open_calls = calls.filter_map(|call| call["id"].as_str()).collect();
            }
            Role::Tool => close_call(&mut open_calls, message, at)?,
            _ if !open_calls.is_empty() => return Err(unanswered(&open_calls)),
            _ => {}
        }
        turns.push(turn);
    }
    if open_calls.is_empty() { Ok(turns) } else { Err(unanswered(&open_calls)) }
}

fn close_call(open: &mut Vec<&str>, message: &Value, at: usize) -> Result<(), Failure> {
    let id = message["tool_call_id"].as_str().unwrap_or_default();
    let Some(position) = open.iter().position(|call| *call == id) else {
        return Err(Failure::bad(
            "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
        )
        .param(&format!("messages.[{at}].role")));
    };
    open.remove(position);
    Ok(())
}

fn unanswered(open: &[&str]) -> Failure {
    Failure::bad(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
         The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    ))
    .param("messages")
}

fn turn(message: &Value, at: usize) -> Result<Turn, Failure> {
    let role = match message["role"].as_str() {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool" | "function") => Role::Tool,
        other => {
            let said = other.unwrap_or("null");
            let message = format!(
                "Invalid value: '{said}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'."
            );
            return Err(Failure::bad(message).param(&format!("messages[{at}].role")).code("invalid_value"));
        }
    };
    let mut turn = Turn::new(role);
    match &message["content"] {
        Value::String(text) => turn.say(text),
        Value::Array(parts) => {
            for part in parts {
                read_part(&mut turn, part);
            }
        }
        _ => {}
    }
    if let Some(calls) = message["tool_calls"].as_array() {
        for call in calls {
            turn.extra.push_str(call["function"]["name"].as_str().unwrap_or_default());
            turn.extra.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
    }
    if role == Role::User && !turn.says_something() && message["content"].is_null() {
        let message = format!("Invalid value for 'content': expected a string, got null. (messages[{at}])");
        return Err(Failure::bad(message).param(&format!("messages.[{at}].content")));
    }
    Ok(turn)
}

fn read_part(turn: &mut Turn, part: &Value) {
    match part["type"].as_str() {
        Some("image_url") if part["image_url"]["detail"] == "low" => turn.image(IMAGE_LOW),
        Some("image_url") => turn.image(IMAGE_HIGH),
        Some("input_audio") => turn.sound(AUDIO),
        Some("file" | "document_url") => turn.media_tokens += FILE,
        Some("refusal") => turn.say(part["refusal"].as_str().unwrap_or_default()),
        _ => turn.say(part["text"].as_str().unwrap_or_default()),
    }
}

pub(crate) fn tools(list: &Value) -> Result<Vec<Tool>, Failure> {
    let mut tools = Vec::new();
    for (at, tool) in list.as_array().into_iter().flatten().enumerate() {
        let Some(name) = tool["function"]["name"].as_str() else {
            let param = format!("tools[{at}].function.name");
            return Err(Failure::bad(format!("Missing required parameter: '{param}'."))
                .param(&param)
                .code("missing_required_parameter"));
        };
        tools.push(Tool {
            name: name.to_owned(),
            schema: tool["function"]["parameters"].clone(),
            declaration: tool["function"].to_string(),
        });
    }
    Ok(tools)
}

pub(crate) fn tool_choice(choice: &Value) -> ToolChoice {
    match choice {
        Value::String(word) => match word.as_str() {
            "none" => ToolChoice::Nothing,
            "required" | "any" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        },
        Value::Object(_) => choice["function"]["name"]
            .as_str()
            .map_or(ToolChoice::Auto, |name| ToolChoice::Named(name.to_owned())),
        _ => ToolChoice::Auto,
    }
}

pub(crate) fn format(format: &Value) -> Format {
    match format["type"].as_str() {
        Some("json_object") if format["schema"].is_object() => Format::Schema(format["schema"].clone()),
        Some("json_object") => Format::Object,
        Some("json_schema") => Format::Schema(format["json_schema"]["schema"].clone()),
        _ => Format::Text,
    }
}

pub(crate) fn stop(stop: &Value) -> Vec<String> {
    match stop {
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn reasoning(body: &Value, model: &str, quirks: Quirks) -> Option<Reasoning> {
    let visible = quirks.thoughts != Thoughts::Hidden;
    let effort = body["reasoning_effort"].as_str().or_else(|| body["reasoning"]["effort"].as_str());
    let asked = body["reasoning"]["enabled"] == true
        || body["thinking"]["type"] == "enabled"
        || body["include_reasoning"] == true
        || body["chat_template_kwargs"]["enable_thinking"] == true;
    let own = (is_reasoner(model) && !reasons_when_asked(model))
        || ["reasoner", "-r1", "thinking"].iter().any(|part| model.contains(part));
    let tokens = effort.map_or_else(|| if asked || own { 64 } else { 0 }, tokens_of_effort);
    (tokens > 0).then_some(Reasoning::shown(tokens, visible))
}

/// About how many tokens an effort is worth here.
pub(crate) fn tokens_of_effort(effort: &str) -> u64 {
    match effort {
        "none" => 0,
        "minimal" => 8,
        "low" => 32,
        "high" => 128,
        "xhigh" | "max" => 256,
        _ => 64,
    }
}
