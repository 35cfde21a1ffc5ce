//! One message of a request.

use serde_json::Value;
use serde_json::value::RawValue;

use super::super::path::{Members, Path};
use super::super::reasoning::detail;
use crate::canonical::{Media, Message, Part, PartKind, ReasoningDetail, Speaker, ToolCall};
use crate::error::BadRequest;

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
        content: content_of(content, &path.member("content"))?,
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

fn content_of(content: Option<Value>, path: &Path<'_>) -> Result<Vec<Part>, BadRequest> {
    match content {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part { kind: PartKind::Text(text), cache_control: None }]),
        Some(Value::Array(parts)) => {
            parts.into_iter().enumerate().map(|(index, value)| part(value, &path.item(index))).collect()
        }
        Some(_) => Err(path.must("be a string or an array of parts")),
    }
}

/// One part of content that stands elsewhere.
pub(crate) fn part_of(value: &RawValue, path: &Path<'_>) -> Result<Part, BadRequest> {
    part(serde_json::from_str(value.get()).map_err(|_| path.must("be an object"))?, path)
}

fn part(value: Value, path: &Path<'_>) -> Result<Part, BadRequest> {
    let kind = match value.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        _ if value.is_object() => return Err(path.member("type").must("be a string")),
        _ => return Err(path.must("be an object")),
    };
    if kind == "video_url" || kind == "input_video" {
        image(value.get("video_url").cloned(), &path.member("video_url"))?;
    }
    if !["text", "image_url", "input_audio", "file"].contains(&kind.as_str()) {
        return Ok(Part { kind: PartKind::Other(value), cache_control: None });
    }
    let mut members = Members::of(value, path)?;
    let cache_control = members.value("cache_control");
    let kind = match kind.as_str() {
        "text" => match members.string("text")? {
            Some(text) => PartKind::Text(text),
            None => return Err(path.member("text").must("be a string")),
        },
        "image_url" => image(members.value("image_url"), &path.member("image_url"))?,
        "input_audio" => audio(members.value("input_audio"), &path.member("input_audio"))?,
        _ => file(members.value("file"), &path.member("file"))?,
    };
    Ok(Part { kind, cache_control })
}

fn image(value: Option<Value>, path: &Path<'_>) -> Result<PartKind, BadRequest> {
    match value {
        Some(Value::String(url)) if !url.is_empty() => {
            Ok(PartKind::Image { source: media(url), detail: None })
        }
        Some(object @ Value::Object(_)) => {
            let mut members = Members::of(object, path)?;
            Ok(PartKind::Image {
                source: media(members.required_string("url")?),
                detail: members.string("detail")?,
            })
        }
        _ => Err(path.must("be a URL or an object with a `url`")),
    }
}

fn audio(value: Option<Value>, path: &Path<'_>) -> Result<PartKind, BadRequest> {
    let mut members = Members::of(value.unwrap_or_default(), path)?;
    Ok(PartKind::Audio { data: members.required_string("data")?, format: members.required_string("format")? })
}

fn file(value: Option<Value>, path: &Path<'_>) -> Result<PartKind, BadRequest> {
    let mut members = Members::of(value.unwrap_or_default(), path)?;
    let name = members.string("filename")?;
    let source = match (members.string("file_data")?, members.string("file_id")?) {
        (Some(data), _) if data.contains(':') => media(data),
        (Some(data), _) => Media::Inline { media_type: "application/octet-stream".to_owned(), data },
        (None, Some(id)) => Media::Id(id),
        (None, None) => return Err(path.must("have `file_data` or `file_id`")),
    };
    Ok(PartKind::File { name, source })
}

/// A URL, taken apart when it is a data URL in base64.
pub(crate) fn media(url: String) -> Media {
    let inline = url.strip_prefix("data:").and_then(|rest| {
        let (head, data) = rest.split_once(',')?;
        let head = head.strip_suffix(";base64")?;
        let media_type = head.split(';').next().filter(|kind| !kind.is_empty()).unwrap_or("text/plain");
        Some(Media::Inline { media_type: media_type.to_ascii_lowercase(), data: data.to_owned() })
    });
    inline.unwrap_or(Media::Url(url))
}

/// Images that an assistant turn of the history shows.
fn made_images(members: &mut Members<'_>) -> Result<Vec<Part>, BadRequest> {
    let path = members.path.member("images");
    let mut parts = Vec::new();
    for (index, value) in members.list("images")?.unwrap_or_default().into_iter().enumerate() {
        let path = path.item(index);
        let image_url = Members::of(value, &path)?.value("image_url");
        parts.push(Part { kind: image(image_url, &path.member("image_url"))?, cache_control: None });
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
