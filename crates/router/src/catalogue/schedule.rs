//! What an endpoint asks at which time of the week: one immutable price version for each.
//!
//! A price may hold windows of UTC time in which other rates apply, on every day or on some days of the week. Each window becomes a price version of its
//! own, with an id that follows from the price's, so that what is pinned at admission says by itself what was
//! charged: no clock takes part in charging.

use identity::PriceVersionId;
use pricing::PriceBook;
use serde_json::Value;
use uuid::Uuid;

use super::{Blended, book_in};

const MINUTES_PER_DAY: u16 = 24 * 60;
const DAYS_PER_WEEK: u16 = 7;
const WINDOWS: &str = "windows";

/// A stretch of a day in UTC, from its first minute to before its last. May pass midnight: the day after then
/// belongs to the day on which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    start: u16,
    end: u16,
    /// Days on which it begins, Monday in the lowest bit.
    days: u8,
}

const EVERY_DAY: u8 = 0b111_1111;

impl Window {
    /// Reads two times as `HHMM` and the days on which it begins, 1 for Monday to 7 for Sunday; none = all.
    /// Two equal times are the whole day.
    pub(crate) fn read(start: &str, end: &str, days: &[u8]) -> Option<Self> {
        let bit = |day: &u8| (1..=7).contains(day).then(|| 1_u8 << (day - 1));
        let days = days.iter().map(bit).try_fold(0, |set, bit| Some(set | bit?))?;
        let days = if days == 0 { EVERY_DAY } else { days };
        Some(Self { start: minute(start)?, end: minute(end)?, days })
    }

    /// Whether a minute of the week lies within.
    #[must_use]
    pub(crate) const fn contains(self, minute: u16) -> bool {
        let (day, time) = (minute / MINUTES_PER_DAY, minute % MINUTES_PER_DAY);
        let began_today =
            self.begins_on(day) && self.start <= time && (time < self.end || self.end <= self.start);
        let yesterday = (day + DAYS_PER_WEEK - 1) % DAYS_PER_WEEK;
        let began_yesterday = self.begins_on(yesterday) && self.end <= self.start && time < self.end;
        began_today || began_yesterday
    }

    const fn begins_on(self, day: u16) -> bool {
        self.days & (1 << day) != 0
    }

    /// Minutes of the week between which it neither begins nor ends.
    pub(crate) fn boundaries(self) -> impl Iterator<Item = u16> {
        (0..DAYS_PER_WEEK)
            .flat_map(move |day| [0, self.start, self.end].map(|time| day * MINUTES_PER_DAY + time))
    }

    /// Its two ends as `HHMM`.
    pub(crate) fn ends(self) -> (String, String) {
        let text = |minute: u16| format!("{:02}{:02}", minute / 60, minute % 60);
        (text(self.start), text(self.end))
    }

    /// The days on which it begins, 1 for Monday to 7 for Sunday; none = all.
    pub(crate) fn days(self) -> Vec<u8> {
        if self.days == EVERY_DAY {
            Vec::new()
        } else {
            (1..=7).filter(|day| self.days & (1 << (day - 1)) != 0).collect()
        }
    }
}

fn minute(text: &str) -> Option<u16> {
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = digits.then(|| text.split_at(2))?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// The UTC minute of the week, from Monday 00:00, of a moment in Unix milliseconds.
#[must_use]
pub(crate) fn minute_of_week(now_ms: u64) -> u16 {
    // The epoch was a Thursday.
    let minutes = now_ms / 60_000 + 3 * u64::from(MINUTES_PER_DAY);
    u16::try_from(minutes % u64::from(DAYS_PER_WEEK * MINUTES_PER_DAY)).unwrap_or(0)
}

/// One price version of an endpoint, in the form in which it is compared and in the form in which it is sent.
#[derive(Debug)]
pub(crate) struct Offer {
    /// When it applies; `None` = whenever no window does.
    pub(crate) window: Option<Window>,
    pub(crate) id: PriceVersionId,
    pub(crate) book: PriceBook,
    pub(crate) blended: Blended,
    /// As attempts carry it.
    pub(crate) version: rpc::pricing::PriceVersion,
}

/// What an endpoint asks over the day; nothing where it has no price.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    /// The one without a window first; of the windows that apply, the last counts.
    offers: Vec<Offer>,
}

impl Schedule {
    /// Reads a price: the book of [`book_in`], which may have `windows` of
    /// `{"utc_start": "HHMM", "utc_end": "HHMM", "weekdays": [1..7], "base": {..}, "tiers": [..]}`, whose missing
    /// classes inherit; without `weekdays` it is every day's. `None` when it is anything else.
    pub(crate) fn read(id: PriceVersionId, book: &Value) -> Option<Self> {
        let plain = book_in(book)?;
        let mut offers = vec![Offer::new(None, id, plain.clone())];
        for (n, value) in windows(book).iter().enumerate() {
            let window = Window::read(
                value.get("utc_start")?.as_str()?,
                value.get("utc_end")?.as_str()?,
                &days(value)?,
            )?;
            let own = Uuid::new_v5(&id.uuid(), &n.to_be_bytes());
            let book = over(&plain, &book_in(value)?);
            offers.push(Offer::new(Some(window), PriceVersionId::from_uuid(own), book));
        }
        Some(Self { offers })
    }

    /// The price at a minute of the week.
    #[must_use]
    pub(crate) fn at(&self, minute: u16) -> Option<&Offer> {
        let applies = |offer: &&Offer| offer.window.is_none_or(|window| window.contains(minute));
        self.offers.iter().rev().find(applies)
    }

    pub(crate) fn offers(&self) -> &[Offer] {
        &self.offers
    }

    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }
}

impl Offer {
    fn new(window: Option<Window>, id: PriceVersionId, book: PriceBook) -> Self {
        let (blended, version) = (Blended::of(&book), rpc::convert::price_out(id, &book));
        Self { window, id, book, blended, version }
    }
}

/// The days that a window names.
fn days(window: &Value) -> Option<Vec<u8>> {
    let Some(days) = window.get("weekdays") else { return Some(Vec::new()) };
    days.as_array()?.iter().map(|day| day.as_u64().and_then(|day| u8::try_from(day).ok())).collect()
}

fn windows(book: &Value) -> &[Value] {
    book.get(WINDOWS).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `own` with what it lacks taken from `plain`.
fn over(plain: &PriceBook, own: &PriceBook) -> PriceBook {
    let inherit = |own: pricing::Rates, from: pricing::Rates| {
        pricing::Class::ALL.into_iter().fold(own, |rates, class| {
            match (rates.listed(class), from.listed(class)) {
                (None, Some(rate)) => rates.with(class, rate),
                _ => rates,
            }
        })
    };
    let tiers = if own.tiers.is_empty() { plain.tiers.clone() } else { own.tiers.clone() };
    PriceBook { base: inherit(own.base, plain.base), tiers }
}

#[cfg(test)]
mod tests {
    use pricing::Class;
    use serde_json::json;

    use super::*;

    fn schedule() -> Schedule {
        let book = json!({
            "base": { "input": 1_000_000, "output": 4_000_000 },
            "tiers": [],
            "windows": [
                { "utc_start": "1630", "utc_end": "0030", "base": { "input": 500_000 }, "tiers": [] },
            ],
        });
        Schedule::read(PriceVersionId::generate(), &book).unwrap()
    }

    fn input(schedule: &Schedule, time: &str) -> i64 {
        schedule.at(minute(time).unwrap()).unwrap().book.base.rate(Class::Input).picos()
    }

    #[test]
    fn a_window_applies_from_its_first_minute_to_before_its_last_and_passes_midnight() {
        let schedule = schedule();
        for (time, picos) in [
            ("1629", 1_000_000),
            ("1630", 500_000),
            ("2359", 500_000),
            ("0029", 500_000),
            ("0030", 1_000_000),
        ] {
            assert_eq!(input(&schedule, time), picos, "at {time}");
        }
        let night = schedule.at(0).unwrap();
        assert_eq!(night.book.base.rate(Class::Output).picos(), 4_000_000, "what is not listed is inherited");
    }

    #[test]
    fn each_window_is_a_price_version_of_its_own_with_a_lasting_id() {
        let book = json!({ "base": {}, "tiers": [], "windows": [
            { "utc_start": "0000", "utc_end": "0100", "base": {}, "tiers": [] },
            { "utc_start": "0100", "utc_end": "0200", "base": {}, "tiers": [] },
        ] });
        let id = PriceVersionId::generate();
        let ids = |schedule: &Schedule| schedule.offers().iter().map(|offer| offer.id).collect::<Vec<_>>();
        let (one, two) = (Schedule::read(id, &book).unwrap(), Schedule::read(id, &book).unwrap());
        assert_eq!(ids(&one), ids(&two));
        let distinct: std::collections::HashSet<_> = ids(&one).into_iter().collect();
        assert_eq!((distinct.len(), ids(&one)[0]), (3, id));
    }

    #[test]
    fn a_window_of_some_days_begins_on_those_alone() {
        let at = |day: u16, time: &str| day * MINUTES_PER_DAY + minute(time).unwrap();
        let friday_night = Window::read("2200", "0200", &[5]).unwrap();
        for (day, time, is_in) in [
            (4, "2159", false),
            (4, "2200", true),
            (5, "0159", true),
            (5, "0200", false),
            (5, "2300", false),
            (4, "0100", false),
        ] {
            assert_eq!(friday_night.contains(at(day, time)), is_in, "day {day} at {time}");
        }
        let weekend = Window::read("0000", "0000", &[6, 7]).unwrap();
        assert!(weekend.contains(at(5, "0000")) && weekend.contains(at(6, "2359")));
        assert!(!weekend.contains(at(4, "2359")) && !weekend.contains(at(0, "0000")));
        assert_eq!((weekend.days(), weekend.ends()), (vec![6, 7], ("0000".to_owned(), "0000".to_owned())));
    }

    #[test]
    fn odd_windows_are_refused() {
        for (start, end) in [("2400", "0100"), ("0060", "0100"), ("100", "0200"), ("+100", "0200")] {
            assert_eq!(Window::read(start, end, &[]), None, "{start} to {end}");
        }
        assert_eq!(Window::read("0000", "0100", &[8]), None);
        assert_eq!(Window::read("0000", "0100", &[0]), None);
        // A Tuesday.
        assert_eq!(minute_of_week(1_700_000_000_000), MINUTES_PER_DAY + 22 * 60 + 13);
    }
}
