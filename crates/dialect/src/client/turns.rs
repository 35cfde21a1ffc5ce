//! Turns and their content, read for their shape and counted.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::opening::{Opening, Side};
use super::skim::{Name, Skim, fingerprint};
use super::strict::Strict;
use super::weight::Weight;

/// One turn of a conversation.
pub(super) trait Turn {
    /// Turns that a request may have.
    const MOST: usize;

    fn side(&self) -> Side;

    /// The model that wrote the turn, where the client says so.
    fn take_model(&mut self) -> Option<Name>;

    /// What the turn holds; `None` when a member that its role needs is missing.
    fn weight(self) -> Option<Weight>;
}

/// One part of content that is a list.
pub(super) trait Part {
    /// Adds what this part is; false when a member it needs is missing.
    fn add_to(&self, weight: &mut Weight) -> bool;
}

/// All turns.
pub(super) struct Turns<T> {
    pub(super) count: usize,
    pub(super) weight: Weight,
    pub(super) opening: Opening,
    /// Of the assistant's last turn.
    pub(super) last_model: Option<String>,
    turn: PhantomData<T>,
}

/// A text, or a list of parts.
pub(super) struct Content<P> {
    pub(super) weight: Weight,
    part: PhantomData<P>,
}

/// A recording in base64.
#[derive(Deserialize)]
pub(super) struct Audio {
    data: Skim,
    format: Skim,
}

impl Audio {
    /// Adds the recording; false when a member is empty.
    pub(super) fn add_to(&self, weight: &mut Weight) -> bool {
        weight.has_audio = true;
        weight.media_bytes += self.data.bytes;
        !self.data.is_empty && !self.format.is_empty
    }
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self {
            count: 0,
            weight: Weight::default(),
            opening: Opening::default(),
            last_model: None,
            turn: PhantomData,
        }
    }
}

impl<P> From<Weight> for Content<P> {
    fn from(weight: Weight) -> Self {
        Self { weight, part: PhantomData }
    }
}

impl<'de, P: Part + Deserialize<'de>> Deserialize<'de> for Content<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor(PhantomData))
    }
}

struct ContentVisitor<P>(PhantomData<P>);

impl<'de, P: Part + Deserialize<'de>> Visitor<'de> for ContentVisitor<P> {
    type Value = Content<P>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of parts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Content<P>, E> {
        Ok(Weight::of_text(fingerprint(text)).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content<P>, A::Error> {
        let mut weight = Weight::default();
        while let Some(part) = parts.next_element::<Strict<P>>()? {
            if !part.add_to(&mut weight) {
                return Err(A::Error::custom("a content part lacks what its type needs"));
            }
        }
        Ok(weight.into())
    }
}

impl<'de, T: Turn + Deserialize<'de>> Deserialize<'de> for Turns<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(TurnsVisitor(PhantomData))
    }
}

struct TurnsVisitor<T>(PhantomData<T>);

impl<'de, T: Turn + Deserialize<'de>> Visitor<'de> for TurnsVisitor<T> {
    type Value = Turns<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut messages: A) -> Result<Turns<T>, A::Error> {
        let mut turns = Turns::default();
        while let Some(mut turn) = messages.next_element::<Strict<T>>()? {
            let side = turn.0.side();
            if side == Side::Assistant {
                turns.last_model = turn.0.take_model().and_then(|name| name.0);
            }
            let weight =
                turn.0.weight().ok_or_else(|| A::Error::custom("a message lacks what its role needs"))?;
            turns.opening.add(side, &weight);
            turns.weight.add(&weight);
            turns.count += 1;
            if turns.count > T::MOST {
                return Err(A::Error::custom("there are too many messages"));
            }
        }
        Ok(turns)
    }
}
