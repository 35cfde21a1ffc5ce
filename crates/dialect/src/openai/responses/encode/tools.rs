//! Tools and the choice among them.

use memchr::memmem;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::super::quirks::Quirks;
use crate::codec::Target;
use crate::members::{Member, Members};

/// Leaves functions, which the client runs itself, and no choice where there are none. Tools that a provider
/// runs cost what nobody reserved, so they go out only where the catalogue names their type.
pub(super) fn shape(body: &mut Members<'_>, target: &Target<'_>, quirks: Quirks<'_>) {
    if let Some((_, tools)) = body.0.iter_mut().find(|(name, _)| name == "tools") {
        shape_list(tools, quirks);
    }
    let has_tools = body.get("tools").is_some_and(|tools| !tools.is_empty_list());
    if !has_tools || !target.takes("tools") {
        for name in ["tools", "tool_choice", "parallel_tool_calls", "max_tool_calls"] {
            body.remove(name);
        }
        return;
    }
    let Some(choice) = body.value("tool_choice") else { return };
    if choice == "none" || choice == "auto" {
        return;
    }
    match choice["type"].as_str() {
        _ if quirks.denies("forced_tool_choice") => body.remove("tool_choice"),
        None | Some("function") => {}
        Some("allowed_tools") => allow(body, choice, quirks),
        Some(kind) if quirks.lists("tool_types", kind) => {}
        Some(_) => body.remove("tool_choice"),
    }
}

/// Nothing can be allowed that is not there.
fn allow(body: &mut Members<'_>, mut choice: Value, quirks: Quirks<'_>) {
    let Some(Value::Array(tools)) = choice.get_mut("tools") else { return };
    let before = tools.len();
    tools.retain(|tool| goes_out(tool, quirks));
    if tools.is_empty() {
        body.remove("tool_choice");
    } else if tools.len() < before {
        body.make("tool_choice", choice);
    }
}

fn shape_list(tools: &mut Member<'_>, quirks: Quirks<'_>) {
    let keeps_markers = quirks.has("keep_cache_control");
    let raw = match tools {
        Member::Raw(raw) => raw,
        Member::Made(Value::Array(list)) if !keeps_markers => {
            return list.iter_mut().filter_map(Value::as_object_mut).for_each(|tool| {
                tool.shift_remove("cache_control");
            });
        }
        Member::Made(_) | Member::List(_) => return,
    };
    let raw: &RawValue = raw;
    let Ok(mut list) = serde_json::from_str::<Vec<Value>>(raw.get()) else { return };
    let before = list.len();
    list.retain(|tool| goes_out(tool, quirks));
    let has_markers = memmem::find(raw.get().as_bytes(), b"\"cache_control\"").is_some();
    if list.len() == before && (keeps_markers || !has_markers) {
        return;
    }
    for tool in list.iter_mut().filter_map(Value::as_object_mut).filter(|_| !keeps_markers) {
        tool.shift_remove("cache_control");
    }
    *tools = Member::Made(Value::Array(list));
}

fn goes_out(tool: &Value, quirks: Quirks<'_>) -> bool {
    tool["type"].as_str().is_some_and(|kind| kind == "function" || quirks.lists("tool_types", kind))
}
