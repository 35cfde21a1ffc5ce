//! Randomness that is the same in every process and every version for the same seed.

use crate::health::Key;

/// SplitMix64: one state word, the same sequence for ever.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One endpoint's own sequence, so that what becomes of it moves no other.
    pub(super) fn of(seed: u64, key: Key) -> Self {
        let words = [key.endpoint.as_u64_pair(), key.credential.as_u64_pair()];
        Self(words.into_iter().fold(seed, |state, (high, low)| mix(mix(state ^ high) ^ low)))
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Uniform in `[0, 1)`, in steps of 2^-53.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    pub(super) const fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Scatters a word over all its bits.
#[must_use]
pub const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}
