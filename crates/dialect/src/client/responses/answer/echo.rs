//! What an answer repeats of its request.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::canonical::{Request, Tool};
use crate::client::Dialect;

/// The members that an answer repeats, in their order.
const ECHOED: [&str; 19] = [
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "reasoning",
    "safety_identifier",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "truncation",
    "user",
];

/// The request's parameters as its answer repeats them.
pub(super) struct Echo {
    pub(super) members: Map<String, Value>,
    /// The tier that was asked for; which one served is told by the provider.
    pub(super) service_tier: Option<String>,
    /// Encrypted reasoning is asked for by name.
    pub(super) wants_encrypted: bool,
}

impl Default for Echo {
    fn default() -> Self {
        Self::of_members(|_| None)
    }
}

impl Echo {
    /// What the client sent, else what the request came to.
    pub(super) fn of(request: &Request) -> Self {
        let original = request.original.as_ref().filter(|original| original.dialect == Dialect::Responses);
        let body = original.and_then(|original| serde_json::from_slice(&original.body).ok());
        match body {
            Some(body) => Self::of_members(|name| sent(&body, name)),
            None => Self::of_members(|name| of_request(request, name)),
        }
    }

    fn of_members(member: impl Fn(&str) -> Option<Value>) -> Self {
        let mut members = Map::new();
        for name in ECHOED {
            // Options of the cache have no default that could be told.
            let value = member(name).or_else(|| (name != "prompt_cache_options").then(|| default(name)));
            members.extend(value.map(|value| (name.to_owned(), value)));
        }
        if let Some(Value::Array(tools)) = members.get_mut("tools") {
            tools.iter_mut().for_each(complete);
        }
        let service_tier = member("service_tier").and_then(|tier| tier.as_str().map(str::to_owned));
        let included = member("include");
        let mut included = included.iter().filter_map(Value::as_array).flatten();
        let wants_encrypted = included.any(|name| name == "reasoning.encrypted_content");
        Self { members, service_tier, wants_encrypted }
    }
}

fn sent(body: &HashMap<String, &RawValue>, name: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(body.get(name)?.get()).ok()?;
    (!value.is_null()).then_some(value)
}

fn of_request(request: &Request, name: &str) -> Option<Value> {
    match name {
        "max_output_tokens" => request.max_tokens.map(Value::from),
        "parallel_tool_calls" => request.parallel_tool_calls.map(Value::from),
        "temperature" => request.temperature.map(Value::from),
        "top_p" => request.top_p.map(Value::from),
        "presence_penalty" => request.presence_penalty.map(Value::from),
        "frequency_penalty" => request.frequency_penalty.map(Value::from),
        "user" => request.user.as_deref().map(Value::from),
        "tools" => Some(request.tools.iter().map(flat).collect()),
        _ => None,
    }
}

fn default(name: &str) -> Value {
    match name {
        "metadata" => json!({}),
        "parallel_tool_calls" => json!(true),
        "reasoning" => json!({"effort": null, "summary": null}),
        "text" => json!({"format": {"type": "text"}}),
        "tool_choice" => json!("auto"),
        "tools" => json!([]),
        "top_logprobs" => json!(0),
        "truncation" => json!("disabled"),
        _ => Value::Null,
    }
}

/// Gives a function the members that it always has in an answer.
fn complete(tool: &mut Value) {
    if let Value::Object(members) = tool
        && members.get("type").is_some_and(|kind| kind == "function")
    {
        for name in ["description", "parameters", "strict"] {
            members.entry(name).or_insert(Value::Null);
        }
    }
}

fn flat(tool: &Tool) -> Value {
    json!({
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    })
}
