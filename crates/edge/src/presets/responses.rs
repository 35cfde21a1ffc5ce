//! From Responses into the words of chat, and back.

use dialect::client::Dialect;
use serde_json::{Map, Value, json};

use super::{shared, tools};

/// What a body sets, in the words of chat.
pub(super) fn config(mut sent: Map<String, Value>) -> Map<String, Value> {
    if let Some(most) = sent.remove("max_output_tokens") {
        sent.insert("max_tokens".to_owned(), most);
    }
    if let Some(Value::Object(mut text)) = sent.remove("text") {
        sent.extend(text.remove("verbosity").map(|verbosity| ("verbosity".to_owned(), verbosity)));
        let format = text.remove("format").filter(|format| !format.is_null() && format["type"] != "text");
        sent.extend(format.map(|format| ("response_format".to_owned(), nested_format(format))));
    }
    if sent.get("top_logprobs").and_then(Value::as_u64).is_some_and(|likely| likely > 0) {
        sent.insert("logprobs".to_owned(), json!(true));
    }
    if let Some(Value::Array(list)) = sent.remove("tools") {
        sent.insert("tools".to_owned(), list.into_iter().map(tools::nested).collect());
    }
    if let Some(choice) = sent.remove("tool_choice") {
        sent.extend(nested_choice(choice).map(|choice| ("tool_choice".to_owned(), choice)));
    }
    sent
}

/// The members of a preset that a request leaves open, in the words of Responses.
pub(super) fn members(config: &Map<String, Value>, has: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let same = config.iter().filter(|(name, _)| shared::is_same(Dialect::Responses, name));
    let mut members: Map<String, Value> = same.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    put("max_output_tokens", config.get("max_tokens").cloned());
    if config.get("logprobs").and_then(Value::as_bool) == Some(true) {
        put("top_logprobs", config.get("top_logprobs").cloned());
    }
    if let Some(Value::Array(list)) = config.get("tools") {
        put("tools", Some(list.iter().map(tools::flat).collect()));
    }
    put("tool_choice", config.get("tool_choice").and_then(flat_choice));
    if has("reasoning_effort") {
        members.remove("reasoning");
    }
    let mut text = Map::new();
    text.extend(config.get("verbosity").map(|verbosity| ("verbosity".to_owned(), verbosity.clone())));
    text.extend(config.get("response_format").map(|format| ("format".to_owned(), flat_format(format))));
    if !text.is_empty() {
        members.insert("text".to_owned(), Value::Object(text));
    }
    members
}

/// `{"type":"json_schema","name":…,"schema":…}` as chat has it.
fn nested_format(format: Value) -> Value {
    match format {
        Value::Object(mut schema) if schema.get("type").is_some_and(|kind| kind == "json_schema") => {
            schema.remove("type");
            json!({"type": "json_schema", "json_schema": schema})
        }
        format => format,
    }
}

fn flat_format(format: &Value) -> Value {
    match format.get("json_schema") {
        Some(Value::Object(schema)) => {
            let mut format = Map::from_iter([("type".to_owned(), json!("json_schema"))]);
            format.extend(schema.clone());
            Value::Object(format)
        }
        _ => format.clone(),
    }
}

/// A choice of one function as chat has it; one among some of the tools has no word there.
fn nested_choice(choice: Value) -> Option<Value> {
    match choice["type"].as_str() {
        Some("function") => Some(json!({"type": "function", "function": {"name": choice["name"]}})),
        Some("allowed_tools") => None,
        _ => Some(choice),
    }
}

fn flat_choice(choice: &Value) -> Option<Value> {
    match choice {
        Value::String(word) if word == "any" => Some(json!("required")),
        Value::String(_) => Some(choice.clone()),
        _ if choice["type"] == "function" => {
            Some(json!({"type": "function", "name": choice["function"]["name"]}))
        }
        _ => Some(choice.clone()),
    }
}
