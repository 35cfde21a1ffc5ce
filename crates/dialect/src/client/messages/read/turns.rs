//! The conversation: the system text and the turns.

use serde_json::Value;

use super::blocks::{self, Assistant};
use crate::canonical::{Message, Part, PartKind, Speaker};
use crate::client::messages::limits::MESSAGES;
use crate::client::path::{Members, Path};
use crate::error::BadRequest;

/// Stands in a result whose media are in the turn after it.
const BELOW: &str = "The result is attached below.";

pub(super) fn read(members: &mut Members<'_>) -> Result<Vec<Message>, BadRequest> {
    let mut messages = Vec::new();
    if let Some(system) = members.value("system") {
        messages.extend(said(Speaker::System, system_text(system, &members.path.member("system"))?));
    }
    let path = members.path.member("messages");
    let list = members.list("messages")?.ok_or_else(|| BadRequest::new("`messages` is required"))?;
    if list.is_empty() || list.len() > MESSAGES {
        return Err(path.must(&format!("have from 1 to {MESSAGES} entries")));
    }
    for (index, value) in list.into_iter().enumerate() {
        turn(value, &path.item(index), &mut messages)?;
    }
    Ok(messages)
}

fn turn(value: Value, path: &Path<'_>, messages: &mut Vec<Message>) -> Result<(), BadRequest> {
    let mut members = Members::of(value, path)?;
    let role = members.string("role")?;
    let content = members.value("content");
    let path = path.member("content");
    match role.as_deref() {
        Some("user") => user(content, &path, messages)?,
        Some("assistant") => messages.extend(assistant(content, &path)?),
        Some("system") => {
            let content = content.ok_or_else(|| path.must("be a string or an array of blocks"))?;
            messages.extend(said(Speaker::System, system_text(content, &path)?));
        }
        _ => return Err(members.path.member("role").must("be one of user, assistant, system")),
    }
    Ok(())
}

/// A turn of parts, if there are any.
fn said(speaker: Speaker, content: Vec<Part>) -> Option<Message> {
    (!content.is_empty()).then(|| Message::of(speaker, content))
}

/// A text, or blocks of which the text counts.
fn system_text(content: Value, path: &Path<'_>) -> Result<Vec<Part>, BadRequest> {
    let mut parts = Vec::new();
    for (index, block) in blocks::list(content, path)?.into_iter().enumerate() {
        parts.extend(blocks::of_user(block, &path.item(index))?);
    }
    parts.retain(|part| matches!(part.kind, PartKind::Text(_)));
    Ok(parts)
}

/// Results come first, each as a turn of its own; then what they hold beside text, then the rest.
fn user(content: Option<Value>, path: &Path<'_>, messages: &mut Vec<Message>) -> Result<(), BadRequest> {
    let content = content.ok_or_else(|| path.must("be a string or an array of blocks"))?;
    let (mut media, mut parts) = (Vec::new(), Vec::new());
    for (index, block) in blocks::list(content, path)?.into_iter().enumerate() {
        let path = path.item(index);
        if block.get("type").is_some_and(|kind| kind == "tool_result") {
            messages.push(result(block, &path, &mut media)?);
        } else {
            parts.extend(blocks::of_user(block, &path)?);
        }
    }
    media.append(&mut parts);
    messages.extend(said(Speaker::User, media));
    Ok(())
}

/// The result of a call. What it holds beside text goes to `media`, with a word on where it is from.
fn result(block: Value, path: &Path<'_>, media: &mut Vec<Part>) -> Result<Message, BadRequest> {
    let mut members = Members::of(block, path)?;
    let id = members.required_string("tool_use_id")?;
    let is_error = members.boolean("is_error")?.unwrap_or(false);
    let cache_control = members.value("cache_control");
    let path = path.member("content");
    let mut parts = Vec::new();
    if let Some(content) = members.value("content") {
        for (index, block) in blocks::list(content, &path)?.into_iter().enumerate() {
            parts.extend(blocks::of_user(block, &path.item(index))?);
        }
    }
    let (mut texts, others): (Vec<_>, Vec<_>) =
        parts.into_iter().partition(|part| matches!(part.kind, PartKind::Text(_)));
    if !others.is_empty() {
        if texts.is_empty() {
            texts.push(blocks::text(BELOW));
        }
        media.push(blocks::text(format!("Attached to the result of tool call {id}:")));
        media.extend(others);
    }
    if is_error {
        mark_error(&mut texts);
    }
    if let Some(last) = texts.last_mut() {
        last.cache_control = cache_control.or(last.cache_control.take());
    }
    Ok(Message { tool_call_id: Some(id), ..Message::of(Speaker::Tool, texts) })
}

/// Says that the call failed, unless the text says so itself.
fn mark_error(texts: &mut Vec<Part>) {
    match texts.first_mut().map(|part| &mut part.kind) {
        Some(PartKind::Text(text)) if says_error(text) => {}
        Some(PartKind::Text(text)) => text.insert_str(0, "Error: "),
        _ => texts.insert(0, blocks::text("Error: the tool failed")),
    }
}

fn says_error(text: &str) -> bool {
    text.trim_start().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("error"))
}

fn assistant(content: Option<Value>, path: &Path<'_>) -> Result<Option<Message>, BadRequest> {
    let mut turn = Assistant::default();
    if let Some(content) = content {
        for (index, block) in blocks::list(content, path)?.into_iter().enumerate() {
            turn.take(block, &path.item(index))?;
        }
    }
    if turn.content.is_empty() && turn.tool_calls.is_empty() && turn.reasoning.is_empty() {
        return Ok(None);
    }
    let Assistant { content, tool_calls, reasoning } = turn;
    Ok(Some(Message { tool_calls, reasoning, ..Message::of(Speaker::Assistant, content) }))
}
