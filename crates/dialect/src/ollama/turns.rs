//! The turns of a conversation: a text with images beside it.

use serde_json::{Map, Value, json};

use crate::canonical::{Media, Message, PartKind, Request, Speaker, ToolCall};
use crate::error::BadRequest;
use crate::{media, raw};

#[derive(Default)]
pub(super) struct Conversation {
    pub(super) messages: Vec<Value>,
    /// Bytes of everything that the model reads as text.
    pub(super) bytes: u64,
    pub(super) images: u64,
}

pub(super) fn read(request: &Request) -> Result<Conversation, BadRequest> {
    let mut conversation = Conversation::default();
    for message in &request.messages {
        let mut turn = turn(message, &mut conversation)?;
        if message.speaker == Speaker::Tool
            && let Some(name) = tool_name(message, &request.messages)
        {
            turn.insert("tool_name".to_owned(), json!(name));
        }
        conversation.messages.push(Value::Object(turn));
    }
    Ok(conversation)
}

fn turn(message: &Message, conversation: &mut Conversation) -> Result<Map<String, Value>, BadRequest> {
    let role = match message.speaker {
        Speaker::System | Speaker::Developer => "system",
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
        Speaker::Tool => "tool",
    };
    let (text, images) = content(message)?;
    message.for_each_text(|text| conversation.bytes += text.len() as u64);
    conversation.images += images.len() as u64;
    let mut turn = Map::from_iter([("role".to_owned(), json!(role)), ("content".to_owned(), json!(text))]);
    let mut set = |name: &str, value: Value| turn.insert(name.to_owned(), value);
    if !images.is_empty() {
        set("images", json!(images));
    }
    let thought: String = message.reasoning.iter().filter_map(|detail| detail.text()).collect();
    if !thought.is_empty() {
        set("thinking", json!(thought));
    }
    if !message.tool_calls.is_empty() {
        set("tool_calls", message.tool_calls.iter().map(call).collect::<Result<_, _>>()?);
    }
    if let Some(id) = &message.tool_call_id {
        set("tool_call_id", json!(id));
    }
    Ok(turn)
}

/// The text of a turn and its images as bare base64. Its name, which turns do not have here, leads the text.
fn content(message: &Message) -> Result<(String, Vec<&str>), BadRequest> {
    let mut lines: Vec<String> = Vec::new();
    let mut images = Vec::new();
    for part in &message.content {
        match &part.kind {
            PartKind::Text(text) => lines.push(text.clone()),
            PartKind::Image { source: Media::Inline { data, .. }, .. } => images.push(data.as_str()),
            PartKind::Image { .. } => {
                return Err(BadRequest::new("this endpoint takes inline images only: send a data URL"));
            }
            PartKind::File { name, source } => {
                let text = media::text_of_file(source, name.as_deref()).ok_or_else(|| {
                    BadRequest::new("this endpoint does not take files other than inline text")
                })?;
                let title = name.as_ref().map(|name| format!("{name}:\n")).unwrap_or_default();
                lines.push(title + &text);
            }
            PartKind::Audio { .. } => return Err(BadRequest::new("this endpoint does not take audio")),
            PartKind::Other(value) => {
                let kind = value["type"].as_str().unwrap_or("content of an unknown type");
                return Err(BadRequest::new(format!("this endpoint does not take {kind}")));
            }
        }
    }
    lines.extend(message.refusal.clone());
    let mut text = lines.join("\n");
    if let Some(name) = message.name.as_ref().filter(|_| message.speaker != Speaker::Tool) {
        text.insert_str(0, &format!("{name}: "));
    }
    Ok((text, images))
}

fn call(call: &ToolCall) -> Result<Value, BadRequest> {
    let arguments: Value = serde_json::from_str(raw::arguments(call)?.get()).unwrap_or_default();
    Ok(json!({"id": call.id, "function": {"name": call.name, "arguments": arguments}}))
}

/// The tool that a result is of: the server knows no ids, older ones not even in passing.
fn tool_name<'a>(result: &'a Message, messages: &'a [Message]) -> Option<&'a str> {
    let id = result.tool_call_id.as_deref()?;
    let called = messages.iter().flat_map(|message| &message.tool_calls).find(|call| call.id == id);
    called.map(|call| call.name.as_str()).or(result.name.as_deref())
}
