//! Turns and their blocks, read for their shape and counted.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::shape::{ObjectOr, Shape};
use crate::client::chat::peek::strict::Strict;
use crate::client::messages::limits::MESSAGES;

/// What blocks hold beside text.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) images: u32,
    /// Base64 of inline images.
    pub(super) image_bytes: u64,
    /// Base64 of inline files.
    pub(super) media_bytes: u64,
    has_file: bool,
}

impl Tally {
    pub(super) fn modalities(&self) -> Vec<&'static str> {
        let used = [("text", true), ("image", self.images > 0), ("file", self.has_file)];
        used.into_iter().filter_map(|(name, is_used)| is_used.then_some(name)).collect()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.images = self.images.saturating_add(other.images);
        self.image_bytes += other.image_bytes;
        self.media_bytes += other.media_bytes;
        self.has_file |= other.has_file;
    }

    /// What is inline leaves the text count only when it says that it is an image or a file: whatever else a
    /// provider might read as text stays in it.
    fn add_source(&mut self, source: &Source, is_document: bool) {
        self.add(&source.inner);
        let media_type = source.media_type.as_deref().unwrap_or_default().to_ascii_lowercase();
        match source.kind.as_deref() {
            Some("base64") if media_type.starts_with("text/") => {}
            Some("base64") if is_document || !(media_type.is_empty() || media_type.starts_with("image/")) => {
                self.has_file = true;
                self.media_bytes += source.data.map_or(0, Shape::bytes);
                // An image of a wrong type is an image for a provider that looks at its bytes.
                self.images = self.images.saturating_add(u32::from(!is_document));
            }
            Some("base64") => {
                self.images = self.images.saturating_add(1);
                if media_type.starts_with("image/") {
                    self.image_bytes += source.data.map_or(0, Shape::bytes);
                }
            }
            Some("url" | "file") if is_document => self.has_file = true,
            Some("url" | "file") => self.images = self.images.saturating_add(1),
            _ => {}
        }
    }
}

/// All turns.
#[derive(Default)]
pub(super) struct Turns {
    pub(super) count: usize,
    pub(super) tally: Tally,
}

#[derive(Deserialize)]
struct Turn {
    role: Role,
    content: Option<Content>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Role {
    User,
    Assistant,
    System,
}

impl Turn {
    fn tally(self) -> Option<Tally> {
        match self.content {
            Some(content) => content.is_sound.then_some(content.tally),
            None => (self.role == Role::Assistant).then(Tally::default),
        }
    }
}

/// A text or blocks, or what stands for them inside blocks that only Anthropic knows.
#[derive(Default)]
pub(super) struct Content {
    pub(super) tally: Tally,
    /// It is a text, or every block has what its kind needs.
    pub(super) is_sound: bool,
}

/// A block of any kind: where its members are of another form than those of the known kinds, they are passed
/// over.
#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: Option<Label>,
    text: Option<Shape>,
    source: Option<Source>,
    content: Option<Content>,
    id: Option<Shape>,
    name: Option<Shape>,
    input: Option<Shape>,
    tool_use_id: Option<Shape>,
    is_error: Option<Shape>,
    thinking: Option<Shape>,
    signature: Option<Shape>,
    data: Option<Shape>,
    title: Option<Shape>,
    context: Option<Shape>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Image,
    Document,
    ToolUse,
    ToolResult,
    Thinking,
    RedactedThinking,
    SearchResult,
    Other,
    Missing,
}

impl Kind {
    fn named(name: Option<&str>) -> Self {
        match name {
            Some("text") => Self::Text,
            Some("image") => Self::Image,
            Some("document") => Self::Document,
            Some("tool_use") => Self::ToolUse,
            Some("tool_result") => Self::ToolResult,
            Some("thinking") => Self::Thinking,
            Some("redacted_thinking") => Self::RedactedThinking,
            Some("search_result") => Self::SearchResult,
            Some("") | None => Self::Missing,
            Some(_) => Self::Other,
        }
    }
}

impl Block {
    /// What the block holds, and whether its kind has what it needs.
    fn tally(self) -> (Tally, bool) {
        let kind = Kind::named(self.kind.as_ref().and_then(|label| label.0.as_deref()));
        let filled = |member: Option<Shape>| member.is_some_and(|shape| shape.is_filled());
        let text_or_none = |member: Option<Shape>| member.is_none_or(|shape| shape.is_text());
        let is_sound = match kind {
            Kind::Text => self.text.is_some_and(|text| text.is_text()),
            Kind::Image => self.source.as_ref().is_some_and(|source| source.is_image),
            Kind::Document => {
                self.source.as_ref().is_some_and(|source| source.is_document)
                    && text_or_none(self.title)
                    && text_or_none(self.context)
            }
            Kind::ToolUse => {
                filled(self.id) && filled(self.name) && self.input.is_none_or(|input| input.is_object())
            }
            Kind::ToolResult => {
                filled(self.tool_use_id)
                    && self.is_error.is_none_or(|is_error| is_error.is_boolean())
                    && self.content.as_ref().is_none_or(|content| content.is_sound)
            }
            Kind::Thinking => text_or_none(self.thinking) && text_or_none(self.signature),
            Kind::RedactedThinking => filled(self.data),
            Kind::SearchResult => self.content.as_ref().is_none_or(|content| content.is_sound),
            Kind::Missing => false,
            Kind::Other => true,
        };
        let mut tally = self.content.map(|content| content.tally).unwrap_or_default();
        if let Some(source) = &self.source {
            tally.add_source(source, kind == Kind::Document);
        }
        (tally, is_sound)
    }
}

/// Where a medium is, or what else goes under that name.
#[derive(Default)]
struct Source {
    kind: Option<String>,
    media_type: Option<String>,
    data: Option<Shape>,
    /// What blocks inside it hold.
    inner: Tally,
    is_image: bool,
    is_document: bool,
}

#[derive(Deserialize)]
struct SourceObject {
    #[serde(rename = "type")]
    kind: Option<Label>,
    media_type: Option<Label>,
    data: Option<Shape>,
    url: Option<Shape>,
    file_id: Option<Shape>,
    content: Option<Content>,
}

impl From<SourceObject> for Source {
    fn from(object: SourceObject) -> Self {
        let kind = object.kind.and_then(|label| label.0);
        let media_type = object.media_type.and_then(|label| label.0);
        let filled = |member: Option<Shape>| member.is_some_and(|shape| shape.is_filled());
        let is_typed = media_type.as_ref().is_some_and(|media_type| !media_type.is_empty());
        let is_image = match kind.as_deref() {
            Some("base64") => is_typed && filled(object.data),
            Some("url") => filled(object.url),
            Some("file") => filled(object.file_id),
            _ => false,
        };
        let is_document = match kind.as_deref() {
            Some("text") => object.data.is_some_and(|data| data.is_text()),
            Some("content") => object.content.as_ref().is_some_and(|content| content.is_sound),
            _ => is_image,
        };
        let inner = object.content.map(|content| content.tally).unwrap_or_default();
        Self { kind, media_type, data: object.data, inner, is_image, is_document }
    }
}

/// A string that is kept, or anything else.
struct Label(Option<String>);

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Other(IgnoredAny),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Text(text) => Self(Some(text)),
            Either::Other(_) => Self(None),
        })
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match ObjectOr::<SourceObject>::deserialize(deserializer)? {
            ObjectOr::Object(object) => Self::from(object),
            ObjectOr::Other => Self::default(),
        })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Content, E> {
        Ok(Content { is_sound: true, ..Content::default() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut blocks: A) -> Result<Content, A::Error> {
        let mut content = Content { is_sound: true, ..Content::default() };
        while let Some(block) = blocks.next_element::<ObjectOr<Block>>()? {
            let (tally, is_sound) = match block {
                ObjectOr::Object(block) => block.tally(),
                ObjectOr::Other => (Tally::default(), false),
            };
            content.tally.add(&tally);
            content.is_sound &= is_sound;
        }
        Ok(content)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Content, A::Error> {
        let (tally, _) = Block::deserialize(MapAccessDeserializer::new(map))?.tally();
        Ok(Content { tally, is_sound: false })
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Content, E> {
        Ok(Content::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Content, E> {
        Ok(Content::default())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Content, E> {
        Ok(Content::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Content, E> {
        Ok(Content::default())
    }
}

impl<'de> Deserialize<'de> for Turns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(TurnsVisitor)
    }
}

struct TurnsVisitor;

impl<'de> Visitor<'de> for TurnsVisitor {
    type Value = Turns;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut messages: A) -> Result<Turns, A::Error> {
        let mut turns = Turns::default();
        while let Some(turn) = messages.next_element::<Strict<Turn>>()? {
            let tally =
                turn.0.tally().ok_or_else(|| A::Error::custom("a message lacks what its role needs"))?;
            turns.tally.add(&tally);
            turns.count += 1;
            if turns.count > MESSAGES {
                return Err(A::Error::custom("there are too many messages"));
            }
        }
        Ok(turns)
    }
}
