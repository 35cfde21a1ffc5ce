//! Reads a request.

use serde_json::{Value, json};

use super::super::parse::{check_sampling, tokens_of_effort};
use super::input;
use crate::ask::{Ask, Caching, Format, Reasoning, Tool, ToolChoice};
use crate::failure::Failure;
use crate::prepare::Arrived;
use crate::quirks::{Quirks, is_reasoner, reasons_when_asked};

/// The members of a request.
const MEMBERS: [&str; 31] = [
    "background",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
/// The least that may be asked for.
const LEAST_TOKENS: u64 = 16;

/// # Errors
/// [`Failure`] as OpenAI would answer.
pub(super) fn parse(arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
    let named = body["model"].as_str().filter(|model| !model.is_empty());
    let Some(model) = arrived.call.address.model.as_deref().or(named) else {
        return Err(missing("model"));
    };
    let quirks = Quirks::of(&arrived.call.provider, model);
    if quirks.openai {
        check(body, model)?;
    }
    if let Some(id) = body["previous_response_id"].as_str() {
        return Err(Failure::bad(format!("Previous response with id '{id}' not found."))
            .param("previous_response_id")
            .code("previous_response_not_found"));
    }
    let mut ask = Ask::new(model);
    ask.turns = input::turns(body)?;
    ask.tools = tools(&body["tools"])?;
    ask.tool_choice = tool_choice(&body["tool_choice"]);
    ask.parallel = body["parallel_tool_calls"] != false;
    ask.format = format(&body["text"]["format"])?;
    ask.max_tokens = body["max_output_tokens"].as_u64();
    ask.stream = body["stream"] == true;
    ask.reasoning = reasoning(body, model, quirks);
    ask.logprobs = includes(body, "message.output_text.logprobs")
        .then(|| body["top_logprobs"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(0));
    ask.caching = Caching::Automatic { step: 128, writes: quirks.cache_writes };
    ask.echo = echo(body);
    Ok(ask)
}

fn missing(name: &str) -> Failure {
    Failure::bad(format!("Missing required parameter: '{name}'."))
        .param(name)
        .code("missing_required_parameter")
}

fn includes(body: &Value, what: &str) -> bool {
    body["include"].as_array().is_some_and(|list| list.iter().any(|item| item == what))
}

/// What OpenAI itself refuses.
fn check(body: &Value, model: &str) -> Result<(), Failure> {
    let mut members = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    if let Some(name) = members.find(|name| !MEMBERS.contains(name)) {
        let message = match name {
            "response_format" => {
                "Unsupported parameter: 'response_format'. In the Responses API, this parameter has \
                                  moved to 'text.format'. Try again with the new parameter."
                    .to_owned()
            }
            _ => format!("Unknown parameter: '{name}'."),
        };
        return Err(Failure::bad(message).param(name).code("unknown_parameter"));
    }
    if let Some(most) = body["max_output_tokens"].as_u64()
        && most < LEAST_TOKENS
    {
        let message = format!(
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {LEAST_TOKENS}, but got {most} \
             instead."
        );
        return Err(Failure::bad(message).param("max_output_tokens").code("integer_below_min_value"));
    }
    if is_reasoner(model) {
        check_sampling(body, model, body["reasoning"]["effort"].as_str())?;
    }
    Ok(())
}

fn tools(list: &Value) -> Result<Vec<Tool>, Failure> {
    let mut tools = Vec::new();
    for (at, tool) in list.as_array().into_iter().flatten().enumerate() {
        match tool["type"].as_str() {
            Some("function") => {}
            // What OpenAI runs itself is never called here.
            Some(_) => continue,
            None => return Err(missing(&format!("tools[{at}].type"))),
        }
        let Some(name) = tool["name"].as_str() else {
            return Err(missing(&format!("tools[{at}].name")));
        };
        tools.push(Tool {
            name: name.to_owned(),
            schema: tool["parameters"].clone(),
            declaration:
                json!({"name": name, "description": tool["description"], "parameters": tool["parameters"]})
                    .to_string(),
        });
    }
    Ok(tools)
}

fn tool_choice(choice: &Value) -> ToolChoice {
    match (choice.as_str(), choice["type"].as_str()) {
        (Some("none"), _) => ToolChoice::Nothing,
        (Some("required"), _) => ToolChoice::Required,
        (_, Some("function")) => ToolChoice::Named(choice["name"].as_str().unwrap_or_default().to_owned()),
        (_, Some("allowed_tools")) if choice["mode"] == "required" => ToolChoice::Required,
        _ => ToolChoice::Auto,
    }
}

fn format(format: &Value) -> Result<Format, Failure> {
    match format["type"].as_str() {
        None | Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::Object),
        Some("json_schema") if format["name"].is_string() && format["schema"].is_object() => {
            Ok(Format::Schema(format["schema"].clone()))
        }
        Some("json_schema") if format["name"].is_string() => Err(missing("text.format.schema")),
        Some("json_schema") => Err(missing("text.format.name")),
        Some(other) => {
            let message = format!(
                "Invalid value: '{other}'. Supported values are: 'json_object', 'json_schema', and 'text'."
            );
            Err(Failure::bad(message).param("text.format.type").code("invalid_value"))
        }
    }
}

/// OpenAI shows a summary when one is asked for, all others show what there is.
fn reasoning(body: &Value, model: &str, quirks: Quirks) -> Option<Reasoning> {
    let effort = body["reasoning"]["effort"].as_str();
    let own = is_reasoner(model) && !reasons_when_asked(model);
    let tokens = effort.map_or(if own { 64 } else { 0 }, tokens_of_effort);
    let visible = !quirks.openai || body["reasoning"]["summary"].is_string();
    let sealed = includes(body, "reasoning.encrypted_content");
    (tokens > 0).then_some(Reasoning { tokens, visible, sealed })
}

/// What the response repeats.
fn echo(body: &Value) -> Value {
    let or = |name: &str, usual: Value| if body[name].is_null() { usual } else { body[name].clone() };
    let mut text = json!({"format": {"type": "text"}, "verbosity": "medium"});
    for (name, value) in body["text"].as_object().into_iter().flatten() {
        text[name] = value.clone();
    }
    json!({
        "background": false,
        "instructions": body["instructions"],
        "max_output_tokens": body["max_output_tokens"],
        "max_tool_calls": body["max_tool_calls"],
        "metadata": or("metadata", json!({})),
        "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
        "previous_response_id": null,
        "prompt_cache_key": body["prompt_cache_key"],
        "prompt_cache_retention": or("prompt_cache_retention", json!("in_memory")),
        "reasoning": {"effort": body["reasoning"]["effort"], "summary": body["reasoning"]["summary"]},
        "safety_identifier": body["safety_identifier"],
        "service_tier": crate::openai::parse::tier(body),
        "store": or("store", json!(true)),
        "temperature": or("temperature", json!(1.0)),
        "text": text,
        "tool_choice": or("tool_choice", json!("auto")),
        "tools": or("tools", json!([])),
        "top_logprobs": or("top_logprobs", json!(0)),
        "top_p": or("top_p", json!(1.0)),
        "truncation": or("truncation", json!("disabled")),
        "user": body["user"],
    })
}
