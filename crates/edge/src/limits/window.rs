//! One limit's current window, as far as this edge spends it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::shared::{Claim, Shared, Slice};
use super::{Exceeded, Rule, wall_window};

/// How long Redis is not asked again once it had too little left.
const DRY: Duration = Duration::from_secs(1);

/// What this edge holds of a limit.
#[derive(Default)]
pub(super) struct Window {
    state: Mutex<State>,
    /// Callers of one limit wait for one slice instead of taking one each.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The window that the rest is of; Redis and wall clocks number them alike.
    number: u64,
    ends: Option<Instant>,
    /// Taken from Redis and not yet spent.
    left: u64,
    /// Taken from Redis, or spent without it.
    known: u64,
    /// Spent by this edge, one way or the other.
    spent: u64,
    /// Used beyond what was taken, in this window or one before.
    owed: u64,
    /// Redis has too little left until then.
    dry_until: Option<Instant>,
}

/// What was taken of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    amount: u64,
    window: u64,
    /// Whether it came from Redis.
    is_shared: bool,
}

impl Window {
    /// Takes so much of a rule's window, or all that the rule allows when that is less.
    ///
    /// # Errors
    /// [`Exceeded`] when the window holds no more.
    pub(super) async fn take(&self, shared: &Shared, rule: &Rule, amount: u64) -> Result<Taken, Exceeded> {
        let amount = amount.min(rule.limit);
        if let Some(taken) = self.state(rule).take(amount) {
            return Ok(taken);
        }
        let _asking = self.asking.lock().await;
        let claim = {
            let mut state = self.state(rule);
            if let Some(taken) = state.take(amount) {
                return Ok(taken);
            }
            if state.is_dry() {
                return Err(state.exceeded(rule));
            }
            let wanted = rule.slice().max(amount) - state.left;
            let owed = i64::try_from(std::mem::take(&mut state.owed)).unwrap_or(i64::MAX);
            Claim { wanted, window: state.number, known: state.known, owed }
        };
        let slice = shared.take(rule, claim).await;
        let mut state = self.state(rule);
        match slice {
            Some(slice) => {
                state.add(slice);
                let taken = state.take(amount);
                taken.ok_or_else(|| {
                    state.dry_until = Some(Instant::now() + DRY.min(slice.remaining));
                    state.exceeded(rule)
                })
            }
            None => state
                .take_alone(amount, claim.owed, shared.share(rule.limit))
                .ok_or_else(|| state.exceeded(rule)),
        }
    }

    /// Corrects what was taken by what was used. What was taken for nothing can be spent again while its window lasts;
    /// what was used beyond is taken from what comes next.
    pub(super) fn correct(&self, rule: &Rule, taken: Taken, used: u64) {
        let mut state = self.state(rule);
        if used > taken.amount {
            let more = used - taken.amount;
            let at_hand = more.min(state.left);
            state.left -= at_hand;
            state.spent = state.spent.saturating_add(at_hand);
            // More than a whole window is not carried over.
            state.owed = state.owed.saturating_add(more - at_hand).min(rule.limit);
        } else if taken.window == state.number {
            let back = taken.amount - used;
            state.spent = state.spent.saturating_sub(back);
            if taken.is_shared {
                state.left = state.left.saturating_add(back);
            } else {
                state.known = state.known.saturating_sub(back);
            }
        }
    }

    /// Gives back to the other edges what corrections left over beyond a slice.
    pub(super) async fn give_back(&self, shared: &Shared, rule: &Rule) {
        let claim = {
            let mut state = self.state(rule);
            if state.left < rule.slice().saturating_mul(2) {
                return;
            }
            let back = state.left - rule.slice();
            state.left -= back;
            let known = state.known;
            state.known = state.known.saturating_sub(back);
            let owed = i64::try_from(back).map_or(0, |back| -back);
            Claim { wanted: 0, window: state.number, known, owed }
        };
        // Where it cannot be told, it is lost with its window.
        let _ = shared.take(rule, claim).await;
    }

    /// Spent by this edge in the current window.
    pub(super) fn spent(&self, rule: &Rule) -> u64 {
        self.state(rule).spent
    }

    #[cfg(test)]
    pub(super) fn forget_that_it_is_dry(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).dry_until = None;
    }

    /// What there is in the current window of the wall clock.
    fn state(&self, rule: &Rule) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if state.ends.is_none_or(|ends| now >= ends) {
            let (number, remaining) = wall_window(rule.window);
            state.turn(number, now + remaining);
        }
        state
    }
}

impl State {
    fn turn(&mut self, number: u64, ends: Instant) {
        let owed = self.owed;
        *self = Self { number, ends: Some(ends), owed, ..Self::default() };
    }

    fn is_dry(&self) -> bool {
        self.dry_until.is_some_and(|until| Instant::now() < until)
    }

    fn take(&mut self, amount: u64) -> Option<Taken> {
        self.left = self.left.checked_sub(amount)?;
        self.spent = self.spent.saturating_add(amount);
        Some(Taken { amount, window: self.number, is_shared: true })
    }

    fn add(&mut self, slice: Slice) {
        let ends = Instant::now() + slice.remaining;
        if slice.window == self.number {
            self.ends = Some(ends);
        } else {
            self.turn(slice.window, ends);
        }
        self.left = self.left.saturating_add(slice.granted);
        self.known = self.known.saturating_add(slice.granted);
    }

    /// No Redis: a share of the limit is this edge's.
    fn take_alone(&mut self, amount: u64, owed: i64, share: u64) -> Option<Taken> {
        let owed = u64::try_from(owed).unwrap_or(0);
        self.spent = self.spent.saturating_add(owed);
        self.known = self.known.saturating_add(owed);
        let amount = amount.min(share);
        if self.spent.saturating_add(amount) > share {
            return None;
        }
        self.spent += amount;
        self.known = self.known.saturating_add(amount);
        Some(Taken { amount, window: self.number, is_shared: false })
    }

    fn exceeded(&self, rule: &Rule) -> Exceeded {
        let remaining = self.ends.map_or(rule.window, |ends| ends.saturating_duration_since(Instant::now()));
        Exceeded { name: rule.name, limit: rule.limit, left: self.left, remaining }
    }
}
