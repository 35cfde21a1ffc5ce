//! Messages, read for their shape and counted.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::client::limits::MESSAGES;
use crate::client::opening::Side;
use crate::client::skim::{Name, Skim};
use crate::client::strict::Strict;
use crate::client::turns::{self, Audio, Content};
use crate::client::weight::Weight;

#[derive(Deserialize)]
pub(super) struct Turn {
    role: Role,
    content: Option<Content<Part>>,
    #[serde(rename = "name")]
    _name: Option<Skim>,
    tool_calls: Option<Vec<Strict<Call>>>,
    tool_call_id: Option<Skim>,
    #[serde(rename = "refusal")]
    _refusal: Option<Skim>,
    #[serde(rename = "reasoning")]
    _reasoning: Option<Skim>,
    #[serde(rename = "reasoning_content")]
    _reasoning_content: Option<Skim>,
    #[serde(rename = "reasoning_details")]
    _reasoning_details: Option<Vec<IgnoredAny>>,
    images: Option<Vec<Strict<MadeImage>>>,
    model: Option<Name>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

#[derive(Deserialize)]
struct Call {
    id: Skim,
    function: Strict<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Skim,
    #[serde(rename = "arguments")]
    _arguments: Option<Skim>,
}

#[derive(Deserialize)]
struct MadeImage {
    image_url: ImageUrl,
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: Kind,
    text: Option<Skim>,
    image_url: Option<ImageUrl>,
    input_audio: Option<Strict<Audio>>,
    file: Option<Strict<File>>,
    video_url: Option<ImageUrl>,
    /// Where parts of other kinds have their media.
    image: Option<IgnoredAny>,
    source: Option<IgnoredAny>,
    audio: Option<IgnoredAny>,
    audio_url: Option<IgnoredAny>,
    file_url: Option<IgnoredAny>,
    document_url: Option<IgnoredAny>,
    video: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Text,
    ImageUrl,
    InputAudio,
    File,
    VideoUrl,
    InputVideo,
    #[serde(other)]
    Other,
}

/// A URL, or an object that has it as `url`.
struct ImageUrl(Skim);

#[derive(Deserialize)]
struct File {
    file_data: Option<Skim>,
    file_id: Option<Skim>,
    #[serde(rename = "filename")]
    _filename: Option<Skim>,
}

impl turns::Turn for Turn {
    const MOST: usize = MESSAGES;

    fn side(&self) -> Side {
        match self.role {
            Role::System | Role::Developer => Side::System,
            Role::Assistant => Side::Assistant,
            Role::User | Role::Tool => Side::Other,
        }
    }

    fn take_model(&mut self) -> Option<Name> {
        self.model.take()
    }

    fn weight(self) -> Option<Weight> {
        let is_assistant = self.role == Role::Assistant;
        if self.role == Role::Tool && self.tool_call_id.is_none_or(|id| id.is_empty) {
            return None;
        }
        let mut calls = self.tool_calls.iter().flatten();
        if calls.any(|call| call.id.is_empty || call.function.name.is_empty) {
            return None;
        }
        let mut weight = match self.content {
            Some(content) => content.weight,
            None if is_assistant => Weight::default(),
            None => return None,
        };
        for image in self.images.iter().flatten() {
            weight.add_image_url(&image.image_url.0);
        }
        Some(weight)
    }
}

impl turns::Part for Part {
    fn add_to(&self, weight: &mut Weight) -> bool {
        match self.kind {
            Kind::Text => return self.text.as_ref().is_some_and(|text| text.add_to(weight)),
            Kind::ImageUrl => {
                let Some(image) = self.image_url.as_ref().filter(|image| !image.0.is_empty) else {
                    return false;
                };
                weight.add_image_url(&image.0);
            }
            Kind::InputAudio => {
                return self.input_audio.as_ref().is_some_and(|audio| audio.add_to(weight));
            }
            Kind::File => {
                let Some(file) = &self.file else { return false };
                weight.has_file = true;
                weight.media_bytes += file.file_data.as_ref().map_or(0, |data| data.bytes);
                return file.file_data.is_some() || file.file_id.is_some();
            }
            Kind::VideoUrl | Kind::InputVideo => {
                let Some(video) = self.video_url.as_ref().filter(|video| !video.0.is_empty) else {
                    return false;
                };
                weight.has_video = true;
                weight.media_bytes += video.0.inline_bytes();
            }
            Kind::Other => self.add_unknown(weight),
        }
        true
    }
}

impl Part {
    /// Some providers read other kinds of parts, too: what has the form of a medium is counted as one, and its
    /// bytes as text.
    fn add_unknown(&self, weight: &mut Weight) {
        self.image_url.iter().for_each(|url| weight.add_image_url(&url.0));
        if self.image_url.is_none() && (self.image.is_some() || self.source.is_some()) {
            weight.images = weight.images.saturating_add(1);
        }
        weight.has_audio |= self.input_audio.is_some() || self.audio.is_some() || self.audio_url.is_some();
        weight.has_file |= self.file.is_some() || self.file_url.is_some() || self.document_url.is_some();
        weight.has_video |= self.video.is_some() || self.video_url.is_some();
    }
}

impl<'de> Deserialize<'de> for ImageUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ImageUrlVisitor)
    }
}

struct ImageUrlVisitor;

#[derive(Deserialize)]
struct ImageUrlObject {
    url: Skim,
    #[serde(rename = "detail")]
    _detail: Option<Skim>,
}

impl<'de> Visitor<'de> for ImageUrlVisitor {
    type Value = ImageUrl;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL or an object with a url")
    }

    fn visit_str<E: Error>(self, url: &str) -> Result<ImageUrl, E> {
        Ok(ImageUrl(Skim::of(url)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ImageUrl, A::Error> {
        ImageUrlObject::deserialize(MapAccessDeserializer::new(map)).map(|object| ImageUrl(object.url))
    }
}
