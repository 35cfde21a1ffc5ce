//! Values that are looked at and not kept.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::limits::NAME;
use super::weight::Weight;

/// Bytes of a text that its fingerprint looks at from either end.
const LOOKED_AT: usize = 512;

/// Tells texts apart by their length, beginning and end, in time that does not grow with them. Never 0, and
/// the same in every process. Texts that are alike in all three count as one: nothing rests on it but where a
/// conversation is served.
pub(super) fn fingerprint(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let length = bytes.len() as u64;
    let ends = bytes.split_at_checked(LOOKED_AT).filter(|_| bytes.len() > 2 * LOOKED_AT);
    match ends {
        Some((beginning, rest)) => {
            let end = &rest[rest.len() - LOOKED_AT..];
            xxh3_64_with_seed(end, xxh3_64_with_seed(beginning, length))
        }
        None => xxh3_64_with_seed(bytes, length),
    }
    .max(1)
}

/// A string that is looked at and not kept.
pub(super) struct Skim {
    pub(super) is_empty: bool,
    pub(super) fingerprint: u64,
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
        Self { is_empty: text.is_empty(), fingerprint: fingerprint(text), inline, bytes: text.len() as u64 }
    }

    /// Adds it as text that is read; always true.
    pub(super) fn add_to(&self, weight: &mut Weight) -> bool {
        weight.add_text(self.fingerprint);
        true
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

/// A name, where it is one: anything else is passed over.
pub(super) struct Name(pub(super) Option<String>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let is_short = text.len() <= NAME;
        Ok(Self(if is_short { serde_json::from_str(text).ok() } else { None }))
    }
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
