//! The turns of a conversation.

use serde_json::{Map, Value, json};

use crate::canonical::{Media, Message, Part, PartKind, Request, Speaker, ToolCall};
use crate::codec::Target;
use crate::error::BadRequest;
use crate::media::text_of_file;
use crate::raw;

#[derive(Default)]
pub(super) struct Conversation {
    pub(super) messages: Vec<Value>,
    /// Texts of files, which the provider takes beside the turns and cites.
    pub(super) documents: Vec<Value>,
}

pub(super) fn read(request: &Request, target: &Target<'_>) -> Result<Conversation, BadRequest> {
    let mut conversation = Conversation::default();
    for message in &request.messages {
        let turn = match message.speaker {
            Speaker::System | Speaker::Developer => said("system", message, &mut conversation.documents)?,
            Speaker::User => said("user", message, &mut conversation.documents)?,
            Speaker::Assistant => assistant(message, target.takes("reasoning"))?,
            Speaker::Tool => result(message)?,
        };
        conversation.messages.push(turn);
    }
    Ok(conversation)
}

/// A turn of somebody who is not the model. Its name, which turns do not have here, leads the text.
fn said(role: &str, message: &Message, documents: &mut Vec<Value>) -> Result<Value, BadRequest> {
    let mut parts = Vec::with_capacity(message.content.len());
    for part in &message.content {
        match &part.kind {
            PartKind::Text(text) => parts.push(json!({"type": "text", "text": text})),
            PartKind::Image { source, detail } => parts.push(image(source, detail.as_deref())?),
            PartKind::File { name, source } => {
                documents.push(document(documents.len(), name.as_deref(), source)?)
            }
            PartKind::Audio { .. } | PartKind::Other(_) => return Err(unknown(part)),
        }
    }
    if let Some(name) = &message.name
        && let Some(Value::String(text)) = parts.iter_mut().find_map(|part| part.get_mut("text"))
    {
        text.insert_str(0, &format!("{name}: "));
    }
    Ok(json!({"role": role, "content": plain(parts)}))
}

/// A lone text needs no parts.
fn plain(mut parts: Vec<Value>) -> Value {
    match parts.as_mut_slice() {
        [] => json!(""),
        [part] if part["type"] == "text" => part["text"].take(),
        _ => Value::Array(parts),
    }
}

fn unknown(part: &Part) -> BadRequest {
    let kind = match &part.kind {
        PartKind::Audio { .. } => "audio",
        PartKind::File { .. } => "files other than text",
        PartKind::Other(value) => value["type"].as_str().unwrap_or("content of an unknown type"),
        PartKind::Text(_) | PartKind::Image { .. } => "images here",
    };
    BadRequest::new(format!("this endpoint does not take {kind}"))
}

fn image(source: &Media, detail: Option<&str>) -> Result<Value, BadRequest> {
    let url = match source {
        Media::Url(url) => url.clone(),
        Media::Inline { media_type, data } => format!("data:{media_type};base64,{data}"),
        Media::Id(_) => {
            return Err(BadRequest::new("this endpoint does not know images by id: send the image"));
        }
    };
    let mut image = json!({"url": url});
    if let Some(detail) = detail {
        image["detail"] = json!(detail);
    }
    Ok(json!({"type": "image_url", "image_url": image}))
}

/// A text file, which becomes a document that the answer may cite.
fn document(place: usize, name: Option<&str>, source: &Media) -> Result<Value, BadRequest> {
    let text = text_of_file(source, name)
        .ok_or_else(|| BadRequest::new("this endpoint does not take files other than inline text"))?;
    let mut members = Map::new();
    if let Some(name) = name {
        members.insert("title".to_owned(), json!(name));
    }
    members.insert("text".to_owned(), json!(text));
    Ok(json!({"id": format!("file:{place}"), "data": members}))
}

/// What the model said: beside calls its text is the plan.
fn assistant(message: &Message, may_reason: bool) -> Result<Value, BadRequest> {
    let mut turn = json!({"role": "assistant"});
    let texts = message.content.iter().filter_map(|part| match &part.kind {
        PartKind::Text(text) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    let text: String = texts.chain(message.refusal.as_deref()).collect();
    let thought: String = message.reasoning.iter().filter_map(|detail| detail.text()).collect();
    let mut parts = Vec::new();
    if may_reason && !thought.is_empty() {
        parts.push(json!({"type": "thinking", "thinking": thought}));
    }
    if message.tool_calls.is_empty() {
        if !text.is_empty() {
            parts.push(json!({"type": "text", "text": text}));
        }
        turn["content"] = plain(parts);
        return Ok(turn);
    }
    if !parts.is_empty() {
        turn["content"] = Value::Array(parts);
    }
    if !text.is_empty() {
        turn["tool_plan"] = json!(text);
    }
    turn["tool_calls"] = message.tool_calls.iter().map(call).collect::<Result<_, _>>()?;
    Ok(turn)
}

fn call(call: &ToolCall) -> Result<Value, BadRequest> {
    let arguments = raw::arguments(call)?;
    let function = json!({"name": call.name, "arguments": arguments.get()});
    Ok(json!({"id": call.id, "type": "function", "function": function}))
}

fn result(message: &Message) -> Result<Value, BadRequest> {
    let mut parts = Vec::with_capacity(message.content.len());
    for part in &message.content {
        match &part.kind {
            PartKind::Text(text) => parts.push(json!({"type": "text", "text": text})),
            PartKind::Other(value) if value["type"] == "document" => parts.push(value.clone()),
            _ => return Err(unknown(part)),
        }
    }
    Ok(json!({"role": "tool", "tool_call_id": message.tool_call_id, "content": plain(parts)}))
}
