//! Tools and the choice among them.

use serde_json::Value;

use super::super::quirks::Quirks;
use super::{Body, Member};
use crate::codec::Target;

/// Leaves the tools that a provider can run, and no choice where there are none.
pub(super) fn shape(body: &mut Body<'_>, target: &Target<'_>, quirks: Quirks<'_>) {
    if let Some(tools) = body.get("tools").and_then(|tools| shaped(tools, quirks)) {
        body.set("tools", Member::Made(tools));
    }
    let has_tools = body
        .get("tools")
        .is_some_and(|tools| !matches!(tools.value(), Value::Array(list) if list.is_empty()));
    if !has_tools || !target.takes("tools") {
        for name in ["tools", "tool_choice", "parallel_tool_calls"] {
            body.remove(name);
        }
        return;
    }
    let Some(choice) = body.get("tool_choice").map(Member::value) else { return };
    if choice == "none" || choice == "auto" {
        return;
    }
    if quirks.denies("forced_tool_choice") {
        body.remove("tool_choice");
    } else if choice == "required" || choice == "any" {
        body.make("tool_choice", quirks.text("tool_choice_required").unwrap_or("required"));
    }
}

/// The tools without the platform's own and without cache markers; `None` = nothing to change.
fn shaped(tools: &Member<'_>, quirks: Quirks<'_>) -> Option<Value> {
    let keeps_markers = quirks.has("keep_cache_control");
    if let Member::Raw(raw) = tools {
        let has = |needle: &str| memchr::memmem::find(raw.get().as_bytes(), needle.as_bytes()).is_some();
        if !has("openrouter:") && (keeps_markers || !has("cache_control")) {
            return None;
        }
    }
    let Value::Array(mut list) = tools.value() else { return None };
    list.retain(|tool| !tool["type"].as_str().is_some_and(|kind| kind.starts_with("openrouter:")));
    if !keeps_markers {
        for tool in list.iter_mut().filter_map(Value::as_object_mut) {
            tool.shift_remove("cache_control");
        }
    }
    Some(Value::Array(list))
}
