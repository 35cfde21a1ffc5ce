//! Distributions that can be merged: how many values fell into each bucket of [`rpc::sketch`].
//!
//! Few lines of our own instead of a crate: what is needed is a handful of pairs that go over the wire and into
//! Redis as they are, where the crates keep a dense store of floats behind a format of their own.

use rpc::sketch::{BUCKETS, value};

use super::standing::Quantiles;

/// Values that a statement about quantiles needs.
const ENOUGH: u64 = 5;

/// A distribution as few values have it: eight bytes for each bucket that holds any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch(Vec<(u16, u32)>);

impl Sketch {
    /// Counts values into a bucket; into the last one where there is no such bucket.
    pub fn count(&mut self, index: u32, count: u32) {
        let index = u16::try_from(index.min(BUCKETS - 1)).unwrap_or(0);
        match self.0.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(at) => {
                if let Some((_, held)) = self.0.get_mut(at) {
                    *held = held.saturating_add(count);
                }
            }
            Err(_) if count == 0 => {}
            Err(at) => self.0.insert(at, (index, count)),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
            return;
        }
        other.0.iter().for_each(|(index, count)| self.count(u32::from(*index), *count));
    }

    /// The buckets that hold anything, with their counts, by index.
    pub(crate) fn buckets(&self) -> &[(u16, u32)] {
        &self.0
    }
}

/// A distribution as many sketches add up to it.
pub(super) struct Sum([u64; BUCKETS as usize]);

impl Sum {
    pub(super) fn of<'a>(sketches: impl Iterator<Item = &'a Sketch>) -> Self {
        let mut counts = [0_u64; BUCKETS as usize];
        for (index, count) in sketches.flat_map(Sketch::buckets) {
            if let Some(held) = counts.get_mut(usize::from(*index)) {
                *held = held.saturating_add(u64::from(*count));
            }
        }
        Self(counts)
    }

    /// What shares of the values did not pass, as latencies are told.
    pub(super) fn at_most(&self) -> Option<Quantiles> {
        self.quantiles(|rank| reached(self.0.iter().enumerate(), rank))
    }

    /// What shares of the values came up to, as throughputs are told.
    pub(super) fn at_least(&self) -> Option<Quantiles> {
        self.quantiles(|rank| reached(self.0.iter().enumerate().rev(), rank))
    }

    fn quantiles(&self, read: impl Fn(u64) -> f32) -> Option<Quantiles> {
        let total: u64 = self.0.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let at = |percent: u64| read(total.saturating_mul(percent).div_ceil(100));
        (total >= ENOUGH).then(|| Quantiles { p50: at(50), p75: at(75), p90: at(90), p99: at(99) })
    }
}

/// The value of the bucket with which the counts come to `rank`.
#[expect(clippy::cast_possible_truncation, reason = "an estimate of a few digits")]
fn reached<'a>(counts: impl Iterator<Item = (usize, &'a u64)>, rank: u64) -> f32 {
    let mut sum = 0_u64;
    for (index, count) in counts {
        sum = sum.saturating_add(*count);
        if sum >= rank.max(1) {
            return value(u32::try_from(index).unwrap_or(BUCKETS)) as f32;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use rpc::sketch::index;

    use super::*;

    fn sketch(values: impl IntoIterator<Item = u32>) -> Sketch {
        let mut sketch = Sketch::default();
        values.into_iter().for_each(|value| sketch.count(index(f64::from(value)), 1));
        sketch
    }

    fn close(told: f32, truth: f32) -> bool {
        (told - truth).abs() <= truth * 0.05
    }

    #[test]
    fn quantiles_are_within_five_percent() {
        let one_to_thousand = sketch(1..=1_000);
        let sum = Sum::of([one_to_thousand].iter());
        let latency = sum.at_most().unwrap();
        for (told, truth) in
            [(latency.p50, 500.0), (latency.p75, 750.0), (latency.p90, 900.0), (latency.p99, 990.0)]
        {
            assert!(close(told, truth), "{latency:?}");
        }
        let throughput = sum.at_least().unwrap();
        for (told, truth) in [
            (throughput.p50, 501.0),
            (throughput.p75, 251.0),
            (throughput.p90, 101.0),
            (throughput.p99, 11.0),
        ] {
            assert!(close(told, truth), "{throughput:?}");
        }
    }

    #[test]
    fn merged_sketches_are_the_sketch_of_all_values() {
        let mut merged = sketch(1..=400);
        merged.add(&sketch(401..=1_000));
        merged.add(&Sketch::default());
        assert_eq!(merged, sketch(1..=1_000));
        let mut empty = Sketch::default();
        empty.add(&merged);
        assert_eq!(empty, merged);
        assert!(merged.buckets().len() < 75, "three decades in {} buckets", merged.buckets().len());
    }

    #[test]
    fn few_values_are_no_statement() {
        assert_eq!(Sum::of([sketch(1..=4)].iter()).at_most(), None);
        assert!(Sum::of([sketch(1..=4), sketch([9])].iter()).at_most().is_some());
    }
}
