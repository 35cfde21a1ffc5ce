//! The windows of one endpoint: each is filled from the one below it.
//!
//! | window | buckets | kept | for |
//! |---|---|---|---|
//! | 5 minutes | 10 s | everything | routing |
//! | 30 minutes | 1 min | everything | display, tools' tiers |
//! | 2 hours | 10 min | tool calls | tools' tiers |
//! | 1 day | 15 min | outcomes, quantiles | display |
//!
//! Of every bucket the fullest view counts, ours or another router's: where routers saw the same observations,
//! as on the bus, their views are equal, and nothing is ever counted twice.

use super::cell::{Cell, Counts, Kept, Tools, Weighed as _};
use super::day::{Pace, Quarter, Told};
use super::sketch::Sum;
use super::standing::Quantiles;
use super::window::Window;

/// Our own view of the buckets that may still grow.
type Own = Window<Cell, 3, 10_000>;
type Tens = Window<Cell, 31, 10_000>;
type Minutes = Window<Cell, 31, 60_000>;
type Quarters = Window<Quarter, 97, 900_000>;
type TenMinutes = Window<Tools, 13, 600_000>;

/// Buckets that the windows take in, the running one included.
const FIVE_MINUTES: u64 = 30;
const HALF_HOUR: u64 = 30;
const DAY: u64 = 96;
const TWO_HOURS: u64 = 12;

/// Attempts that a statement about uptime needs.
pub(super) const UPTIME_ATTEMPTS: u64 = 100;

/// A window that routers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Span {
    Tens,
    Minutes,
    Quarters,
    TenMinutes,
}

impl Span {
    pub(crate) const ALL: [Self; 4] = [Self::Tens, Self::Minutes, Self::TenMinutes, Self::Quarters];

    /// Of one bucket, in milliseconds.
    pub(crate) const fn width_ms(self) -> u64 {
        match self {
            Self::Tens => 10_000,
            Self::Minutes => 60_000,
            Self::TenMinutes => 600_000,
            Self::Quarters => 900_000,
        }
    }

    /// How many buckets matter.
    pub(crate) const fn length(self) -> u64 {
        match self {
            Self::Tens => FIVE_MINUTES,
            Self::Minutes => HALF_HOUR,
            Self::TenMinutes => TWO_HOURS,
            Self::Quarters => DAY,
        }
    }

    /// How full a view of one of its buckets is.
    pub(crate) fn weight(self, view: &Cell) -> u64 {
        match self {
            Self::TenMinutes => Tools::of(view).weight(),
            Self::Tens | Self::Minutes | Self::Quarters => view.weight(),
        }
    }

    /// The `count` buckets that end with the one of `now_ms`, newest first.
    pub(crate) fn buckets(self, now_ms: u64, count: u64) -> impl Iterator<Item = u64> {
        let newest = now_ms / self.width_ms();
        (0..count).filter_map(move |back| newest.checked_sub(back))
    }
}

/// Everything that was observed of one endpoint, within its windows.
#[derive(Debug, Clone, Default)]
pub(super) struct Windows {
    own: Own,
    tens: Tens,
    minutes: Minutes,
    quarters: Quarters,
    ten_minutes: TenMinutes,
}

impl Windows {
    pub(super) fn add(&mut self, now_ms: u64, cell: &Cell) {
        self.own.add(now_ms, cell);
        let bucket = Own::bucket(now_ms);
        if let Some(view) = self.own.get(bucket) {
            self.tens.raise(bucket, view);
        }
    }

    /// Takes in another router's view of a bucket. Whether it showed anything new.
    pub(super) fn hear(&mut self, span: Span, bucket: u64, view: &Told) -> bool {
        match span {
            Span::Tens => self.tens.raise(bucket, &view.cell),
            Span::Minutes => self.minutes.raise(bucket, &view.cell),
            Span::Quarters => self.quarters.raise(bucket, &self.quarter(bucket, view)),
            Span::TenMinutes => self.ten_minutes.raise(bucket, &Tools::of(&view.cell)),
        }
    }

    /// What was told of a quarter of an hour. A router of an older version tells no speed: ours stands then.
    fn quarter(&self, bucket: u64, view: &Told) -> Quarter {
        let held = self.quarters.get(bucket).filter(|_| view.pace.is_unknown());
        Quarter { counts: Counts::of(&view.cell), pace: held.map_or(view.pace, |held| held.pace) }
    }

    /// The fullest view of a bucket that we know of, if there is anything in it.
    pub(super) fn view(&self, span: Span, bucket: u64) -> Option<Told> {
        match span {
            Span::Tens => self.tens.get(bucket).cloned().map(Told::from),
            Span::Minutes => self.minutes.get(bucket).cloned().map(Told::from),
            Span::Quarters => self.quarters.get(bucket).map(Quarter::told),
            Span::TenMinutes => self.ten_minutes.get(bucket).map(|tools| tools.cell().into()),
        }
    }

    /// Fills the longer windows from the shorter ones. To be called before the shorter ones forget: at least every
    /// five minutes.
    pub(super) fn roll_up(&mut self, now_ms: u64) {
        for bucket in Span::Minutes.buckets(now_ms, 2) {
            let sum: Cell = total(self.tens.between(bucket * 6, bucket * 6 + 5));
            self.minutes.raise(bucket, &sum);
        }
        for bucket in Span::Quarters.buckets(now_ms, 2) {
            let minutes = self.minutes.between(bucket * 15, bucket * 15 + 14);
            let counts: Counts = total(minutes.clone().map(Counts::of));
            // Quantiles take long: they are read where there is more to tell.
            if counts.weight() > self.quarters.get(bucket).map_or(0, Quarter::weight) {
                self.quarters.raise(bucket, &Quarter { counts, pace: Pace::of(minutes) });
            }
        }
        for bucket in Span::TenMinutes.buckets(now_ms, 2) {
            let minutes = self.minutes.between(bucket * 10, bucket * 10 + 9);
            let sum: Tools = total(minutes.map(Tools::of));
            self.ten_minutes.raise(bucket, &sum);
        }
        self.own.roll(now_ms);
        self.tens.roll(now_ms);
        self.minutes.roll(now_ms);
        self.quarters.roll(now_ms);
        self.ten_minutes.roll(now_ms);
    }

    /// The cells of the last five minutes, newest first.
    pub(super) fn routing(&self, now_ms: u64) -> impl Iterator<Item = &Cell> + Clone {
        self.tens.last(now_ms, FIVE_MINUTES)
    }

    /// The cells of at most so many buckets of ten seconds that began after `since_ms`, newest first.
    pub(super) fn since(
        &self,
        since_ms: u64,
        now_ms: u64,
        buckets: u64,
    ) -> impl Iterator<Item = &Cell> + Clone {
        let newest = Tens::bucket(now_ms);
        let oldest = (newest + 1).saturating_sub(buckets);
        let after = if since_ms == 0 { 0 } else { Tens::bucket(since_ms) + 1 };
        self.tens.between(oldest.max(after), newest)
    }

    pub(super) fn half_hour(&self, now_ms: u64) -> impl Iterator<Item = &Cell> + Clone {
        self.minutes.last(now_ms, HALF_HOUR)
    }

    /// How the attempts of the last 30 minutes and of the last day ended.
    pub(super) fn outcomes(&self, now_ms: u64) -> (Counts, Counts) {
        let day = self.quarters(now_ms).map(|(_, quarter)| quarter.counts);
        (total(self.half_hour(now_ms).map(Counts::of)), total(day))
    }

    /// The quarters of an hour of the last day, each with its beginning in Unix milliseconds, newest first.
    pub(super) fn quarters(&self, now_ms: u64) -> impl Iterator<Item = (u64, &Quarter)> {
        let newest = Quarters::bucket(now_ms);
        self.quarters.timed((newest + 1).saturating_sub(DAY), newest)
    }

    pub(super) fn tools(&self, now_ms: u64) -> Tools {
        total(self.ten_minutes.last(now_ms, TWO_HOURS))
    }
}

/// Latency and throughput over cells.
pub(super) fn quantiles<'a>(
    cells: impl Iterator<Item = &'a Cell> + Clone,
) -> (Option<Quantiles>, Option<Quantiles>) {
    let latency = Sum::of(cells.clone().map(|cell| &cell.first_tokens)).at_most();
    let throughput = Sum::of(cells.map(|cell| &cell.speeds)).at_least();
    (latency, throughput)
}

pub(super) fn total<T: Kept>(kept: impl Iterator<Item = impl std::borrow::Borrow<T>>) -> T {
    let mut sum = T::default();
    kept.for_each(|one| sum.add(one.borrow()));
    sum
}

/// Good attempts in percent, once there are enough for a statement.
#[expect(clippy::cast_precision_loss, reason = "a percentage; the last bits of a count do not matter")]
pub(super) fn uptime_percent(counts: &Counts) -> Option<f64> {
    let total = counts.total();
    (total >= UPTIME_ATTEMPTS).then(|| counts.successes as f64 * 100.0 / total as f64)
}
