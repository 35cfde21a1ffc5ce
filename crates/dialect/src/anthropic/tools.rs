//! Tools and which of them must be called.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::schema;
use crate::canonical::{Request, ToolChoice};
use crate::codec::Target;

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
}

impl<'a> Tools<'a> {
    /// One tool, which the model has to call exactly once.
    pub(super) fn only(name: &'a str, description: &'a str, schema: &'a Value) -> Self {
        let tool = Tool {
            name,
            description: Some(description),
            input_schema: schema::of_input(Some(schema)),
            strict: None,
            cache_control: None,
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
    let tools = request.tools.iter().map(|tool| Tool {
        name: &tool.name,
        description: tool.description.as_deref(),
        input_schema: schema::of_input(tool.parameters.as_ref()),
        strict: tool.strict.filter(|strict| *strict && takes_strict),
        cache_control: tool.cache_control.as_ref(),
    });
    let choice = choice(request, target);
    let is_forced = matches!(choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
    Tools { tools: tools.collect(), choice: written(choice, request.parallel_tool_calls), is_forced }
}

/// A model that cannot be forced is asked.
fn choice<'a>(request: &'a Request, target: &Target<'_>) -> Option<&'a ToolChoice> {
    let can_force = target.quirk("forced_tool_choice") != Some(false) && target.takes("tool_choice");
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
