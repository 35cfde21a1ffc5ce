//! Chance that can be had again: `PATCHBAY_DRILL_SEED` repeats the numbers of an earlier run.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Numbers from a seed that is said on standard error.
pub(crate) struct Chance(StdRng);

impl Chance {
    pub(crate) fn new() -> Self {
        let given = std::env::var("PATCHBAY_DRILL_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(rand::random);
        eprintln!("PATCHBAY_DRILL_SEED={seed}");
        Self(StdRng::seed_from_u64(seed))
    }

    /// The same numbers in every run of the suite, so that it fails for what a change broke; others in a long one.
    pub(crate) fn of_suite() -> Self {
        if super::is_long() || std::env::var_os("PATCHBAY_DRILL_SEED").is_some() {
            return Self::new();
        }
        Self(StdRng::seed_from_u64(1))
    }

    /// A number from `least` to just below `end`.
    pub(crate) fn within(&mut self, least: u64, end: u64) -> u64 {
        self.0.random_range(least..end)
    }
}
