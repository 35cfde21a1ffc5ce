//! How much of an account its requests use, as a size for the next lease.

use std::time::{Duration, Instant};

/// What is looked back on: this window and the one before it.
const WINDOW: Duration = Duration::from_secs(2);

/// What happened in one window, in nano-USD.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    charged: i64,
    /// The most that was reserved at once.
    open: i64,
    /// The largest reservation.
    largest: i64,
}

/// The use of one account in the last seconds.
#[derive(Debug, Default)]
pub(super) struct Demand {
    began: Option<Instant>,
    current: Window,
    last: Window,
}

impl Demand {
    /// `amount` was reserved, which makes `open` in all.
    pub(super) fn reserved(&mut self, now: Instant, amount: i64, open: i64) {
        self.roll(now);
        self.current.open = self.current.open.max(open);
        self.current.largest = self.current.largest.max(amount);
    }

    pub(super) fn charged(&mut self, charge: i64) {
        self.current.charged = self.current.charged.saturating_add(charge);
    }

    /// What should be idle, in nano-USD: enough for a second round of what was open lately and for what that was
    /// charged, at least for `requests` of the largest, at most `most`.
    pub(super) fn target(&self, now: Instant, need: i64, requests: i64, most: i64) -> i64 {
        let age = self.began.map_or(Duration::MAX, |began| now.saturating_duration_since(began));
        let nothing = Window::default();
        let (current, last) = match age {
            _ if age >= WINDOW * 2 => (&nothing, &nothing),
            _ if age >= WINDOW => (&nothing, &self.current),
            _ => (&self.current, &self.last),
        };
        let largest = need.max(current.largest).max(last.largest);
        let charged = current.charged.saturating_add(last.charged);
        let used = current.open.max(last.open).saturating_add(charged);
        largest.saturating_mul(requests).max(used).min(most)
    }

    fn roll(&mut self, now: Instant) {
        let age = self.began.map_or(Duration::MAX, |began| now.saturating_duration_since(began));
        if age < WINDOW {
            return;
        }
        self.last = if age < WINDOW * 2 { self.current } else { Window::default() };
        self.current = Window::default();
        self.began = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_lately_sizes_the_next_lease_and_is_forgotten_in_time() {
        let start = Instant::now();
        let mut demand = Demand::default();
        assert_eq!(demand.target(start, 10, 4, 1_000), 40);
        demand.reserved(start, 20, 300);
        demand.charged(50);
        assert_eq!(demand.target(start, 10, 4, 1_000), 350);
        assert_eq!(demand.target(start + WINDOW, 10, 4, 1_000), 350);
        assert_eq!(demand.target(start, 10, 4, 100), 100);
        assert_eq!(demand.target(start + WINDOW * 2, 10, 4, 1_000), 40);
    }

    #[test]
    fn a_window_that_is_over_counts_once_more() {
        let start = Instant::now();
        let mut demand = Demand::default();
        demand.reserved(start, 1, 500);
        demand.reserved(start + WINDOW, 1, 1);
        assert_eq!(demand.target(start + WINDOW, 1, 1, 1_000), 500);
        demand.reserved(start + WINDOW * 2, 1, 1);
        assert_eq!(demand.target(start + WINDOW * 2, 1, 1, 1_000), 1);
    }
}
