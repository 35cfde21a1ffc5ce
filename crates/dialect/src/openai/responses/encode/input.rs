//! Input: each item stays as it was sent unless the endpoint would not understand something in it.

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::super::quirks::Quirks;
use super::super::reasoning_format;
use crate::client::responses::ids::is_made_up;
use crate::client::responses::seal::Kept;
use crate::codec::Target;
use crate::members::Member;

/// Signs in an item's text that it may have to change; a false one costs only time.
const SIGNS: [&str; 5] = ["\"reasoning\"", "_gen-", "\"cache_control\"", "\"url_citation\"", "\"developer\""];

/// Items that tell what was said and done. Others may do something themselves, such as bring tools along that
/// nobody reserved for, so they go out only where the catalogue accepts their type.
const TOLD: [&str; 24] = [
    "message",
    "reasoning",
    "compaction",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "tool_search_call",
    "web_search_call",
    "file_search_call",
    "computer_call",
    "computer_call_output",
    "code_interpreter_call",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_call",
    "mcp_approval_request",
    "mcp_approval_response",
];

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Makes the items those that the endpoint understands, and leaves out those that it cannot.
pub(super) fn shape(input: &mut Member<'_>, target: &Target<'_>, quirks: Quirks<'_>) {
    let raw: &RawValue = match input {
        Member::Raw(raw) => raw,
        Member::Made(Value::Array(items)) => {
            return items.iter_mut().for_each(|item| drop_markers(item, quirks));
        }
        Member::Made(_) | Member::List(_) => return,
    };
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else { return };
    let format = reasoning_format(target);
    let shaped = items.into_iter().filter(|item| goes_out(item, quirks)).filter_map(|item| {
        if !may_change(item.get()) {
            return Some(Member::Raw(item));
        }
        match Member::Raw(item).value() {
            Value::Object(members) => {
                shape_item(members, format, quirks).map(Value::Object).map(Member::Made)
            }
            _ => Some(Member::Raw(item)),
        }
    });
    *input = Member::List(shaped.collect());
}

/// Items that were written here are as the endpoint knows them, but for the markers of the cache.
fn drop_markers(item: &mut Value, quirks: Quirks<'_>) {
    for member in ["content", "output"] {
        if let Some(Value::Array(parts)) = item.get_mut(member) {
            parts.iter_mut().filter_map(Value::as_object_mut).for_each(|part| shape_part(part, quirks));
        }
    }
}

fn goes_out(item: &RawValue, quirks: Quirks<'_>) -> bool {
    let kind = serde_json::from_str::<Head>(item.get()).map(|head| head.kind);
    match kind.as_ref().map(|kind| kind.as_deref().unwrap_or("message")) {
        Ok(kind) => TOLD.contains(&kind) || quirks.lists("accepts", kind),
        Err(_) => false,
    }
}

fn may_change(text: &str) -> bool {
    SIGNS.iter().any(|sign| memmem::find(text.as_bytes(), sign.as_bytes()).is_some())
}

fn shape_item(mut item: Map<String, Value>, format: &str, quirks: Quirks<'_>) -> Option<Map<String, Value>> {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or("message").to_owned();
    let is_ours = item.get("id").and_then(Value::as_str).is_some_and(is_made_up);
    if kind == "image_generation_call" && is_ours {
        return None;
    }
    if is_ours {
        item.shift_remove("id");
    }
    if kind == "reasoning" {
        return shape_reasoning(item, format, quirks);
    }
    if quirks.is("developer_role", "system") && item.get("role").is_some_and(|role| role == "developer") {
        item.insert("role".to_owned(), json!("system"));
    }
    for member in ["content", "output"] {
        if let Some(Value::Array(parts)) = item.get_mut(member) {
            parts.iter_mut().filter_map(Value::as_object_mut).for_each(|part| shape_part(part, quirks));
        }
    }
    Some(item)
}

/// Reasoning goes back to who sealed it, and in plain text to who wants it so.
fn shape_reasoning(
    mut item: Map<String, Value>,
    format: &str,
    quirks: Quirks<'_>,
) -> Option<Map<String, Value>> {
    let kept = item.get("encrypted_content").and_then(Value::as_str).and_then(Kept::open);
    let said = item.shift_remove("format");
    let said = said.as_ref().and_then(Value::as_str).filter(|said| *said != "unknown");
    let said = said.or(kept.as_ref().and_then(|kept| kept.format.as_deref()));
    item.shift_remove("signature");
    if let Some(kept) = &kept {
        item.insert("encrypted_content".to_owned(), json!(kept.data));
    }
    if said.is_some_and(|said| said != format) {
        item.shift_remove("encrypted_content");
        item.shift_remove("id");
    }
    let is_sealed =
        item.get("encrypted_content").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let is_readable = ["content", "summary"]
        .iter()
        .any(|name| item.get(*name).and_then(Value::as_array).is_some_and(|texts| !texts.is_empty()));
    let returns = is_sealed || (is_readable && quirks.text("send_reasoning_back").is_some());
    item.retain(|_, member| !member.is_null());
    item.entry("summary").or_insert_with(|| json!([]));
    returns.then_some(item)
}

/// Markers of the cache, and what only we say of a source.
fn shape_part(part: &mut Map<String, Value>, quirks: Quirks<'_>) {
    if !quirks.has("keep_cache_control") {
        part.shift_remove("cache_control");
    }
    if let Some(Value::Array(annotations)) = part.get_mut("annotations") {
        for annotation in annotations.iter_mut().filter_map(Value::as_object_mut) {
            annotation.shift_remove("content");
        }
    }
}
