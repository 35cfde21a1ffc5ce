//! Values that are looked at and not kept.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A string that is looked at and not kept.
pub(super) struct Skim {
    pub(super) is_empty: bool,
    /// What its data URL holds, with the bytes of its base64.
    inline: Option<(Inline, u64)>,
    pub(super) bytes: u64,
}

impl Skim {
    pub(super) fn of(text: &str) -> Self {
        let inline = text.strip_prefix("data:").and_then(|rest| {
            let (head, data) = rest.split_once(',')?;
            let head = head.strip_suffix(";base64")?;
            let is_image = head.get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case("image/"));
            Some((if is_image { Inline::Image } else { Inline::Other }, data.len() as u64))
        });
        Self { is_empty: text.is_empty(), inline, bytes: text.len() as u64 }
    }

    /// Bytes of the base64 of a data URL that says it is an image; 0 for anything else.
    pub(super) fn image_bytes(&self) -> u64 {
        self.inline.filter(|(kind, _)| *kind == Inline::Image).map_or(0, |(_, bytes)| bytes)
    }

    /// Bytes of the base64 of a data URL; 0 for anything else.
    pub(super) fn inline_bytes(&self) -> u64 {
        self.inline.map_or(0, |(_, bytes)| bytes)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inline {
    Image,
    Other,
}

/// An object that is looked at and not kept.
pub(super) struct Object;

/// A string or a list of strings, not kept.
pub(super) struct Stop;

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
        Ok(Skim::of(text))
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
