//! Tools in the words of each dialect, and the tools of a preset and of a request as one list.

use dialect::error::BadRequest;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::members::raw;

/// Tools of which a request may have several, told apart by a name of their own.
const NAMED: [&str; 2] = ["openrouter:advisor", "openrouter:subagent"];

/// What two tools that are the same have in common.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    Function(String),
    Kind(String, Option<String>),
}

/// `None` for what says neither name nor type, which is like nothing else.
fn identity(tool: &Value) -> Option<Identity> {
    match tool["type"].as_str() {
        None | Some("function" | "custom") => {
            let names = [&tool["function"]["name"], &tool["custom"]["name"], &tool["name"]];
            names.into_iter().find_map(Value::as_str).map(|name| Identity::Function(name.to_owned()))
        }
        Some(kind) => {
            let name = NAMED.contains(&kind).then(|| tool["parameters"]["name"].as_str().map(str::to_owned));
            Some(Identity::Kind(kind.to_owned(), name.flatten()))
        }
    }
}

/// The tools of a preset in their order, each replaced by those of the request that are the same, then the rest
/// of the request's.
///
/// # Errors
/// [`BadRequest`] when the request's are no list.
pub(super) fn unite(preset: &[Value], request: Option<&RawValue>) -> Result<Box<RawValue>, BadRequest> {
    let sent: Vec<&RawValue> = match request {
        None => Vec::new(),
        Some(list) => serde_json::from_str(list.get())
            .map_err(|_| BadRequest::new("`tools` must be an array of tools"))?,
    };
    let mut sent: Vec<(Option<Identity>, &RawValue)> = sent
        .into_iter()
        .map(|tool| (serde_json::from_str(tool.get()).ok().as_ref().and_then(identity), tool))
        .collect();
    let mut united: Vec<Box<RawValue>> = Vec::with_capacity(preset.len() + sent.len());
    for tool in preset {
        let known = identity(tool);
        let (same, others): (Vec<_>, Vec<_>) =
            sent.into_iter().partition(|(identity, _)| identity.is_some() && *identity == known);
        sent = others;
        if same.is_empty() {
            united.push(raw(tool)?);
        }
        united.extend(same.into_iter().map(|(_, tool)| tool.to_owned()));
    }
    united.extend(sent.into_iter().map(|(_, tool)| tool.to_owned()));
    raw(&united)
}

/// A function of Responses as chat has it; other tools are the same in both.
pub(super) fn nested(tool: Value) -> Value {
    let Value::Object(mut function) = tool else { return tool };
    if function.get("type").is_none_or(|kind| kind != "function") {
        return Value::Object(function);
    }
    function.remove("type");
    let cache_control = function.remove("cache_control");
    let mut tool = json!({"type": "function", "function": function});
    if let Some(cache_control) = cache_control {
        tool["cache_control"] = cache_control;
    }
    tool
}

/// A function of chat as Responses has it.
pub(super) fn flat(tool: &Value) -> Value {
    let Some(Value::Object(function)) = tool.get("function") else { return tool.clone() };
    let mut flat = Map::from_iter([("type".to_owned(), json!("function"))]);
    flat.extend(function.clone());
    flat.extend(tool.get("cache_control").map(|control| ("cache_control".to_owned(), control.clone())));
    Value::Object(flat)
}

/// A client's tool of Messages as chat has it; Anthropic's own stay as they are.
pub(super) fn of_messages(tool: Value) -> Value {
    let Value::Object(mut members) = tool else { return tool };
    if members.get("type").is_some_and(|kind| kind != "custom" && !kind.is_null()) {
        return Value::Object(members);
    }
    members.remove("type");
    if let Some(schema) = members.remove("input_schema") {
        members.insert("parameters".to_owned(), schema);
    }
    let cache_control = members.remove("cache_control");
    let mut tool = json!({"type": "function", "function": members});
    if let Some(cache_control) = cache_control {
        tool["cache_control"] = cache_control;
    }
    tool
}

/// A function of chat as Messages has it.
pub(super) fn in_messages(tool: &Value) -> Value {
    let Some(function @ Value::Object(_)) = tool.get("function") else { return tool.clone() };
    let schema = function.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"}));
    let mut members = Map::from_iter([("name".to_owned(), function["name"].clone())]);
    let mut put = |name: &str, value: Option<&Value>| {
        let value = value.filter(|value| !value.is_null()).cloned();
        members.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("description", function.get("description"));
    put("input_schema", Some(&schema));
    put("strict", function.get("strict"));
    put("cache_control", tool.get("cache_control"));
    Value::Object(members)
}
