//! One message of a request.

use serde_json::Value;

use crate::canonical::{Message, Part, PartKind, ReasoningDetail, Speaker, ToolCall};
use crate::client::parts;
use crate::client::path::{Members, Path};
use crate::error::BadRequest;
use crate::reasoning_details::detail;

pub(super) fn read(value: Value, path: &Path<'_>) -> Result<Message, BadRequest> {
    let mut members = Members::of(value, path)?;
    let speaker = speaker(&mut members)?;
    let content = members.value("content");
    if content.is_none() && speaker != Speaker::Assistant {
        return Err(path.member("content").must("be a string or an array of parts"));
    }
    let mut message = Message {
        speaker,
        name: members.string("name")?,
        content: parts::content(content, &path.member("content"))?,
        tool_calls: tool_calls(&mut members)?,
        tool_call_id: None,
        reasoning: Vec::new(),
        refusal: members.string("refusal")?,
    };
    match speaker {
        Speaker::Tool => message.tool_call_id = Some(members.required_string("tool_call_id")?),
        Speaker::Assistant => {
            message.content.retain(|part| !matches!(&part.kind, PartKind::Text(text) if text.is_empty()));
            message.content.extend(made_images(&mut members)?);
            message.reasoning = reasoning(&mut members)?;
        }
        Speaker::System | Speaker::Developer | Speaker::User => {}
    }
    Ok(message)
}

fn speaker(members: &mut Members<'_>) -> Result<Speaker, BadRequest> {
    let wrong = members.path.member("role").must("be one of system, developer, user, assistant, tool");
    match members.value("role") {
        Some(Value::String(role)) => match role.as_str() {
            "system" => Ok(Speaker::System),
            "developer" => Ok(Speaker::Developer),
            "user" => Ok(Speaker::User),
            "assistant" => Ok(Speaker::Assistant),
            "tool" => Ok(Speaker::Tool),
            _ => Err(wrong),
        },
        _ => Err(wrong),
    }
}

/// Images that an assistant turn of the history shows.
fn made_images(members: &mut Members<'_>) -> Result<Vec<Part>, BadRequest> {
    let path = members.path.member("images");
    let mut parts = Vec::new();
    for (index, value) in members.list("images")?.unwrap_or_default().into_iter().enumerate() {
        let path = path.item(index);
        let image_url = Members::of(value, &path)?.value("image_url");
        parts.push(Part { kind: parts::image(image_url, &path.member("image_url"))?, cache_control: None });
    }
    Ok(parts)
}

fn tool_calls(members: &mut Members<'_>) -> Result<Vec<ToolCall>, BadRequest> {
    let path = members.path.member("tool_calls");
    let list = members.list("tool_calls")?.unwrap_or_default();
    list.into_iter().enumerate().map(|(index, value)| tool_call(value, &path.item(index))).collect()
}

fn tool_call(value: Value, path: &Path<'_>) -> Result<ToolCall, BadRequest> {
    let mut members = Members::of(value, path)?;
    let id = members.required_string("id")?;
    let path = path.member("function");
    let function = members.value("function").ok_or_else(|| path.must("be an object"))?;
    let mut function = Members::of(function, &path)?;
    Ok(ToolCall {
        id,
        name: function.required_string("name")?,
        arguments: function.string("arguments")?.unwrap_or_default(),
    })
}

/// `reasoning_details` as they were given out, else the plain text of `reasoning` or `reasoning_content`.
fn reasoning(members: &mut Members<'_>) -> Result<Vec<ReasoningDetail>, BadRequest> {
    let text = members.string("reasoning")?;
    let text = members.string("reasoning_content")?.or(text);
    let details = members.list("reasoning_details")?.unwrap_or_default();
    let details: Vec<_> =
        details.iter().enumerate().filter_map(|(position, value)| detail(value, position)).collect();
    if !details.is_empty() {
        return Ok(details);
    }
    let whole = text.filter(|text| !text.is_empty());
    Ok(whole
        .map(|text| ReasoningDetail { content: Some(text), ..ReasoningDetail::default() })
        .into_iter()
        .collect())
}
