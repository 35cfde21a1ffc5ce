//! Content blocks of a request.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::FORMAT;
use super::turns::spoken;
use crate::canonical::{Media, Message, Part, PartKind, ReasoningDetail, ReasoningKind};
use crate::error::{BadRequest, ErrorType};
use crate::{media, raw};

/// Block types that a client may send as they are, because the dialect knows them and chat does not.
const NATIVE: [&str; 6] = [
    "document",
    "search_result",
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "image",
];

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Value>,
    },
    Image {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Value>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Value>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Box<RawValue>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a Value>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    #[serde(untagged)]
    Native(&'a Value),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Text { media_type: &'static str, data: String },
    Url { url: &'a str },
    File { file_id: &'a str },
}

impl<'a> Block<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text { text: text.into(), cache_control: None }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// System text; the provider takes nothing else there.
pub(super) fn of_system(message: &Message) -> Result<Vec<Block<'_>>, BadRequest> {
    let mut blocks = Vec::new();
    for part in &message.content {
        let PartKind::Text(text) = &part.kind else {
            return Err(BadRequest::new(
                "this model takes only text in system messages; send media as `user`",
            ));
        };
        blocks.extend(worded(text, part.cache_control.as_ref()));
    }
    Ok(blocks)
}

pub(super) fn of_user(message: &Message) -> Result<Vec<Block<'_>>, BadRequest> {
    let mut blocks = content(message)?;
    prefix(message, &mut blocks);
    Ok(blocks)
}

/// Thinking comes first, calls last: the provider checks that order.
pub(super) fn of_assistant(message: &Message) -> Result<Vec<Block<'_>>, BadRequest> {
    let mut blocks = Vec::new();
    for part in &message.content {
        blocks.extend(said(part)?);
    }
    prefix(message, &mut blocks);
    blocks.extend(message.refusal.as_deref().and_then(|refusal| worded(refusal, None)));
    let mut turn: Vec<Block<'_>> = message.reasoning.iter().filter_map(thinking).collect();
    turn.append(&mut blocks);
    for call in &message.tool_calls {
        turn.push(Block::ToolUse { id: tool_id(&call.id), name: &call.name, input: raw::arguments(call)? });
    }
    Ok(turn)
}

/// The last cache marker inside a result marks the result, where the provider wants it.
pub(super) fn of_tool(message: &Message) -> Result<Block<'_>, BadRequest> {
    let call = message.tool_call_id.as_deref().ok_or_else(|| {
        BadRequest::new("a `tool` message needs `tool_call_id`, the id of the call it answers")
    })?;
    let mut content = content(message)?;
    for block in &mut content {
        if let Block::Text { cache_control, .. }
        | Block::Image { cache_control, .. }
        | Block::Document { cache_control, .. } = block
        {
            *cache_control = None;
        }
    }
    let cache_control = message.content.iter().rev().find_map(|part| part.cache_control.as_ref());
    Ok(Block::ToolResult { tool_use_id: tool_id(call), content, cache_control })
}

/// Whether some part is an uploaded file.
pub(super) fn names_file(message: &Message) -> bool {
    message.content.iter().any(|part| {
        matches!(
            &part.kind,
            PartKind::Image { source: Media::Id(_), .. } | PartKind::File { source: Media::Id(_), .. }
        )
    })
}

fn content(message: &Message) -> Result<Vec<Block<'_>>, BadRequest> {
    message.content.iter().filter_map(|part| block(part).transpose()).collect()
}

fn block(part: &Part) -> Result<Option<Block<'_>>, BadRequest> {
    let cache_control = part.cache_control.as_ref();
    Ok(match &part.kind {
        PartKind::Text(text) => worded(text, cache_control),
        PartKind::Image { source, .. } => Some(Block::Image { source: image(source)?, cache_control }),
        PartKind::File { name, source } => Some(file(name.as_deref(), source, cache_control)?),
        PartKind::Audio { .. } => return Err(unsupported("input_audio")),
        PartKind::Other(value) => Some(native(value)?),
    })
}

/// Of an assistant's turn, which may hold pictures that another model made: the provider takes none there.
fn said(part: &Part) -> Result<Option<Block<'_>>, BadRequest> {
    match &part.kind {
        PartKind::Text(text) => Ok(worded(text, part.cache_control.as_ref())),
        PartKind::Other(value) => native(value).map(Some),
        PartKind::Image { .. } | PartKind::Audio { .. } | PartKind::File { .. } => Ok(None),
    }
}

/// Text of nothing but white space is refused upstream.
fn worded<'a>(text: &'a str, cache_control: Option<&'a Value>) -> Option<Block<'a>> {
    (!text.trim().is_empty()).then_some(Block::Text { text: text.into(), cache_control })
}

fn prefix(message: &Message, blocks: &mut [Block<'_>]) {
    let first = blocks.iter_mut().find_map(|block| match block {
        Block::Text { text, .. } => Some(text),
        _ => None,
    });
    if let (Some(name), Some(text)) = (spoken(message), first) {
        *text = format!("{name}: {text}").into();
    }
}

fn image(source: &Media) -> Result<Source<'_>, BadRequest> {
    match source {
        Media::Inline { media_type, data } => Ok(Source::Base64 { media_type, data }),
        Media::Id(file_id) => Ok(Source::File { file_id }),
        Media::Url(url) if url.starts_with("data:") => match media::data_url(url) {
            Some((media_type, data)) => Ok(Source::Base64 { media_type, data }),
            None => Err(BadRequest {
                error_type: ErrorType::InvalidImage,
                message: "a data URL must be `data:<media type>;base64,<data>`".to_owned(),
            }),
        },
        Media::Url(url) => Ok(Source::Url { url }),
    }
}

fn file<'a>(
    title: Option<&'a str>,
    source: &'a Media,
    cache_control: Option<&'a Value>,
) -> Result<Block<'a>, BadRequest> {
    let Source::Base64 { media_type, data } = image(source)? else {
        return Ok(Block::Document { source: image(source)?, title, cache_control });
    };
    let media_type = media::known_type(media_type, data, title);
    if media_type.starts_with("image/") {
        return Ok(Block::Image { source: Source::Base64 { media_type, data }, cache_control });
    }
    let source = match media_type {
        "application/pdf" => Source::Base64 { media_type, data },
        text if text.starts_with("text/") => Source::Text { media_type: "text/plain", data: decoded(data)? },
        other => return Err(unsupported(other)),
    };
    Ok(Block::Document { source, title, cache_control })
}

fn decoded(data: &str) -> Result<String, BadRequest> {
    let bytes = BASE64_STANDARD.decode(data).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| BadRequest::new("the data of a text file must be base64 of UTF-8 text"))
}

fn native(value: &Value) -> Result<Block<'_>, BadRequest> {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    if NATIVE.contains(&kind) { Ok(Block::Native(value)) } else { Err(unsupported(kind)) }
}

fn unsupported(kind: &str) -> BadRequest {
    BadRequest::new(format!("this model cannot take content of type `{kind}`"))
}

/// Only what the provider signed, and only as it signed it.
fn thinking(detail: &ReasoningDetail) -> Option<Block<'_>> {
    if detail.format.as_deref().is_some_and(|format| format != FORMAT) {
        return None;
    }
    match detail.kind {
        ReasoningKind::Text => Some(Block::Thinking {
            thinking: detail.content.as_deref().unwrap_or_default(),
            signature: detail.signature.as_deref().filter(|signature| !signature.is_empty())?,
        }),
        ReasoningKind::Encrypted if detail.format.is_some() => {
            Some(Block::RedactedThinking { data: detail.content.as_deref()? })
        }
        ReasoningKind::Encrypted | ReasoningKind::Summary => None,
    }
}

/// Ids that another provider made may have characters that this one refuses.
pub(super) fn tool_id(id: &str) -> Cow<'_, str> {
    if is_tool_id(id) {
        return Cow::Borrowed(id);
    }
    id.chars().map(|c| if is_of_id(c) { c } else { '_' }).collect::<String>().into()
}

pub(super) fn is_tool_id(id: &str) -> bool {
    id.chars().all(is_of_id)
}

fn is_of_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}
