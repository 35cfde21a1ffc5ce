//! Earlier turns of clients that speak this dialect. What other providers' answers put into them is taken away,
//! since Anthropic refuses it: reasoning that it did not sign, citations that it did not make, images that a
//! model made, and characters in the ids of calls.

use memchr::memmem;
use serde_json::{Map, Value};

use super::{FORMAT, blocks};
use crate::canonical::{Message, Part, PartKind, Request, Speaker};
use crate::client::messages::is_our_signature;
use crate::members::{Member, Members};

/// Signs in the turns' text that something may have to go; a false one costs only time.
const SIGNS: [&str; 2] = ["\"encrypted_index\"", "\"patchbay.reasoning."];

pub(super) fn shape(body: &mut Members<'_>, request: &Request) {
    let may_change = match body.get("messages") {
        Some(Member::Raw(raw)) => {
            let has = |sign: &str| memmem::find(raw.get().as_bytes(), sign.as_bytes()).is_some();
            SIGNS.iter().any(|sign| has(sign)) || request.messages.iter().any(is_foreign)
        }
        _ => false,
    };
    if !may_change {
        return;
    }
    if let Some(Value::Array(mut turns)) = body.value("messages") {
        turns.retain_mut(shape_turn);
        body.make("messages", turns);
    }
}

/// Whether thinking with a budget would be refused: the assistant's turn is prefilled, or the tool call that is
/// being answered came without the thinking that led to it.
pub(super) fn blocks_thinking(messages: &[Message]) -> bool {
    let Some(last) = messages.iter().rposition(|message| message.speaker == Speaker::Assistant) else {
        return false;
    };
    let after = &messages[last + 1..];
    let has_thought =
        messages[last].reasoning.first().is_some_and(|detail| detail.format.as_deref() == Some(FORMAT));
    after.is_empty() || (after.iter().any(|message| message.speaker == Speaker::Tool) && !has_thought)
}

/// Whether another provider had a part in a turn.
fn is_foreign(message: &Message) -> bool {
    let is_image = |part: &Part| matches!(part.kind, PartKind::Image { .. });
    message.reasoning.iter().any(|detail| detail.format.as_deref() != Some(FORMAT))
        || message.tool_calls.iter().any(|call| !blocks::is_tool_id(&call.id))
        || message.tool_call_id.as_deref().is_some_and(|id| !blocks::is_tool_id(id))
        || (message.speaker == Speaker::Assistant && message.content.iter().any(is_image))
}

/// Whether there is anything left of the turn.
fn shape_turn(turn: &mut Value) -> bool {
    let is_assistant = turn["role"] == "assistant";
    let Some(Value::Array(content)) = turn.get_mut("content") else { return true };
    let had_blocks = !content.is_empty();
    content.retain_mut(|block| match block {
        Value::Object(block) => shape_block(block, is_assistant),
        _ => true,
    });
    !had_blocks || !content.is_empty()
}

fn shape_block(block: &mut Map<String, Value>, is_assistant: bool) -> bool {
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "thinking" => !text("signature").is_empty() && !is_our_signature(text("signature")),
        "redacted_thinking" => !is_our_signature(text("data")),
        "image" => !is_assistant,
        "text" => {
            if let Some(Value::Array(citations)) = block.get_mut("citations") {
                citations.retain(|citation| citation.get("encrypted_index").is_none_or(|index| index != ""));
                if citations.is_empty() {
                    block.shift_remove("citations");
                }
            }
            true
        }
        "tool_use" => shape_id(block, "id"),
        "tool_result" => shape_id(block, "tool_use_id"),
        _ => true,
    }
}

fn shape_id(block: &mut Map<String, Value>, name: &str) -> bool {
    if let Some(Value::String(id)) = block.get_mut(name) {
        *id = blocks::tool_id(id).into_owned();
    }
    true
}
