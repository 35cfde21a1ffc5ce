//! Messages, read for their shape and counted.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::limits;
use super::strict::Strict;

/// A string that is looked at and not kept.
pub(crate) struct Skim {
    pub(crate) is_empty: bool,
    /// What its data URL holds, with the bytes of its base64.
    inline: Option<(Inline, u64)>,
    pub(crate) bytes: u64,
}

impl Skim {
    /// Bytes of the base64 of a data URL; 0 for anything else.
    pub(crate) fn inline_bytes(&self) -> u64 {
        self.inline.map_or(0, |(_, bytes)| bytes)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inline {
    Image,
    Other,
}

/// An object that is looked at and not kept.
pub(crate) struct Object;

/// A string or a list of strings, not kept.
pub(crate) struct Stop;

/// All messages.
#[derive(Default)]
pub(super) struct Turns {
    pub(super) count: usize,
    pub(super) tally: Tally,
}

/// What messages hold beside text.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) images: u32,
    /// Base64 of inline images.
    pub(crate) image_bytes: u64,
    /// Base64 of inline audio, video and files.
    pub(crate) media_bytes: u64,
    pub(crate) has_audio: bool,
    pub(crate) has_file: bool,
    pub(crate) has_video: bool,
}

impl Tally {
    pub(crate) fn modalities(&self) -> Vec<&'static str> {
        let used = [
            ("text", true),
            ("image", self.images > 0),
            ("audio", self.has_audio),
            ("file", self.has_file),
            ("video", self.has_video),
        ];
        used.into_iter().filter_map(|(name, is_used)| is_used.then_some(name)).collect()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.images = self.images.saturating_add(other.images);
        self.image_bytes += other.image_bytes;
        self.media_bytes += other.media_bytes;
        self.has_audio |= other.has_audio;
        self.has_file |= other.has_file;
        self.has_video |= other.has_video;
    }

    /// Only a data URL that says it is an image leaves the text count: whatever else a provider might read
    /// as text stays in it or in the media count.
    pub(crate) fn add_image(&mut self, url: &Skim) {
        self.images = self.images.saturating_add(1);
        if let Some((Inline::Image, bytes)) = url.inline {
            self.image_bytes += bytes;
        }
    }
}

#[derive(Deserialize)]
struct Turn {
    role: Role,
    content: Option<Content>,
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

#[derive(Default)]
struct Content(Tally);

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
struct Audio {
    data: Skim,
    format: Skim,
}

#[derive(Deserialize)]
struct File {
    file_data: Option<Skim>,
    file_id: Option<Skim>,
    #[serde(rename = "filename")]
    _filename: Option<Skim>,
}

impl Turn {
    fn tally(self) -> Option<Tally> {
        let is_assistant = self.role == Role::Assistant;
        if self.role == Role::Tool && self.tool_call_id.is_none_or(|id| id.is_empty) {
            return None;
        }
        let mut calls = self.tool_calls.iter().flatten();
        if calls.any(|call| call.id.is_empty || call.function.name.is_empty) {
            return None;
        }
        let mut tally = match self.content {
            Some(content) => content.0,
            None if is_assistant => Tally::default(),
            None => return None,
        };
        for image in self.images.iter().flatten() {
            tally.add_image(&image.image_url.0);
        }
        Some(tally)
    }
}

impl Part {
    /// Adds what this part is; false when a member it needs is missing.
    fn add_to(&self, tally: &mut Tally) -> bool {
        match self.kind {
            Kind::Text => return self.text.is_some(),
            Kind::ImageUrl => {
                let Some(image) = self.image_url.as_ref().filter(|image| !image.0.is_empty) else {
                    return false;
                };
                tally.add_image(&image.0);
            }
            Kind::InputAudio => {
                let sound = |audio: &&Strict<Audio>| !audio.data.is_empty && !audio.format.is_empty;
                let Some(audio) = self.input_audio.as_ref().filter(sound) else { return false };
                tally.has_audio = true;
                tally.media_bytes += audio.data.bytes;
            }
            Kind::File => {
                let Some(file) = &self.file else { return false };
                tally.has_file = true;
                tally.media_bytes += file.file_data.as_ref().map_or(0, |data| data.bytes);
                return file.file_data.is_some() || file.file_id.is_some();
            }
            Kind::VideoUrl | Kind::InputVideo => {
                let Some(video) = self.video_url.as_ref().filter(|video| !video.0.is_empty) else {
                    return false;
                };
                tally.has_video = true;
                tally.media_bytes += video.0.inline_bytes();
            }
            Kind::Other => self.add_unknown(tally),
        }
        true
    }
}

impl Part {
    /// Some providers read other kinds of parts, too: what has the form of a medium is counted as one, and its
    /// bytes as text.
    fn add_unknown(&self, tally: &mut Tally) {
        self.image_url.iter().for_each(|url| tally.add_image(&url.0));
        if self.image_url.is_none() && (self.image.is_some() || self.source.is_some()) {
            tally.images = tally.images.saturating_add(1);
        }
        tally.has_audio |= self.input_audio.is_some() || self.audio.is_some() || self.audio_url.is_some();
        tally.has_file |= self.file.is_some() || self.file_url.is_some() || self.document_url.is_some();
        tally.has_video |= self.video.is_some() || self.video_url.is_some();
    }
}

impl<'de> Deserialize<'de> for Skim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SkimVisitor)
    }
}

struct SkimVisitor;

impl Visitor<'_> for SkimVisitor {
    type Value = Skim;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Skim, E> {
        let inline = text.strip_prefix("data:").and_then(|rest| {
            let (head, data) = rest.split_once(',')?;
            let head = head.strip_suffix(";base64")?;
            let is_image = head.get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case("image/"));
            Some((if is_image { Inline::Image } else { Inline::Other }, data.len() as u64))
        });
        Ok(Skim { is_empty: text.is_empty(), inline, bytes: text.len() as u64 })
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
        SkimVisitor.visit_str(url).map(ImageUrl)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ImageUrl, A::Error> {
        ImageUrlObject::deserialize(MapAccessDeserializer::new(map)).map(|object| ImageUrl(object.url))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Object)
    }
}

impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StopVisitor)
    }
}

struct StopVisitor;

impl<'de> Visitor<'de> for StopVisitor {
    type Value = Stop;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_str<E: Error>(self, _text: &str) -> Result<Stop, E> {
        Ok(Stop)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<Stop, A::Error> {
        while texts.next_element::<Skim>()?.is_some() {}
        Ok(Stop)
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
        f.write_str("a string or an array of parts")
    }

    fn visit_str<E: Error>(self, _text: &str) -> Result<Content, E> {
        Ok(Content::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content, A::Error> {
        let mut tally = Tally::default();
        while let Some(part) = parts.next_element::<Strict<Part>>()? {
            if !part.add_to(&mut tally) {
                return Err(A::Error::custom("a content part lacks what its type needs"));
            }
        }
        Ok(Content(tally))
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
            if turns.count > limits::MESSAGES {
                return Err(A::Error::custom("there are too many messages"));
            }
        }
        Ok(turns)
    }
}
