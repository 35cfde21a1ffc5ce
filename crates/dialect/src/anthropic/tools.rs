//! Tools and which of them must be called: written from the canonical model, or those of a client that speaks
//! this dialect.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::lists;
use crate::canonical::{Request, ToolChoice};
use crate::client::messages::is_client_run;
use crate::codec::Target;
use crate::members::Members;
use crate::tool_input;

#[derive(Debug, Default)]
pub(super) struct Tools<'a> {
    pub(super) tools: Vec<Tool<'a>>,
    pub(super) choice: Option<Value>,
    /// The model has to call a tool.
    pub(super) is_forced: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Tool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: Cow<'a, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<&'a Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    eager_input_streaming: bool,
}

impl<'a> Tools<'a> {
    /// One tool, which the model has to call exactly once.
    pub(super) fn only(name: &'a str, description: &'a str, schema: &'a Value, is_eager: bool) -> Self {
        let tool = Tool {
            name,
            description: Some(description),
            input_schema: tool_input::schema(Some(schema)),
            strict: None,
            cache_control: None,
            eager_input_streaming: is_eager,
        };
        let choice = json!({ "type": "tool", "name": name, "disable_parallel_tool_use": true });
        Self { tools: vec![tool], choice: Some(choice), is_forced: true }
    }
}

/// `takes_strict`: whether the client chose the provider's own rules for strict tools, which are narrower
/// than those that clients write schemas for.
pub(super) fn read<'a>(request: &'a Request, target: &Target<'_>, takes_strict: bool) -> Tools<'a> {
    if request.tools.is_empty() || !target.takes("tools") {
        return Tools::default();
    }
    let is_eager = is_eager(request, target);
    let tools = request.tools.iter().map(|tool| {
        let strict = tool.strict.filter(|strict| *strict && takes_strict);
        Tool {
            name: &tool.name,
            description: tool.description.as_deref(),
            input_schema: tool_input::schema(tool.parameters.as_ref()),
            strict,
            cache_control: tool.cache_control.as_ref(),
            eager_input_streaming: is_eager && strict.is_none(),
        }
    });
    let choice = choice(request, target);
    let is_forced = matches!(choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
    Tools { tools: tools.collect(), choice: written(choice, request.parallel_tool_calls), is_forced }
}

/// Whether the input of tools is to stream as the model writes it, and not when it has been checked.
pub(super) fn is_eager(request: &Request, target: &Target<'_>) -> bool {
    request.stream && target.quirk("eager_input_streaming") != Some(false)
}

fn can_force(target: &Target<'_>) -> bool {
    target.quirk("forced_tool_choice") != Some(false) && target.takes("tool_choice")
}

/// A model that cannot be forced is asked.
fn choice<'a>(request: &'a Request, target: &Target<'_>) -> Option<&'a ToolChoice> {
    let can_force = can_force(target);
    match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_)) if !can_force => Some(&ToolChoice::Auto),
        choice => choice.as_ref(),
    }
}

fn written(choice: Option<&ToolChoice>, parallel: Option<bool>) -> Option<Value> {
    let one_at_a_time = parallel == Some(false);
    let mut written = match choice {
        None if !one_at_a_time => return None,
        None | Some(ToolChoice::Auto) => json!({ "type": "auto" }),
        Some(ToolChoice::None) => return Some(json!({ "type": "none" })),
        Some(ToolChoice::Required) => json!({ "type": "any" }),
        Some(ToolChoice::Named(name)) => json!({ "type": "tool", "name": name }),
    };
    if one_at_a_time {
        written["disable_parallel_tool_use"] = true.into();
    }
    Some(written)
}

/// Takes away the tools that the endpoint does not take, and makes the choice one of those that are left.
pub(super) fn shape(body: &mut Members<'_>, request: &Request, target: &Target<'_>) {
    let mut tools = match body.value("tools") {
        Some(Value::Array(tools)) if target.takes("tools") => tools,
        _ => Vec::new(),
    };
    tools.retain(|tool| goes_out(tool, target));
    if tools.is_empty() {
        body.remove("tools");
        body.remove("tool_choice");
        return;
    }
    let runs_code = tools.iter().any(|tool| kind(tool).starts_with("code_execution_"));
    for tool in tools.iter_mut().filter_map(Value::as_object_mut) {
        if !runs_code {
            tool.shift_remove("allowed_callers");
        }
        let is_custom = tool.get("type").is_none_or(|kind| kind == "custom" || kind.is_null());
        let is_strict = tool.get("strict").is_some_and(|strict| *strict == true);
        if is_custom && !is_strict && is_eager(request, target) {
            tool.entry("eager_input_streaming").or_insert(Value::Bool(true));
        }
    }
    if let Some(choice) = body.value("tool_choice") {
        body.make("tool_choice", shaped_choice(choice, &tools, target));
    }
    body.make("tools", tools);
}

/// Whether the model has to call a tool.
pub(super) fn is_forced(body: &Members<'_>) -> bool {
    body.value("tool_choice").is_some_and(|choice| choice["type"] == "any" || choice["type"] == "tool")
}

/// A client's own tools, and those of the dialect that the client runs. What the provider runs costs extra.
fn goes_out(tool: &Value, target: &Target<'_>) -> bool {
    let kind = kind(tool);
    matches!(kind, "" | "custom") || is_client_run(kind) || lists(target, "tool_types", kind)
}

fn kind(tool: &Value) -> &str {
    tool.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// A model that cannot be forced is asked, and so is one whose tool is gone.
fn shaped_choice(mut choice: Value, tools: &[Value], target: &Target<'_>) -> Value {
    let is_offered = |name: &Value| tools.iter().any(|tool| tool.get("name") == Some(name));
    let stays = match choice["type"].as_str() {
        Some("any") => can_force(target),
        Some("tool") => can_force(target) && is_offered(&choice["name"]),
        _ => true,
    };
    if let Some(members) = choice.as_object_mut().filter(|_| !stays) {
        members.shift_remove("name");
        members.insert("type".to_owned(), "auto".into());
    }
    choice
}
