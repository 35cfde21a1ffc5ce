//! The last day of an endpoint, by quarters of an hour.
//!
//! Routers never add views of such a bucket up, the fullest one counts: so its quantiles are kept in place of the sketch
//! that they were read from, which takes a tenth of the memory.

use super::cell::{Cell, Counts, Kept as _, Weighed};
use super::windows::{Windows, quantiles};
use super::{Health, Key};

/// What is kept of a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Quarter {
    pub(super) counts: Counts,
    pub(super) pace: Pace,
}

/// How fast good answers came; `None` = too few to tell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pace {
    /// Milliseconds to the first token that half of the answers did not pass.
    pub latency_p50: Option<f32>,
    /// The same of nine answers in ten.
    pub latency_p90: Option<f32>,
    /// Output tokens per second that half of the answers came up to.
    pub throughput_p50: Option<f32>,
}

/// One router's view of a bucket, as routers tell it to each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Told {
    pub(crate) cell: Cell,
    /// Of a bucket of the day, which keeps no sketches.
    pub(crate) pace: Pace,
}

/// A bucket of the day that something fell into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Its beginning, in Unix milliseconds.
    pub from_ms: u64,
    pub successes: u64,
    pub faults: u64,
    pub rate_limits: u64,
    pub pace: Pace,
}

impl Pace {
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a Cell> + Clone) -> Self {
        let (latency, throughput) = quantiles(cells);
        Self {
            latency_p50: latency.map(|at| at.p50),
            latency_p90: latency.map(|at| at.p90),
            throughput_p50: throughput.map(|at| at.p50),
        }
    }

    /// Whether nothing could be told.
    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

impl Quarter {
    pub(super) fn told(&self) -> Told {
        Told { cell: self.counts.cell(), pace: self.pace }
    }
}

impl Weighed for Quarter {
    fn weight(&self) -> u64 {
        self.counts.weight()
    }
}

impl From<Cell> for Told {
    fn from(cell: Cell) -> Self {
        Self { cell, pace: Pace::default() }
    }
}

impl Stretch {
    /// Good attempts in percent; `None` where no attempt says anything.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a percentage; the last bits of a count do not matter")]
    pub fn uptime(&self) -> Option<f64> {
        let total = self.successes.saturating_add(self.faults);
        (total > 0).then(|| self.successes as f64 * 100.0 / total as f64)
    }
}

impl Health {
    /// The last day of an endpoint, oldest first, at most ten seconds old. What nothing fell into is left out.
    #[must_use]
    pub fn day(&self, key: Key, now_ms: u64) -> Vec<Stretch> {
        let mut records = self.lock();
        let Some(record) = records.get_mut(&key) else { return Vec::new() };
        record.refresh(now_ms);
        record.windows.day(now_ms)
    }
}

impl Windows {
    fn day(&self, now_ms: u64) -> Vec<Stretch> {
        let stretch = |(from_ms, Quarter { counts, pace }): (u64, &Quarter)| Stretch {
            from_ms,
            successes: counts.successes,
            faults: counts.faults,
            rate_limits: counts.rate_limits,
            pace: *pace,
        };
        let mut day: Vec<Stretch> = self.quarters(now_ms).map(stretch).collect();
        day.reverse();
        day
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::{Observed, Span};
    use super::*;
    use crate::HealthConfig;

    /// The beginning of a quarter of an hour.
    const NOW: u64 = 1_700_000_100_000;
    const MINUTE: u64 = 60_000;
    const QUARTER: u64 = 15 * MINUTE;

    fn key() -> Key {
        Key { endpoint: Uuid::from_u128(1), credential: Uuid::nil() }
    }

    fn answers(successes: u32, latency: f64, faults: u64) -> Observed {
        let mut cell = Cell { successes: successes.into(), faults, ..Cell::default() };
        cell.first_tokens.count(rpc::sketch::index(latency), successes);
        cell.speeds.count(rpc::sketch::index(50.0), successes);
        Observed { cell, ..Observed::default() }
    }

    fn close(told: Option<f32>, truth: f32) -> bool {
        told.is_some_and(|told| (told - truth).abs() < truth * 0.05)
    }

    /// Lets time pass as the router does.
    fn run(health: &Health, from: u64, to: u64) {
        (from..=to).step_by(10_000).for_each(|now| health.tick(now));
    }

    #[test]
    fn each_quarter_of_an_hour_tells_how_it_went_and_how_fast() {
        let health = Health::new(HealthConfig::default());
        health.observe(&[(key(), answers(9, 400.0, 1))], NOW);
        health.observe(&[(key(), answers(1, 4_000.0, 0))], NOW + 14 * MINUTE);
        run(&health, NOW + 14 * MINUTE, NOW + 2 * QUARTER);
        health.observe(&[(key(), answers(4, 100.0, 0))], NOW + 2 * QUARTER);
        let only_limits = Cell { rate_limits: 3, ..Cell::default() };
        let limited = Observed { cell: only_limits, ..Observed::default() };
        run(&health, NOW + 2 * QUARTER, NOW + 3 * QUARTER);
        health.observe(&[(key(), limited)], NOW + 3 * QUARTER);
        let now = NOW + 3 * QUARTER + 20_000;
        let day = health.day(key(), now);
        let starts: Vec<u64> = day.iter().map(|one| one.from_ms).collect();
        assert_eq!(starts, [NOW, NOW + 2 * QUARTER, NOW + 3 * QUARTER], "where nothing fell is left out");
        assert_eq!((day[0].successes, day[0].faults, day[0].rate_limits), (10, 1, 0));
        assert!(day[0].uptime().is_some_and(|percent| (percent - 90.909).abs() < 0.001));
        assert!(close(day[0].pace.latency_p50, 400.0) && close(day[0].pace.latency_p90, 400.0), "{day:?}");
        assert!(close(day[0].pace.throughput_p50, 50.0), "{day:?}");
        assert_eq!(
            (day[1].uptime(), day[1].pace),
            (Some(100.0), Pace::default()),
            "four answers are too few"
        );
        assert_eq!((day[2].uptime(), day[2].rate_limits), (None, 3), "a rate limit is neither good nor bad");
        assert_eq!(health.day(Key { endpoint: Uuid::from_u128(2), ..key() }, now), []);
        assert_eq!(health.display(key(), now).requests, 15, "as the single figure counts");
    }

    #[test]
    fn a_day_later_nothing_is_told() {
        let health = Health::new(HealthConfig::default());
        health.observe(&[(key(), answers(9, 400.0, 1))], NOW);
        run(&health, NOW, NOW + MINUTE);
        assert_eq!(health.day(key(), NOW + 95 * QUARTER).len(), 1);
        assert_eq!(health.day(key(), NOW + 96 * QUARTER), []);
    }

    #[test]
    fn a_starting_router_takes_the_day_over_and_a_view_without_speed_takes_none_away() {
        let (old, new) = (Health::new(HealthConfig::default()), Health::new(HealthConfig::default()));
        old.observe(&[(key(), answers(50, 400.0, 0))], NOW);
        run(&old, NOW, NOW + 3 * QUARTER);
        let now = NOW + 3 * QUARTER;
        let buckets: Vec<u64> = Span::Quarters.buckets(now, Span::Quarters.length()).collect();
        let views = old.views(Span::Quarters, &buckets);
        new.hear(Span::Quarters, &views, now);
        assert_eq!(new.day(key(), now), old.day(key(), now));
        assert!(close(new.day(key(), now)[0].pace.latency_p50, 400.0));
        // As a version that knows no speed of a quarter would tell it.
        let fuller = Cell { successes: 60, ..Cell::default() };
        new.hear(Span::Quarters, &[(NOW / QUARTER, key(), fuller.into())], now);
        let heard = new.day(key(), now);
        assert_eq!(heard[0].successes, 60);
        assert!(close(heard[0].pace.latency_p50, 400.0), "{heard:?}");
    }
}
