//! What the rate-limit headers say: a budget per provider and minute that is counted but not enforced.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const REQUESTS: u64 = 10_000;
const TOKENS: u64 = 4_000_000;

/// What is left of a minute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    pub(crate) requests: u64,
    pub(crate) tokens: u64,
    /// Milliseconds to the next minute.
    pub(crate) reset: u64,
}

impl Left {
    pub(crate) const REQUESTS: u64 = REQUESTS;
    pub(crate) const TOKENS: u64 = TOKENS;
}

#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<HashMap<String, (u64, u64, u64)>>);

impl Limits {
    /// Counts a request of so many tokens at a time in Unix milliseconds.
    pub(crate) fn pass(&self, provider: &str, tokens: u64, now: u64) -> Left {
        let minute = now / 60_000;
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = table.entry(provider.to_owned()).or_insert((minute, 0, 0));
        if used.0 != minute {
            *used = (minute, 0, 0);
        }
        used.1 += 1;
        used.2 += tokens;
        Left {
            requests: REQUESTS.saturating_sub(used.1),
            tokens: TOKENS.saturating_sub(used.2),
            reset: 60_000 - now % 60_000,
        }
    }
}
