//! Tools and the choice among them.

use memchr::memmem;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::quirks::Quirks;
use super::{Body, Member};
use crate::canonical::Request;
use crate::codec::Target;

/// Leaves the tools that the client runs itself, and no choice where there are none. Tools that a provider
/// runs cost what nobody reserved, so they go out only where the catalogue names their type.
pub(super) fn shape(body: &mut Body<'_>, request: &Request, target: &Target<'_>, quirks: Quirks<'_>) {
    if let Some((_, tools)) = body.0.iter_mut().find(|(name, _)| name == "tools") {
        shape_list(tools, request, quirks);
    }
    let has_tools = body.get("tools").is_some_and(|tools| !tools.is_empty_list());
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

fn shape_list(tools: &mut Member<'_>, request: &Request, quirks: Quirks<'_>) {
    let keeps_markers = quirks.has("keep_cache_control");
    match tools {
        Member::Raw(raw) => {
            let raw: &RawValue = raw;
            let has_markers = memmem::find(raw.get().as_bytes(), b"\"cache_control\"").is_some();
            let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else { return };
            if list.len() == request.tools.len() && (keeps_markers || !has_markers) {
                return;
            }
            let mut kept: Vec<Value> = list.into_iter().map(|tool| Member::Raw(tool).value()).collect();
            kept.retain(|tool| is_for_clients(tool, quirks));
            if !keeps_markers {
                drop_markers(&mut kept);
            }
            *tools = Member::Made(Value::Array(kept));
        }
        Member::Made(Value::Array(list)) if !keeps_markers => drop_markers(list),
        Member::Made(_) | Member::List(_) => {}
    }
}

fn is_for_clients(tool: &Value, quirks: Quirks<'_>) -> bool {
    tool["type"].as_str().is_none_or(|kind| kind == "function" || quirks.lists("tool_types", kind))
}

fn drop_markers(tools: &mut [Value]) {
    for tool in tools.iter_mut().filter_map(Value::as_object_mut) {
        tool.shift_remove("cache_control");
    }
}
