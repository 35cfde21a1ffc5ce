//! The items of an output.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::client::responses::seal::Kept;
use crate::media;

/// The form that clients take for granted.
const PLAIN_FORMAT: &str = "openai-responses-v1";

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
}

pub(super) enum Item {
    Message(Message),
    Reasoning(Thought),
    Call(Call),
    Image(Image),
    /// As its provider sent it.
    Native(Value),
}

pub(super) struct Message {
    pub(super) id: String,
    /// Whether it is a remark on the way or the answer, where the provider tells.
    pub(super) phase: Option<String>,
    pub(super) parts: Vec<Part>,
    pub(super) status: Status,
}

pub(super) enum Part {
    Text {
        text: String,
        annotations: Vec<Value>,
        logprobs: Vec<Value>,
        /// Characters of the answer's text before this part.
        start: usize,
    },
    Refusal(String),
}

pub(super) struct Thought {
    pub(super) id: String,
    /// The id that the provider gave it.
    pub(super) given: Option<String>,
    /// The block that it began with, by which pieces without an id are told apart.
    pub(super) index: u32,
    pub(super) content: Vec<String>,
    pub(super) summary: Vec<String>,
    pub(super) encrypted: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) format: Option<String>,
    /// What else must come back is put into the encrypted content.
    pub(super) is_kept_whole: bool,
    /// The text that is being written, by the index of its block.
    pub(super) writing: Option<(Text, u32)>,
    pub(super) status: Status,
}

/// A kind of readable reasoning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Content,
    Summary,
}

pub(super) struct Call {
    pub(super) index: u32,
    pub(super) id: String,
    pub(super) call_id: String,
    pub(super) name: String,
    pub(super) arguments: String,
    pub(super) status: Status,
}

pub(super) struct Image {
    pub(super) id: String,
    /// Base64, or a URL where the provider gave one.
    pub(super) result: Option<String>,
    pub(super) output_format: Option<String>,
    pub(super) status: Status,
}

/// A part of an item, by itself.
#[derive(Clone, Copy)]
pub(super) enum Piece<'a> {
    Part(&'a Part),
    Thought(Text, &'a str),
}

impl Thought {
    /// What a client gets to bring back.
    fn encrypted_content(&self) -> Option<String> {
        let is_elsewhere = self.format.as_deref().is_some_and(|format| format != PLAIN_FORMAT);
        let kept = Kept { format: self.format.clone(), ..Kept::default() };
        match (&self.encrypted, &self.signature) {
            (Some(data), _) if self.is_kept_whole && is_elsewhere => {
                Some(Kept { data: Some(data.clone()), ..kept }.seal())
            }
            (None, Some(signature)) if self.is_kept_whole => {
                let text = Some(self.content.concat()).filter(|text| !text.is_empty());
                Some(Kept { text, signature: Some(signature.clone()), ..kept }.seal())
            }
            (encrypted, _) => encrypted.clone(),
        }
    }
}

impl Message {
    pub(super) fn new(id: String, phase: Option<String>) -> Self {
        Self { id, phase, parts: Vec::new(), status: Status::InProgress }
    }
}

impl Image {
    /// An image that is being made.
    pub(super) fn of(id: String, url: String) -> Self {
        let inline = media::data_url(&url)
            .map(|(kind, data)| (kind.strip_prefix("image/").unwrap_or(kind).to_owned(), data.to_owned()));
        let (output_format, result) = match inline {
            Some((format, data)) => (Some(format), data),
            None => (None, url),
        };
        Self { id, result: Some(result), output_format, status: Status::InProgress }
    }
}

impl Item {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Message(message) => &message.id,
            Self::Reasoning(thought) => &thought.id,
            Self::Call(call) => &call.id,
            Self::Image(image) => &image.id,
            Self::Native(value) => value["id"].as_str().unwrap_or_default(),
        }
    }

    /// Its text, in pieces.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let parts = match self {
            Self::Message(message) => message.parts.as_slice(),
            _ => &[],
        };
        parts.iter().filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            Part::Refusal(_) => None,
        })
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Message(message) => message.serialize(serializer),
            Self::Reasoning(thought) => thought.serialize(serializer),
            Self::Call(call) => call.serialize(serializer),
            Self::Image(image) => image.serialize(serializer),
            Self::Native(value) => value.serialize(serializer),
        }
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", "message")?;
        map.serialize_entry("role", "assistant")?;
        map.serialize_entry("status", &self.status)?;
        if let Some(phase) = &self.phase {
            map.serialize_entry("phase", phase)?;
        }
        map.serialize_entry("content", &self.parts)?;
        map.end()
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Text { text, annotations, logprobs, .. } => {
                map.serialize_entry("type", "output_text")?;
                map.serialize_entry("text", text)?;
                map.serialize_entry("annotations", annotations)?;
                map.serialize_entry("logprobs", logprobs)?;
            }
            Self::Refusal(text) => {
                map.serialize_entry("type", "refusal")?;
                map.serialize_entry("refusal", text)?;
            }
        }
        map.end()
    }
}

impl Serialize for Thought {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", "reasoning")?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("summary", &pieces(Text::Summary, &self.summary))?;
        if !self.content.is_empty() {
            map.serialize_entry("content", &pieces(Text::Content, &self.content))?;
        }
        let encrypted = self.encrypted_content();
        let optional =
            [("encrypted_content", &encrypted), ("signature", &self.signature), ("format", &self.format)];
        for (name, value) in optional {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

fn pieces(kind: Text, texts: &[String]) -> Vec<Piece<'_>> {
    texts.iter().map(|text| Piece::Thought(kind, text)).collect()
}

impl Serialize for Call {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", "function_call")?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("call_id", &self.call_id)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("arguments", &self.arguments)?;
        map.end()
    }
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", "image_generation_call")?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("result", &self.result)?;
        if let Some(format) = &self.output_format {
            map.serialize_entry("output_format", format)?;
        }
        map.end()
    }
}

impl Piece<'_> {
    fn kind(kind: Text) -> &'static str {
        match kind {
            Text::Content => "reasoning_text",
            Text::Summary => "summary_text",
        }
    }
}

impl Serialize for Piece<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Part(part) => part.serialize(serializer),
            Self::Thought(kind, text) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("type", Self::kind(*kind))?;
                map.serialize_entry("text", text)?;
                map.end()
            }
        }
    }
}
