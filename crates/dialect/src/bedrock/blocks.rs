//! Content blocks of a request.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::family::Traits;
use super::media::{self, Document, Item, Medium, Names};
use super::{CLAUDE, ids};
use crate::canonical::{Message, Part, PartKind, ReasoningDetail, ReasoningKind};
use crate::error::BadRequest;
use crate::raw;

/// What the provider needs where words must stand and there are none.
pub(super) const FILLER: &str = ".";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Block<'a> {
    Text(Cow<'a, str>),
    Image(Item<'a>),
    Document(Document<'a>),
    Audio(Item<'a>),
    Video(Item<'a>),
    ToolUse {
        tool_use_id: Cow<'a, str>,
        name: &'a str,
        input: Box<RawValue>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: Vec<Block<'a>>,
    },
    ReasoningContent(Reasoning<'a>),
    CachePoint {
        #[serde(rename = "type")]
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        ttl: Option<&'a str>,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Reasoning<'a> {
    ReasoningText {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'a str>,
    },
    /// Base64.
    RedactedContent(String),
}

impl<'a> From<Medium<'a>> for Block<'a> {
    fn from(medium: Medium<'a>) -> Self {
        match medium {
            Medium::Image(item) => Self::Image(item),
            Medium::Document(document) => Self::Document(document),
            Medium::Audio(item) => Self::Audio(item),
            Medium::Video(item) => Self::Video(item),
        }
    }
}

impl<'a> Block<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// The end of what is to be cached, where a marker asks for it and the model can.
    pub(super) fn cache_point(marker: Option<&'a Value>, traits: &Traits) -> Option<Self> {
        let marker = marker.filter(|marker| traits.caches && !marker.is_null())?;
        let ttl = marker["ttl"].as_str().filter(|ttl| *ttl == "1h" && traits.caches_for_an_hour);
        Some(Self::CachePoint { kind: "default", ttl })
    }

    pub(super) const fn is_call(&self) -> bool {
        matches!(self, Self::ToolUse { .. } | Self::ToolResult { .. })
    }
}

/// System text; the provider takes nothing else there.
pub(super) fn of_system<'a>(message: &'a Message, traits: &Traits) -> Result<Vec<Block<'a>>, BadRequest> {
    let mut blocks = Vec::new();
    for part in &message.content {
        let PartKind::Text(text) = &part.kind else {
            return Err(BadRequest::new(
                "this model takes only text in system messages; send media as `user`",
            ));
        };
        if !text.trim().is_empty() {
            blocks.push(Block::text(text.as_str()));
            blocks.extend(Block::cache_point(part.cache_control.as_ref(), traits));
        }
    }
    Ok(blocks)
}

pub(super) fn of_user<'a>(
    message: &'a Message,
    traits: &Traits,
    names: &mut Names,
) -> Result<Vec<Block<'a>>, BadRequest> {
    let mut blocks = Vec::new();
    for part in &message.content {
        if let Some(block) = block(part, names)? {
            blocks.push(block);
            blocks.extend(Block::cache_point(part.cache_control.as_ref(), traits));
        }
    }
    prefix(message, &mut blocks);
    Ok(blocks)
}

/// Reasoning comes first, calls last. Pictures that another model made have no form in such a turn.
pub(super) fn of_assistant<'a>(message: &'a Message, traits: &Traits) -> Result<Vec<Block<'a>>, BadRequest> {
    let mut turn: Vec<Block<'_>> =
        message.reasoning.iter().filter_map(|detail| reasoning(detail, traits)).collect();
    let mut words = Vec::new();
    for part in &message.content {
        if let PartKind::Text(text) = &part.kind
            && !text.trim().is_empty()
        {
            words.push(Block::text(text.as_str()));
            words.extend(Block::cache_point(part.cache_control.as_ref(), traits));
        }
    }
    prefix(message, &mut words);
    words.extend(message.refusal.as_deref().filter(|text| !text.trim().is_empty()).map(Block::text));
    turn.append(&mut words);
    for call in &message.tool_calls {
        let tool_use_id = ids::accepted(&call.id, traits.family);
        turn.push(Block::ToolUse { tool_use_id, name: &call.name, input: raw::arguments(call)? });
    }
    Ok(turn)
}

/// A result, and after it what most models do not take inside one: images and documents.
pub(super) fn of_tool<'a>(
    message: &'a Message,
    traits: &Traits,
    names: &mut Names,
) -> Result<Vec<Block<'a>>, BadRequest> {
    let call = message.tool_call_id.as_deref().ok_or_else(|| {
        BadRequest::new("a `tool` message needs `tool_call_id`, the id of the call it answers")
    })?;
    let (mut content, mut beside) = (Vec::new(), Vec::new());
    for part in &message.content {
        match block(part, names)? {
            Some(text @ Block::Text(_)) => content.push(text),
            Some(medium) if traits.media_in_results => content.push(medium),
            Some(medium) => beside.push(medium),
            None => {}
        }
    }
    if content.is_empty() {
        content.push(Block::text(FILLER));
    }
    let marker = message.content.iter().rev().find_map(|part| part.cache_control.as_ref());
    let tool_use_id = ids::accepted(call, traits.family);
    let mut blocks = vec![Block::ToolResult { tool_use_id, content }];
    blocks.append(&mut beside);
    blocks.extend(Block::cache_point(marker, traits));
    Ok(blocks)
}

fn block<'a>(part: &'a Part, names: &mut Names) -> Result<Option<Block<'a>>, BadRequest> {
    Ok(Some(match &part.kind {
        PartKind::Text(text) if text.trim().is_empty() => return Ok(None),
        PartKind::Text(text) => Block::text(text.as_str()),
        PartKind::Image { source, .. } => media::image(source)?.into(),
        PartKind::File { name, source } => media::file(name.as_deref(), source, names)?.into(),
        PartKind::Audio { data, format } => media::audio(format, data)?.into(),
        PartKind::Other(value) => media::other(value, names)?.into(),
    }))
}

/// The name of a participant goes before the words: the provider has no member for it.
fn prefix(message: &Message, blocks: &mut [Block<'_>]) {
    let first = blocks.iter_mut().find_map(|block| match block {
        Block::Text(text) => Some(text),
        _ => None,
    });
    if let (Some(name), Some(text)) = (message.name.as_deref().filter(|name| !name.is_empty()), first) {
        *text = format!("{name}: {text}").into();
    }
}

/// Claude takes back what it signed, and only as it signed it. Other models sign nothing and get nothing back
/// unless the catalogue says that they take it.
fn reasoning<'a>(detail: &'a ReasoningDetail, traits: &Traits) -> Option<Block<'a>> {
    let is_claude = detail.format.as_deref() == Some(CLAUDE);
    let text = detail.content.as_deref().unwrap_or_default();
    let block = match detail.kind {
        ReasoningKind::Text if traits.signs => {
            let signature = detail.signature.as_deref().filter(|signature| !signature.is_empty())?;
            let is_own = is_claude || detail.format.is_none();
            is_own.then_some(Reasoning::ReasoningText { text, signature: Some(signature) })?
        }
        ReasoningKind::Encrypted if traits.signs && is_claude => {
            Reasoning::RedactedContent(BASE64_STANDARD.encode(text))
        }
        ReasoningKind::Text | ReasoningKind::Summary if traits.takes_reasoning_back && !text.is_empty() => {
            Reasoning::ReasoningText { text, signature: None }
        }
        _ => return None,
    };
    Some(Block::ReasoningContent(block))
}
