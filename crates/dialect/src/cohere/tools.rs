//! Tools and the choice among them.

use serde_json::{Value, json};

use crate::canonical::{Request, Tool, ToolChoice};
use crate::codec::Target;

pub(super) struct Tools {
    pub(super) tools: Vec<Value>,
    /// Absent = the model decides.
    pub(super) choice: Option<&'static str>,
    /// Calls must keep to the schemas, which the vendor promises for all tools or for none.
    pub(super) are_strict: bool,
}

/// `None` where there is nothing to call. A choice of one tool leaves that one alone and makes it required.
pub(super) fn read(request: &Request, target: &Target<'_>) -> Option<Tools> {
    if request.tools.is_empty() || !target.takes("tools") {
        return None;
    }
    let can_be_forced = target.takes("tool_choice") && target.quirk("forced_tool_choice") != Some(false);
    let named = match &request.tool_choice {
        Some(ToolChoice::Named(name)) if can_be_forced => Some(name),
        _ => None,
    };
    let chosen = |tool: &&Tool| named.is_none_or(|name| *name == tool.name);
    let choice = match &request.tool_choice {
        Some(ToolChoice::None) if target.takes("tool_choice") => Some("NONE"),
        Some(ToolChoice::Required | ToolChoice::Named(_)) if can_be_forced => Some("REQUIRED"),
        _ => None,
    };
    let kept: Vec<&Tool> = request.tools.iter().filter(chosen).collect();
    Some(Tools {
        are_strict: kept.iter().all(|tool| tool.strict == Some(true)),
        tools: kept.into_iter().map(tool).collect(),
        choice,
    })
}

fn tool(tool: &Tool) -> Value {
    let empty = || json!({"type": "object", "properties": {}});
    let mut function = json!({
        "name": tool.name,
        "parameters": tool.parameters.clone().unwrap_or_else(empty),
    });
    if let Some(description) = &tool.description {
        function["description"] = json!(description);
    }
    json!({"type": "function", "function": function})
}
