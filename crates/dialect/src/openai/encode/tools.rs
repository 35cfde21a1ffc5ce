//! Tools and the choice among them.

use memchr::memmem;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::quirks::Quirks;
use crate::canonical::Request;
use crate::codec::Target;
use crate::effort::Wish;
use crate::members::{Member, Members};

/// Leaves the tools that the client runs itself, and no choice where there are none. Tools that a provider
/// runs cost what nobody reserved, so they go out only where the catalogue names their type.
pub(super) fn shape(body: &mut Members<'_>, request: &Request, target: &Target<'_>, quirks: Quirks<'_>) {
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
    let Some(mut choice) = body.value("tool_choice") else { return };
    if choice["type"] == "allowed_tools" && !quirks.lists("accepts", "allowed_tools") {
        choice = allowed(body, &choice);
        body.make("tool_choice", choice.clone());
    }
    if choice == "none" || choice == "auto" {
        return;
    }
    if is_refused(body, request, quirks) {
        body.remove("tool_choice");
    } else if choice == "required" || choice == "any" {
        body.make("tool_choice", quirks.text("tool_choice_required").unwrap_or("required"));
    }
}

/// Leaves the tools that the choice allows and says what is left of the choice.
fn allowed(body: &mut Members<'_>, choice: &Value) -> Value {
    let list = choice.get("allowed_tools").filter(|list| list.is_object()).unwrap_or(choice);
    let name_of =
        |tool: &Value| tool["function"]["name"].as_str().or(tool["name"].as_str()).map(str::to_owned);
    let names: Vec<_> = list["tools"].as_array().into_iter().flatten().filter_map(name_of).collect();
    if let Some(Value::Array(mut tools)) = body.value("tools") {
        tools.retain(|tool| name_of(tool).is_some_and(|name| names.contains(&name)));
        if !tools.is_empty() {
            body.make("tools", tools);
        }
    }
    if list["mode"] == "required" { json!("required") } else { json!("auto") }
}

/// Whether the endpoint would refuse a forced choice. Where only its reasoning stands against it, reasoning
/// that the client did not ask for is switched off.
fn is_refused(body: &mut Members<'_>, request: &Request, quirks: Quirks<'_>) -> bool {
    if quirks.is("forced_tool_choice", "without_reasoning") {
        let reasons = matches!(Wish::of(request), Wish::Effort(_) | Wish::Budget(_));
        if !reasons {
            body.make("thinking", json!({"type": "disabled"}));
        }
        return reasons;
    }
    quirks.denies("forced_tool_choice")
}

fn shape_list(tools: &mut Member<'_>, request: &Request, quirks: Quirks<'_>) {
    let mut list = match tools {
        Member::Raw(raw) => {
            let raw: &RawValue = raw;
            let has_markers = memmem::find(raw.get().as_bytes(), b"\"cache_control\"").is_some();
            let drops_markers = has_markers && !quirks.has("keep_cache_control");
            let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else { return };
            if list.len() == request.tools.len() && !drops_markers && !quirks.has("tool_parameters") {
                return;
            }
            list.into_iter().map(|tool| Member::Raw(tool).value()).collect()
        }
        Member::Made(Value::Array(list)) => std::mem::take(list),
        Member::Made(_) | Member::List(_) => return,
    };
    list.retain(|tool| is_for_clients(tool, quirks));
    for tool in list.iter_mut().filter_map(Value::as_object_mut) {
        if !quirks.has("keep_cache_control") {
            tool.shift_remove("cache_control");
        }
        if let Some(Value::Object(function)) =
            tool.get_mut("function").filter(|_| quirks.has("tool_parameters"))
        {
            let parameters = function.entry("parameters").or_insert(Value::Null);
            if parameters.is_null() {
                *parameters = json!({"type": "object", "properties": {}});
            }
        }
    }
    *tools = Member::Made(Value::Array(list));
}

fn is_for_clients(tool: &Value, quirks: Quirks<'_>) -> bool {
    tool["type"].as_str().is_none_or(|kind| kind == "function" || quirks.lists("tool_types", kind))
}
