//! Turns and their blocks, read for their shape and counted.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::shape::{ObjectOr, Shape};
use crate::client::messages::encoded_text;
use crate::client::messages::limits::MESSAGES;
use crate::client::opening::Side;
use crate::client::skim::{Name, fingerprint};
use crate::client::turns;
use crate::client::weight::Weight;

#[derive(Deserialize)]
pub(super) struct Turn {
    role: Role,
    content: Option<Content>,
    model: Option<Name>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Role {
    User,
    Assistant,
    System,
}

impl turns::Turn for Turn {
    const MOST: usize = MESSAGES;

    fn side(&self) -> Side {
        match self.role {
            Role::System => Side::System,
            Role::Assistant => Side::Assistant,
            Role::User => Side::Other,
        }
    }

    fn take_model(&mut self) -> Option<Name> {
        self.model.take()
    }

    fn weight(self) -> Option<Weight> {
        match self.content {
            Some(content) => content.is_sound.then_some(content.weight),
            None => (self.role == Role::Assistant).then(Weight::default),
        }
    }
}

/// A text or blocks, or what stands for them inside blocks that only Anthropic knows.
#[derive(Default)]
pub(super) struct Content {
    pub(super) weight: Weight,
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
    fn weight(self) -> (Weight, bool) {
        let kind = Kind::named(self.kind.as_ref().and_then(|label| label.0.as_deref()));
        let text = self.text.filter(|_| kind == Kind::Text).map_or(0, Shape::fingerprint);
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
        let mut weight = self.content.map(|content| content.weight).unwrap_or_default();
        weight.add_text(text);
        if let Some(source) = &self.source {
            source.add_to(&mut weight, kind == Kind::Document);
        }
        (weight, is_sound)
    }
}

/// Where a medium is, or what else goes under that name.
#[derive(Default)]
struct Source {
    kind: Option<String>,
    media_type: Option<String>,
    data: Option<Shape>,
    /// What blocks inside it hold.
    inner: Weight,
    is_image: bool,
    is_document: bool,
}

#[derive(Deserialize)]
struct SourceObject {
    #[serde(rename = "type")]
    kind: Option<Label>,
    media_type: Option<Label>,
    data: Option<Data>,
    url: Option<Shape>,
    file_id: Option<Shape>,
    content: Option<Content>,
}

impl Source {
    /// What is inline leaves the text count only when it says that it is an image or a file: whatever else a
    /// provider might read as text stays in it. A block of an image counts as one whatever type it names, for
    /// providers that look at its bytes.
    fn add_to(&self, weight: &mut Weight, is_document: bool) {
        weight.add(&self.inner);
        let media_type = self.media_type.as_deref().unwrap_or_default().to_ascii_lowercase();
        let kind = self.kind.as_deref().unwrap_or_default();
        if !is_document && matches!(kind, "base64" | "url" | "file") {
            weight.images = weight.images.saturating_add(1);
        }
        let bytes = self.data.map_or(0, Shape::bytes);
        weight.add_text(self.data.map_or(0, Shape::fingerprint));
        match kind {
            "base64" if media_type.starts_with("text/") => {}
            "base64" if !is_document && media_type.starts_with("image/") => weight.image_bytes += bytes,
            "base64" if !is_document && media_type.is_empty() => {}
            "base64" => {
                weight.has_file = true;
                weight.media_bytes += bytes;
            }
            "url" | "file" if is_document => weight.has_file = true,
            _ => {}
        }
    }
}

impl From<SourceObject> for Source {
    fn from(object: SourceObject) -> Self {
        let kind = object.kind.and_then(|label| label.0);
        let media_type = object.media_type.and_then(|label| label.0);
        let filled = |member: Option<Shape>| member.is_some_and(|shape| shape.is_filled());
        let is_typed = media_type.as_ref().is_some_and(|media_type| !media_type.is_empty());
        let is_text = media_type.as_ref().is_some_and(|media_type| is_text_type(media_type));
        let data = object.data.as_ref().map(|data| data.shape);
        let is_image = match kind.as_deref() {
            Some("base64") => is_typed && filled(data),
            Some("url") => filled(object.url),
            Some("file") => filled(object.file_id),
            _ => false,
        };
        let is_document = match kind.as_deref() {
            Some("text") => data.is_some_and(|data| data.is_text()),
            Some("base64") if is_text => {
                filled(data) && object.data.is_some_and(|data| data.is_base64_of_text)
            }
            Some("content") => object.content.as_ref().is_some_and(|content| content.is_sound),
            _ => is_image,
        };
        let inner = object.content.map(|content| content.weight).unwrap_or_default();
        Self { kind, media_type, data, inner, is_image, is_document }
    }
}

fn is_text_type(media_type: &str) -> bool {
    media_type.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("text/"))
}

/// What a source holds inline.
struct Data {
    shape: Shape,
    is_base64_of_text: bool,
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<'a> {
            Text(#[serde(borrow)] Cow<'a, str>),
            Other(Shape),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Text(text) => Self {
                shape: Shape::Text(text.len() as u64, fingerprint(&text)),
                is_base64_of_text: encoded_text::is_in(&text),
            },
            Either::Other(shape) => Self { shape, is_base64_of_text: false },
        })
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

    fn visit_str<E: Error>(self, text: &str) -> Result<Content, E> {
        Ok(Content { weight: Weight::of_text(fingerprint(text)), is_sound: true })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut blocks: A) -> Result<Content, A::Error> {
        let mut content = Content { is_sound: true, ..Content::default() };
        while let Some(block) = blocks.next_element::<ObjectOr<Block>>()? {
            let (weight, is_sound) = match block {
                ObjectOr::Object(block) => block.weight(),
                ObjectOr::Other => (Weight::default(), false),
            };
            content.weight.add(&weight);
            content.is_sound &= is_sound;
        }
        Ok(content)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Content, A::Error> {
        let (weight, _) = Block::deserialize(MapAccessDeserializer::new(map))?.weight();
        Ok(Content { weight, is_sound: false })
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
