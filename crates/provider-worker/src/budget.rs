//! The retry budget: what keeps retries from amplifying an outage.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// One retry costs this much.
const RETRY: u64 = 1_000;
/// Each first attempt earns a fifth of a retry.
const PER_FIRST: u64 = RETRY / 5;
/// So does time: ten retries a second.
const PER_MILLISECOND: u64 = 10 * RETRY / 1_000;
/// The most that is saved up: ten seconds' worth.
const MOST: u64 = 100 * RETRY;

/// Allows retries for 20 % of first attempts and 10 a second beside.
pub(crate) struct RetryBudget(Mutex<State>);

struct State {
    saved: u64,
    at: Instant,
}

impl RetryBudget {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(State { saved: MOST, at: now }))
    }

    /// A first attempt is made; it is always allowed.
    pub(crate) fn earn(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.saved = (state.saved + PER_FIRST).min(MOST);
    }

    /// Whether one more retry may be made.
    pub(crate) fn spend(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = u64::try_from(now.duration_since(state.at).as_millis()).unwrap_or(u64::MAX);
        state.saved = elapsed.saturating_mul(PER_MILLISECOND).saturating_add(state.saved).min(MOST);
        state.at = now;
        match state.saved.checked_sub(RETRY) {
            Some(left) => {
                state.saved = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_outage_gets_a_fifth_of_the_first_attempts_and_ten_a_second() {
        let now = Instant::now();
        let budget = RetryBudget::new(now);
        while budget.spend(now) {}
        for _ in 0..50 {
            budget.earn();
        }
        assert_eq!((0..50).filter(|_| budget.spend(now)).count(), 10);
        let later = now + Duration::from_secs(2);
        assert_eq!((0..50).filter(|_| budget.spend(later)).count(), 20);
    }
}
