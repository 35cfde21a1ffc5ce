//! The body of a conversation.

use serde_json::{Map, Value, json};

use super::turns;
use crate::canonical::{Request, ResponseFormat, Tool, ToolChoice};
use crate::codec::Target;
use crate::effort::{self, Wish};
use crate::error::BadRequest;

/// Tokens that the smallest default context of a server holds.
const SMALL_CONTEXT: u64 = 2_048;
/// The smallest context that is asked for.
const LEAST_CONTEXT: u64 = 4_096;
/// Bytes of text that a token has at least, on average.
const TOKEN: u64 = 2;
/// Tokens of an image, at most.
const IMAGE: u64 = 1_024;
/// Room for an answer whose length nobody limits.
const ANSWER: u64 = 1_024;
/// Completion tokens that a budget is a share of when nobody limits them.
const ASSUMED_LIMIT: u64 = 20_000;

pub(super) fn body(request: &Request, target: &Target<'_>) -> Result<Value, BadRequest> {
    let conversation = turns::read(request)?;
    let tools = tools(request, target);
    let limit = request.max_tokens.map(|limit| target.max_output.map_or(limit, |most| limit.min(most)));
    let texts = conversation.bytes + tools.iter().map(|tool| tool.to_string().len() as u64).sum::<u64>();
    let needed = texts / TOKEN + conversation.images * IMAGE + limit.unwrap_or(ANSWER);
    let mut body = json!({
        "model": target.provider_model,
        "messages": conversation.messages,
        "stream": request.stream,
        "truncate": false,
        "shift": false,
        "options": options(request, target, limit, context(needed, target)),
    });
    if !tools.is_empty() {
        body["tools"] = Value::Array(tools);
    }
    if let Some(format) = format(request, target) {
        body["format"] = format;
    }
    if let Some(think) = think(request, target) {
        body["think"] = think;
    }
    if let Some(kept) = target.quirks.get("keep_alive") {
        body["keep_alive"] = kept.clone();
    }
    let asked = |name: &str| request.extra.get(name).filter(|_| target.takes(name));
    if asked("logprobs").is_some_and(|on| *on == true) {
        body["logprobs"] = json!(true);
        if let Some(count) = asked("top_logprobs") {
            body["top_logprobs"] = count.clone();
        }
    }
    Ok(body)
}

/// The context to ask for; `None` = the server's own holds the request.
fn context(needed: u64, target: &Target<'_>) -> Option<u64> {
    if let Some(fixed) = target.quirks.get("num_ctx").and_then(Value::as_u64) {
        return Some(fixed);
    }
    (needed > SMALL_CONTEXT).then(|| needed.max(LEAST_CONTEXT).checked_next_power_of_two().unwrap_or(needed))
}

fn options(request: &Request, target: &Target<'_>, limit: Option<u64>, context: Option<u64>) -> Value {
    let mut options = Map::new();
    let mut set = |public: &str, name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|_| target.takes(public)) {
            options.insert(name.to_owned(), value);
        }
    };
    let number = |value: Option<f64>| value.map(Value::from);
    set("temperature", "temperature", number(request.temperature));
    set("top_p", "top_p", number(request.top_p));
    set("top_k", "top_k", request.top_k.map(Value::from));
    set("min_p", "min_p", number(request.min_p));
    set("frequency_penalty", "frequency_penalty", number(request.frequency_penalty));
    set("presence_penalty", "presence_penalty", number(request.presence_penalty));
    set("repetition_penalty", "repeat_penalty", number(request.repetition_penalty));
    set("seed", "seed", request.seed.map(Value::from));
    set("stop", "stop", (!request.stop.is_empty()).then(|| json!(request.stop)));
    // Neither is the client's to leave out: the first is what was reserved, the second what the prompt needs.
    if let Some(limit) = limit {
        options.insert("num_predict".to_owned(), json!(limit));
    }
    if let Some(context) = context {
        options.insert("num_ctx".to_owned(), json!(context));
    }
    Value::Object(options)
}

/// The server knows no choice of tools: none leaves them out, and a choice of one leaves that one alone.
fn tools(request: &Request, target: &Target<'_>) -> Vec<Value> {
    if !target.takes("tools") || request.tool_choice == Some(ToolChoice::None) {
        return Vec::new();
    }
    let is_chosen = |tool: &&Tool| match &request.tool_choice {
        Some(ToolChoice::Named(name)) => *name == tool.name,
        _ => true,
    };
    request.tools.iter().filter(is_chosen).map(tool).collect()
}

fn tool(tool: &Tool) -> Value {
    let empty = || json!({"type": "object", "properties": {}});
    let function = json!({
        "name": tool.name,
        "description": tool.description.as_deref().unwrap_or_default(),
        "parameters": tool.parameters.clone().unwrap_or_else(empty),
    });
    json!({"type": "function", "function": function})
}

fn format(request: &Request, target: &Target<'_>) -> Option<Value> {
    let (may_be_json, may_have_schema) =
        (target.takes("response_format"), target.takes("structured_outputs"));
    match request.response_format.as_ref()? {
        ResponseFormat::JsonSchema { schema, .. }
            if may_have_schema && schema.as_object().is_some_and(|members| !members.is_empty()) =>
        {
            Some(schema.clone())
        }
        ResponseFormat::JsonSchema { .. } | ResponseFormat::JsonObject if may_be_json => Some(json!("json")),
        _ => None,
    }
}

fn think(request: &Request, target: &Target<'_>) -> Option<Value> {
    if !target.takes("reasoning") {
        return None;
    }
    let wish = Wish::of(request);
    let known = target.quirks.get("reasoning_efforts").and_then(Value::as_array);
    let known: Vec<&str> = known.into_iter().flatten().filter_map(Value::as_str).collect();
    let limit = request.max_tokens.or(target.max_output).unwrap_or(ASSUMED_LIMIT);
    match wish {
        Wish::Unsaid => None,
        Wish::Off if known.is_empty() => Some(json!(false)),
        Wish::Effort(_) | Wish::Budget(_) if known.is_empty() => Some(json!(true)),
        Wish::Off => effort::nearest_or_none("none", &known).map(Value::from),
        wish => effort::nearest_or_none(wish.effort(limit)?, &known).map(Value::from),
    }
}
