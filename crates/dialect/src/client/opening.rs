//! What a conversation begins with: the same in each of its requests, and seldom that of another.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::weight::Weight;

/// Whose turn it is, as far as routing cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// System or developer.
    System,
    Assistant,
    /// The user, or a tool.
    Other,
}

/// Fingerprints of the first system text and of the first text of anybody else. Markers for caching and the
/// form that a text comes in are no part of them, so that they may change from turn to turn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Opening {
    /// 0 while there is none, as the next.
    system: u64,
    first: u64,
}

impl Opening {
    /// Adds the next turn.
    pub(super) fn add(&mut self, side: Side, weight: &Weight) {
        let place = if side == Side::System { &mut self.system } else { &mut self.first };
        if *place == 0 {
            *place = weight.fingerprint;
        }
    }

    /// With the system text that stands outside of the turns, where there is one: it comes before theirs.
    pub(super) fn after(mut self, system: u64) -> Self {
        if system != 0 {
            self.system = system;
        }
        self
    }

    /// `None` when nobody but the system says anything.
    pub(super) fn fingerprint(&self) -> Option<u64> {
        (self.first != 0).then(|| xxh3_64_with_seed(&self.first.to_le_bytes(), self.system))
    }
}
