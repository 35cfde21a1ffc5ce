//! Functions and which of them must be called.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::canonical::{Request, Tool, ToolChoice};
use crate::codec::Target;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tools<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// Real JSON schema, unlike `parameters`; absent = no arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<Value>,
}

/// All functions in one list, or no list.
pub(super) fn read<'a>(request: &'a Request, target: &Target<'_>) -> Vec<Tools<'a>> {
    if request.tools.is_empty() || !target.takes("tools") {
        return Vec::new();
    }
    vec![Tools { function_declarations: request.tools.iter().map(declaration).collect() }]
}

/// The `toolConfig` member. There is no switch for parallel calls.
pub(super) fn config(request: &Request, target: &Target<'_>, has_tools: bool) -> Option<Value> {
    let choice = request.tool_choice.as_ref().filter(|_| has_tools)?;
    let can_force = target.quirk("forced_tool_choice") != Some(false) && target.takes("tool_choice");
    let config = match choice {
        ToolChoice::None => json!({ "mode": "NONE" }),
        ToolChoice::Required if can_force => json!({ "mode": "ANY" }),
        ToolChoice::Named(name) if can_force => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
        ToolChoice::Auto | ToolChoice::Required | ToolChoice::Named(_) => json!({ "mode": "AUTO" }),
    };
    Some(json!({ "functionCallingConfig": config }))
}

fn declaration(tool: &Tool) -> Declaration<'_> {
    Declaration {
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters_json_schema: tool.parameters.as_ref().filter(|schema| has_arguments(schema)).map(schema),
    }
}

/// A schema of an object without properties is refused; leaving it out says the same.
fn has_arguments(schema: &Value) -> bool {
    let Value::Object(members) = schema else { return false };
    let is_empty = |name: &str| members.get(name).and_then(Value::as_object).is_none_or(Map::is_empty);
    let is_combined = ["anyOf", "oneOf", "allOf", "$ref"].iter().any(|name| members.contains_key(*name));
    !is_empty("properties") || !is_empty("additionalProperties") || is_combined
}

/// A schema in the words that the provider knows: `const` is an `enum` of one.
pub(super) fn schema(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => Value::Object(members.iter().filter_map(member).collect()),
        other => other.clone(),
    }
}

fn member((name, value): (&String, &Value)) -> Option<(String, Value)> {
    let written = match (name.as_str(), value) {
        ("$schema" | "$comment", _) => return None,
        ("const", value) => return Some(("enum".to_owned(), json!([value]))),
        ("properties" | "$defs" | "definitions", Value::Object(members)) => {
            members.iter().map(|(name, value)| (name.clone(), schema(value))).collect::<Map<_, _>>().into()
        }
        ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(items)) => {
            Value::Array(items.iter().map(schema).collect())
        }
        ("items" | "additionalProperties", value) => schema(value),
        (_, value) => value.clone(),
    };
    Some((name.clone(), written))
}
