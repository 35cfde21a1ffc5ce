//! Rolling sums over fixed buckets of time.

/// What attempts showed within one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    pub successes: u64,
    pub faults: u64,
    pub rate_limits: u64,
    /// Sums over the successes.
    pub first_token_ms: u64,
    pub output_tokens: u64,
    pub generation_ms: u64,
}

impl Cell {
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.successes.saturating_add(self.faults)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let sum = |one: &mut u64, two: u64| *one = one.saturating_add(two);
        sum(&mut self.successes, other.successes);
        sum(&mut self.faults, other.faults);
        sum(&mut self.rate_limits, other.rate_limits);
        sum(&mut self.first_token_ms, other.first_token_ms);
        sum(&mut self.output_tokens, other.output_tokens);
        sum(&mut self.generation_ms, other.generation_ms);
    }

    const fn weight(&self) -> u64 {
        self.total().saturating_add(self.rate_limits)
    }
}

/// The last `N` buckets of `WIDTH_MS` milliseconds each. Buckets are numbered from the Unix epoch, so that
/// every router means the same by a number.
#[derive(Debug, Clone)]
pub(crate) struct Ring<const N: usize, const WIDTH_MS: u64> {
    cells: [Cell; N],
    newest: u64,
}

impl<const N: usize, const WIDTH_MS: u64> Default for Ring<N, WIDTH_MS> {
    fn default() -> Self {
        Self { cells: [Cell::default(); N], newest: 0 }
    }
}

impl<const N: usize, const WIDTH_MS: u64> Ring<N, WIDTH_MS> {
    /// The number of the bucket that a moment falls into.
    pub(crate) const fn bucket(now_ms: u64) -> u64 {
        now_ms / WIDTH_MS
    }

    pub(crate) fn add(&mut self, now_ms: u64, cell: &Cell) {
        if let Some(slot) = self.slot(Self::bucket(now_ms)) {
            slot.add(cell);
        }
    }

    /// Takes another's view of a bucket where it saw more than what is held.
    pub(crate) fn raise(&mut self, bucket: u64, cell: &Cell) {
        if let Some(slot) = self.slot(bucket)
            && cell.weight() > slot.weight()
        {
            *slot = *cell;
        }
    }

    /// The bucket's cell, if the ring still reaches back that far.
    pub(crate) fn get(&self, bucket: u64) -> Option<&Cell> {
        let held = bucket <= self.newest && self.newest - bucket < Self::length();
        if held { self.cells.get(Self::position(bucket)) } else { None }
    }

    /// The buckets that end with the one of `now_ms`, newest first.
    pub(crate) fn buckets(now_ms: u64, count: u64) -> impl Iterator<Item = u64> {
        let newest = Self::bucket(now_ms);
        (0..count.min(Self::length())).filter_map(move |back| newest.checked_sub(back))
    }

    pub(crate) fn sum(&self, now_ms: u64, count: u64) -> Cell {
        let mut sum = Cell::default();
        Self::buckets(now_ms, count).filter_map(|bucket| self.get(bucket)).for_each(|cell| sum.add(cell));
        sum
    }

    fn slot(&mut self, bucket: u64) -> Option<&mut Cell> {
        if bucket > self.newest {
            let gap = (bucket - self.newest).min(Self::length());
            for empty in bucket + 1 - gap..=bucket {
                if let Some(cell) = self.cells.get_mut(Self::position(empty)) {
                    *cell = Cell::default();
                }
            }
            self.newest = bucket;
        } else if self.newest - bucket >= Self::length() {
            return None;
        }
        self.cells.get_mut(Self::position(bucket))
    }

    const fn length() -> u64 {
        N as u64
    }

    fn position(bucket: u64) -> usize {
        usize::try_from(bucket % Self::length()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Ten = Ring<10, 1_000>;

    fn one() -> Cell {
        Cell { faults: 1, ..Cell::default() }
    }

    #[test]
    fn sums_forget_what_is_older_than_asked_for() {
        let mut ring = Ten::default();
        ring.add(100_000, &one());
        ring.add(104_000, &one());
        assert_eq!(ring.sum(104_500, 10).faults, 2);
        assert_eq!(ring.sum(104_500, 3).faults, 1);
        assert_eq!(ring.sum(113_999, 10).faults, 1);
        assert_eq!(ring.sum(500_000, 10).faults, 0);
        ring.add(500_000, &one());
        assert_eq!(ring.sum(500_000, 10).faults, 1);
    }

    #[test]
    fn another_view_counts_only_where_it_saw_more() {
        let mut ring = Ten::default();
        ring.add(100_000, &one());
        ring.raise(100, &Cell { successes: 7, ..Cell::default() });
        ring.raise(100, &one());
        assert_eq!(ring.sum(100_000, 10), Cell { successes: 7, ..Cell::default() });
        ring.raise(1, &one());
        assert_eq!(ring.sum(100_000, 10).successes, 7);
    }
}
