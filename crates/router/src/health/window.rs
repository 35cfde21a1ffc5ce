//! Rolling windows in fixed buckets of time.

use std::collections::VecDeque;

use super::cell::{Kept, Weighed};

/// The last `N` buckets of `WIDTH_MS` milliseconds each; those that nothing fell into take no place. Buckets are
/// numbered from the Unix epoch, so that every router means the same by a number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window<T, const N: u64, const WIDTH_MS: u64>(VecDeque<(u64, T)>);

impl<T: Kept, const N: u64, const WIDTH_MS: u64> Window<T, N, WIDTH_MS> {
    pub(crate) fn add(&mut self, now_ms: u64, more: &T) {
        if let Some(held) = self.slot(Self::bucket(now_ms)) {
            held.add(more);
        }
    }
}

impl<T: Weighed, const N: u64, const WIDTH_MS: u64> Window<T, N, WIDTH_MS> {
    /// The number of the bucket that a moment falls into.
    pub(crate) const fn bucket(now_ms: u64) -> u64 {
        now_ms / WIDTH_MS
    }

    /// Takes another view of a bucket where it is fuller than what is held. Whether it was.
    pub(crate) fn raise(&mut self, bucket: u64, view: &T) -> bool {
        if view.weight() <= self.get(bucket).map_or(0, Weighed::weight) {
            return false;
        }
        let Some(held) = self.slot(bucket) else { return false };
        held.clone_from(view);
        true
    }

    pub(crate) fn get(&self, bucket: u64) -> Option<&T> {
        let at = self.0.binary_search_by_key(&bucket, |(held, _)| *held).ok()?;
        self.0.get(at).map(|(_, kept)| kept)
    }

    /// What is held of the `count` buckets that end with the one of `now_ms`, newest first.
    pub(crate) fn last(&self, now_ms: u64, count: u64) -> impl Iterator<Item = &T> + Clone {
        let newest = Self::bucket(now_ms);
        self.between((newest + 1).saturating_sub(count.min(N)), newest)
    }

    /// What is held of the buckets from `oldest` to `newest`, newest first.
    pub(crate) fn between(&self, oldest: u64, newest: u64) -> impl Iterator<Item = &T> + Clone {
        self.timed(oldest, newest).map(|(_, kept)| kept)
    }

    /// The same, with the moment that each bucket begins at, in Unix milliseconds.
    pub(crate) fn timed(&self, oldest: u64, newest: u64) -> impl Iterator<Item = (u64, &T)> + Clone {
        let held = self.0.iter().rev().skip_while(move |(bucket, _)| *bucket > newest);
        let wanted = held.take_while(move |(bucket, _)| *bucket >= oldest);
        wanted.map(|(bucket, kept)| (bucket.saturating_mul(WIDTH_MS), kept))
    }

    /// Drops what the window has left behind.
    pub(crate) fn roll(&mut self, now_ms: u64) {
        let oldest = (Self::bucket(now_ms) + 1).saturating_sub(N);
        while self.0.front().is_some_and(|(bucket, _)| *bucket < oldest) {
            self.0.pop_front();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The place of a bucket, unless the window has left it behind.
    fn slot(&mut self, bucket: u64) -> Option<&mut T> {
        let newest = self.0.back().map_or(0, |(newest, _)| *newest);
        if bucket.saturating_add(N) <= newest {
            return None;
        }
        let at = match self.0.binary_search_by_key(&bucket, |(held, _)| *held) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (bucket, T::default()));
                let outdated = self.0.iter().take_while(|(held, _)| held.saturating_add(N) <= bucket).count();
                self.0.drain(..outdated);
                at - outdated
            }
        };
        self.0.get_mut(at).map(|(_, kept)| kept)
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::Counts;
    use super::*;

    type Ten = Window<Counts, 10, 1_000>;

    fn one() -> Counts {
        Counts { faults: 1, ..Counts::default() }
    }

    fn sum(window: &Ten, now_ms: u64, count: u64) -> Counts {
        let mut sum = Counts::default();
        window.last(now_ms, count).for_each(|counts| sum.add(counts));
        sum
    }

    #[test]
    fn sums_forget_what_is_older_than_asked_for() {
        let mut window = Ten::default();
        window.add(100_000, &one());
        window.add(104_000, &one());
        assert_eq!(sum(&window, 104_500, 10).faults, 2);
        assert_eq!(sum(&window, 104_500, 3).faults, 1);
        assert_eq!(sum(&window, 113_999, 10).faults, 1);
        assert_eq!(sum(&window, 500_000, 10).faults, 0);
        window.add(500_000, &one());
        assert_eq!(sum(&window, 500_000, 10).faults, 1);
        assert_eq!(window.0.len(), 1);
        window.roll(520_000);
        assert!(window.0.is_empty());
    }

    #[test]
    fn another_view_counts_only_where_it_saw_more() {
        let mut window = Ten::default();
        window.add(100_000, &one());
        let fuller = Counts { successes: 7, ..Counts::default() };
        assert!(window.raise(100, &fuller));
        assert!(!window.raise(100, &one()));
        assert_eq!(sum(&window, 100_000, 10), fuller);
        assert!(!window.raise(90, &one()), "left behind");
        assert!(window.raise(95, &one()), "between");
        assert!(!window.raise(96, &Counts::default()), "nothing takes no place");
        assert_eq!(window.0.len(), 2);
        assert_eq!(sum(&window, 100_000, 10).faults, 1);
    }
}
