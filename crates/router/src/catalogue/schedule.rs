//! What an endpoint asks at which time of day: one immutable price version for each.
//!
//! A price may hold windows of UTC time in which other rates apply. Each window becomes a price version of its
//! own, with an id that follows from the price's, so that what is pinned at admission says by itself what was
//! charged: no clock takes part in charging.

use identity::PriceVersionId;
use pricing::PriceBook;
use serde_json::Value;
use uuid::Uuid;

use super::{Blended, book_in};

const MINUTES_PER_DAY: u16 = 24 * 60;
const WINDOWS: &str = "windows";

/// A stretch of every day in UTC, from its first minute to before its last. May pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    start: u16,
    end: u16,
}

impl Window {
    /// Reads two times as `HHMM`.
    pub(crate) fn read(start: &str, end: &str) -> Option<Self> {
        let window = Self { start: minute(start)?, end: minute(end)? };
        (window.start != window.end).then_some(window)
    }

    #[must_use]
    pub(crate) const fn contains(self, minute: u16) -> bool {
        if self.start < self.end {
            self.start <= minute && minute < self.end
        } else {
            self.start <= minute || minute < self.end
        }
    }

    /// Its first minute of the day, and the first one after it.
    pub(crate) const fn minutes(self) -> [u16; 2] {
        [self.start, self.end]
    }

    /// Its two ends as `HHMM`.
    pub(crate) fn ends(self) -> (String, String) {
        let text = |minute: u16| format!("{:02}{:02}", minute / 60, minute % 60);
        (text(self.start), text(self.end))
    }
}

fn minute(text: &str) -> Option<u16> {
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = digits.then(|| text.split_at(2))?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// The UTC minute of the day of a moment in Unix milliseconds.
#[must_use]
pub(crate) fn minute_of_day(now_ms: u64) -> u16 {
    u16::try_from(now_ms / 60_000 % u64::from(MINUTES_PER_DAY)).unwrap_or(0)
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
    /// `{"utc_start": "HHMM", "utc_end": "HHMM", "base": {..}, "tiers": [..]}`, whose missing classes inherit.
    /// `None` when it is anything else.
    pub(crate) fn read(id: PriceVersionId, book: &Value) -> Option<Self> {
        let plain = book_in(book)?;
        let mut offers = vec![Offer::new(None, id, plain.clone())];
        for (n, value) in windows(book).iter().enumerate() {
            let window = Window::read(value.get("utc_start")?.as_str()?, value.get("utc_end")?.as_str()?)?;
            let own = Uuid::new_v5(&id.uuid(), &n.to_be_bytes());
            let book = over(&plain, &book_in(value)?);
            offers.push(Offer::new(Some(window), PriceVersionId::from_uuid(own), book));
        }
        Some(Self { offers })
    }

    /// The price at a minute of the day.
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
    fn odd_windows_are_refused() {
        for (start, end) in
            [("2400", "0100"), ("0060", "0100"), ("0100", "0100"), ("100", "0200"), ("+100", "0200")]
        {
            assert_eq!(Window::read(start, end), None, "{start} to {end}");
        }
        assert_eq!(minute_of_day(1_700_000_000_000), 22 * 60 + 13);
    }
}
