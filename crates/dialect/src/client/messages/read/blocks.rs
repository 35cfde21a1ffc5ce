//! Content blocks.

use serde_json::Value;

use crate::canonical::{Media, Part, PartKind, ReasoningDetail, ToolCall};
use crate::client::messages::{encoded_text, signature};
use crate::client::path::{Members, Path};
use crate::error::BadRequest;

pub(super) fn text(text: impl Into<String>) -> Part {
    Part { kind: PartKind::Text(text.into()), cache_control: None }
}

/// The blocks of a content; a plain text is one block.
pub(super) fn list(content: Value, path: &Path<'_>) -> Result<Vec<Value>, BadRequest> {
    match content {
        Value::String(text) => Ok(vec![serde_json::json!({"type": "text", "text": text})]),
        Value::Array(blocks) => Ok(blocks),
        _ => Err(path.must("be a string or an array of blocks")),
    }
}

/// What a block of a user's turn, of a result or of the system text says to any model. Nothing for kinds that
/// only Anthropic knows, and for empty text, which most providers refuse.
pub(super) fn of_user(block: Value, path: &Path<'_>) -> Result<Vec<Part>, BadRequest> {
    let mut members = Members::of(block, path)?;
    let kind = members.required_string("type")?;
    let cache_control = members.value("cache_control");
    let mut parts = match kind.as_str() {
        "text" => worded(required_text(&mut members, "text")?),
        "image" => vec![image(&mut members)?],
        "document" => document(&mut members)?,
        "search_result" => search_result(&mut members)?,
        "tool_reference" => worded(loose_text(&mut members, "tool_name")),
        "compaction" => worded(loose_text(&mut members, "content")),
        _ => Vec::new(),
    };
    if let Some(last) = parts.last_mut() {
        last.cache_control = cache_control;
    }
    Ok(parts)
}

/// What an assistant's turn holds.
#[derive(Default)]
pub(super) struct Assistant {
    pub(super) content: Vec<Part>,
    pub(super) tool_calls: Vec<ToolCall>,
    pub(super) reasoning: Vec<ReasoningDetail>,
}

impl Assistant {
    pub(super) fn take(&mut self, block: Value, path: &Path<'_>) -> Result<(), BadRequest> {
        let place = self.reasoning.len();
        match block.get("type").and_then(Value::as_str) {
            Some("thinking") => {
                let mut members = Members::of(block, path)?;
                let thinking = members.string("thinking")?.unwrap_or_default();
                let signature = members.string("signature")?.unwrap_or_default();
                self.reasoning.extend(signature::of_thinking(thinking, &signature, place));
            }
            Some("redacted_thinking") => {
                let data = Members::of(block, path)?.required_string("data")?;
                self.reasoning.extend(signature::of_redacted(&data, place));
            }
            Some("tool_use") => self.tool_calls.push(tool_use(block, path)?),
            _ => self.content.extend(of_user(block, path)?),
        }
        Ok(())
    }
}

fn tool_use(block: Value, path: &Path<'_>) -> Result<ToolCall, BadRequest> {
    let mut members = Members::of(block, path)?;
    let input = members.value("input").unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    Ok(ToolCall {
        id: members.required_string("id")?,
        name: members.required_string("name")?,
        arguments: Value::Object(path.member("input").object(input)?).to_string(),
    })
}

fn worded(text: String) -> Vec<Part> {
    if text.is_empty() { Vec::new() } else { vec![self::text(text)] }
}

fn required_text(members: &mut Members<'_>, name: &str) -> Result<String, BadRequest> {
    members.string(name)?.ok_or_else(|| members.path.member(name).must("be a string"))
}

/// A text that may be absent or of another form.
fn loose_text(members: &mut Members<'_>, name: &str) -> String {
    match members.value(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

fn image(members: &mut Members<'_>) -> Result<Part, BadRequest> {
    let path = members.path.member("source");
    let mut source = Members::of(members.value("source").unwrap_or_default(), &path)?;
    let source = match source.required_string("type")?.as_str() {
        "base64" => inline(&mut source)?,
        "url" => Media::Url(source.required_string("url")?),
        "file" => Media::Id(source.required_string("file_id")?),
        _ => return Err(path.member("type").must("be `base64`, `url` or `file`")),
    };
    Ok(Part { kind: PartKind::Image { source, detail: None }, cache_control: None })
}

fn inline(source: &mut Members<'_>) -> Result<Media, BadRequest> {
    Ok(Media::Inline {
        media_type: source.required_string("media_type")?.to_ascii_lowercase(),
        data: source.required_string("data")?,
    })
}

/// A document that is text goes as text, which every model can read; its title and context lead it.
fn document(members: &mut Members<'_>) -> Result<Vec<Part>, BadRequest> {
    let title = members.string("title")?.filter(|title| !title.is_empty());
    let context = members.string("context")?.filter(|context| !context.is_empty());
    let path = members.path.member("source");
    let mut source = Members::of(members.value("source").unwrap_or_default(), &path)?;
    let file = match source.required_string("type")?.as_str() {
        "text" => return Ok(titled(title, context, worded(required_text(&mut source, "data")?))),
        "content" => {
            let path = path.member("content");
            let content = source.value("content").unwrap_or_default();
            let mut parts = Vec::new();
            for (index, block) in list(content, &path)?.into_iter().enumerate() {
                parts.extend(of_user(block, &path.item(index))?);
            }
            return Ok(titled(title, context, parts));
        }
        "base64" => match inline(&mut source)? {
            Media::Inline { media_type, data } if media_type.starts_with("text/") => {
                let text = encoded_text::of(&data);
                let text = text.ok_or_else(|| path.member("data").must("be base64 of UTF-8 text"))?;
                return Ok(titled(title, context, worded(text)));
            }
            file => file,
        },
        "url" => Media::Url(source.required_string("url")?),
        "file" => Media::Id(source.required_string("file_id")?),
        _ => return Err(path.member("type").must("be `base64`, `text`, `content`, `url` or `file`")),
    };
    let mut parts: Vec<Part> = context.map(text).into_iter().collect();
    parts.push(Part { kind: PartKind::File { name: title, source: file }, cache_control: None });
    Ok(parts)
}

fn titled(title: Option<String>, context: Option<String>, mut parts: Vec<Part>) -> Vec<Part> {
    let head: Vec<String> =
        [title.map(|title| format!("Document: {title}")), context].into_iter().flatten().collect();
    if !head.is_empty() {
        parts.insert(0, text(head.join("\n") + "\n"));
    }
    parts
}

fn search_result(members: &mut Members<'_>) -> Result<Vec<Part>, BadRequest> {
    let (title, source) = (loose_text(members, "title"), loose_text(members, "source"));
    let path = members.path.member("content");
    let content = members.value("content").unwrap_or_else(|| Value::Array(Vec::new()));
    let mut parts = vec![text(format!("Search result: {title} ({source})\n"))];
    for (index, block) in list(content, &path)?.into_iter().enumerate() {
        parts.extend(of_user(block, &path.item(index))?);
    }
    Ok(parts)
}
