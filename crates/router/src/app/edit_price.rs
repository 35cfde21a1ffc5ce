//! New prices, at once or later, those taken back, and the guard against slips of a digit.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use identity::{EndpointId, PriceVersionId};
use pricing::{PriceBook, Rate};
use serde_json::{Value, json};

use super::change::{Applied, Context, PriceChange, written};
use super::edit_row::refused;
use crate::Error;
use crate::catalogue::{CLASSES, Schedule, Window, book_out};
use crate::store::{NewPrice, PastPrice, Withdrawal, Writes, rows};

/// What `source` says of shipped prices, which the next seed may replace.
const SHIPPED: &str = "catalogue";
/// Steps that a price may have by prompt length, and stretches by time of day.
const MOST: usize = 16;

/// A whole price: the usual list, and those for stretches of the day.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PriceList {
    pub(crate) usual: PriceBook,
    pub(crate) windows: Vec<(Window, PriceBook)>,
}

impl PriceList {
    /// As it is kept.
    ///
    /// # Errors
    /// [`Error::Refused`] when its steps are no steps.
    pub(super) fn written(&self) -> Result<Value, Error> {
        let books = self.windows.iter().map(|(_, book)| book);
        books.chain([&self.usual]).try_for_each(check_steps)?;
        if self.windows.len() > MOST {
            return Err(refused(format!("a price has at most {MOST} windows")));
        }
        let mut book = book_out(&self.usual);
        if !self.windows.is_empty() {
            let windows = self.windows.iter().map(|(window, book)| {
                let (mut own, (start, end)) = (book_out(book), window.ends());
                own["utc_start"] = start.into();
                own["utc_end"] = end.into();
                if !window.days().is_empty() {
                    own["weekdays"] = window.days().into();
                }
                own
            });
            book["windows"] = windows.collect();
        }
        Ok(book)
    }
}

fn check_steps(book: &PriceBook) -> Result<(), Error> {
    let mut steps: Vec<u64> = book.tiers.iter().map(|tier| tier.above_prompt_tokens).collect();
    steps.sort_unstable();
    let is_doubled = steps.windows(2).any(|pair| pair.first() == pair.last());
    if steps.first() == Some(&0) || is_doubled || steps.len() > MOST {
        return Err(refused(format!(
            "`tiers` must have different `above_prompt_tokens` above 0, at most {MOST} of them"
        )));
    }
    Ok(())
}

/// A new price of an endpoint.
#[derive(Debug)]
pub(crate) struct PriceEdit {
    pub(crate) endpoint_id: EndpointId,
    pub(crate) list: PriceList,
    /// Allows a jump over tenfold.
    pub(crate) force: bool,
    /// `None` = at once.
    pub(crate) effective_at: Option<DateTime<Utc>>,
    /// `None` = the actor.
    pub(crate) source: Option<String>,
}

impl PriceEdit {
    pub(super) fn apply(self, context: &Context<'_>) -> Result<Applied, Error> {
        let endpoint = self.endpoint_id;
        if !context.tables.endpoints.iter().any(|row| row.id == endpoint) {
            return Err(Error::NotFound { kind: "endpoint", name: endpoint.to_string() });
        }
        let now = context.tables.read_at;
        if self.effective_at.is_some_and(|at| at < now) {
            return Err(refused("`effective_at` lies in the past; leave it out for a price from now on"));
        }
        if self.source.as_deref() == Some(SHIPPED) {
            return Err(refused(format!("`source` cannot be `{SHIPPED}`: that is what shipped prices say")));
        }
        let book = self.list.written()?;
        let replaced = in_effect(context.history, self.effective_at.unwrap_or(now));
        let before = replaced.map(past);
        let applied =
            Applied { before, endpoint: Some(endpoint), sets_price: true, ..Applied::of("put_price", "") };
        if let Some(same) = replaced.filter(|replaced| replaced.book == book) {
            let after = applied.before.clone();
            return Ok(Applied { id: same.id.to_string(), after, ..applied });
        }
        let mut jumps = replaced.filter(|_| !self.force).map_or_else(Vec::new, |old| jumps(&old.book, &book));
        if !context.dry_run && !jumps.is_empty() {
            return Err(jumps.swap_remove(0));
        }
        let warnings = jumps.iter().map(Error::to_string).collect();
        let price = rows::Price {
            id: PriceVersionId::generate(),
            endpoint_id: endpoint,
            book: book.clone(),
            source: self.source.unwrap_or_else(|| context.actor.to_owned()),
        };
        let mut after = written(&price)?;
        after["effective_at"] = json!(self.effective_at.unwrap_or(now));
        let change = PriceChange { from: replaced.map(|replaced| replaced.book.clone()), to: book };
        Ok(Applied {
            id: price.id.to_string(),
            subject: endpoint.to_string(),
            after: Some(after),
            writes: Writes {
                prices: vec![NewPrice { price, effective_at: self.effective_at }],
                ..Writes::default()
            },
            price: Some(change),
            effective_at: self.effective_at,
            warnings,
            ..applied
        })
    }
}

/// A price that is not to take effect after all.
#[derive(Debug)]
pub(crate) struct WithdrawEdit {
    pub(crate) price_id: PriceVersionId,
}

impl WithdrawEdit {
    /// `endpoint` is the one that the price is of.
    pub(super) fn apply(self, context: &Context<'_>, endpoint: Option<EndpointId>) -> Result<Applied, Error> {
        let id = self.price_id.to_string();
        let held = context.history.iter().find(|price| price.id == self.price_id);
        let Some((held, endpoint)) = held.zip(endpoint) else {
            return Err(Error::NotFound { kind: "price", name: id });
        };
        let before = Some(past(held));
        let applied = Applied {
            subject: endpoint.to_string(),
            endpoint: Some(endpoint),
            ..Applied::of("withdraw_price", id)
        };
        if held.withdrawn_at.is_some() {
            return Ok(Applied { before: before.clone(), after: before, ..applied });
        }
        if held.effective_at <= context.tables.read_at {
            return Err(refused("this price took effect already; set a new one in its place"));
        }
        let withdrawal = Withdrawal { price_id: self.price_id, actor: context.actor.to_owned() };
        let writes = Writes { withdrawn_prices: vec![withdrawal], ..Writes::default() };
        Ok(Applied { before, after: None, writes, ..applied })
    }
}

/// The price that applies at a moment, of those that are newest first.
fn in_effect(history: &[PastPrice], at: DateTime<Utc>) -> Option<&PastPrice> {
    history.iter().find(|price| price.withdrawn_at.is_none() && price.effective_at <= at)
}

fn past(price: &PastPrice) -> Value {
    json!({
        "id": price.id.to_string(),
        "book": price.book,
        "source": price.source,
        "effective_at": price.effective_at,
    })
}

/// Refuses a price that jumps.
pub(crate) fn check_jump(old: &Value, new: &Value) -> Result<(), Error> {
    jumps(old, new).into_iter().next().map_or(Ok(()), Err)
}

/// In which classes, each named once, a price differs more than tenfold from the old one, becomes free or stops
/// being so, at any time of the week and for prompts of any length. An old price that cannot be read is no
/// measure.
fn jumps(old: &Value, new: &Value) -> Vec<Error> {
    let read = |book| Schedule::read(PriceVersionId::generate(), book);
    let Some((old, new)) = read(old).zip(read(new)) else { return Vec::new() };
    let mut found = BTreeMap::new();
    for minute in boundaries(&old, &new) {
        let Some((old, new)) = old.at(minute).zip(new.at(minute)) else { continue };
        for prompt_tokens in lengths(&old.book, &new.book) {
            let (old, new) = (old.book.rates_for(prompt_tokens), new.book.rates_for(prompt_tokens));
            for (at, (class, kind)) in CLASSES.into_iter().enumerate() {
                // What neither lists follows what one of them does.
                let is_listed = old.listed(kind).or(new.listed(kind)).is_some();
                let (from, to) = (old.rate(kind), new.rate(kind));
                if is_listed && is_jump(from, to) {
                    found.entry(at).or_insert_with(|| Error::PriceJump {
                        class: class.to_owned(),
                        from: from.to_string(),
                        to: to.to_string(),
                    });
                }
            }
        }
    }
    found.into_values().collect()
}

/// A minute of every stretch of the week in which neither price changes.
fn boundaries(old: &Schedule, new: &Schedule) -> Vec<u16> {
    let windows = old.offers().iter().chain(new.offers()).filter_map(|offer| offer.window);
    let mut minutes: Vec<u16> = windows.flat_map(Window::boundaries).chain([0]).collect();
    minutes.sort_unstable();
    minutes.dedup();
    minutes
}

/// A prompt length for every step of either price.
fn lengths(old: &PriceBook, new: &PriceBook) -> Vec<u64> {
    let steps = old.tiers.iter().chain(&new.tiers).map(|tier| tier.above_prompt_tokens.saturating_add(1));
    let mut lengths: Vec<u64> = steps.chain([0]).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

fn is_jump(from: Rate, to: Rate) -> bool {
    let (low, high) = (from.min(to).picos(), from.max(to).picos());
    i128::from(high) > i128::from(low) * 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_more_than_tenfold_either_way() {
        let rate = Rate::from_picos;
        assert!(!is_jump(rate(1_000), rate(10_000)));
        assert!(is_jump(rate(1_000), rate(10_001)));
        assert!(is_jump(rate(10_001), rate(1_000)));
        assert!(is_jump(rate(0), rate(1)));
        assert!(!is_jump(rate(0), rate(0)));
    }

    #[test]
    fn a_jump_in_one_step_or_one_window_is_a_jump() {
        let plain = json!({ "base": { "input": 100 }, "tiers": [] });
        let tier = |input: u64| json!([{ "above_prompt_tokens": 1_000, "input": input }]);
        let stepped = |input| json!({ "base": { "input": 100 }, "tiers": tier(input) });
        let windowed = |input| {
            json!({ "base": { "input": 100 }, "tiers": [], "windows": [
                { "utc_start": "2300", "utc_end": "0100", "base": { "input": input }, "tiers": [] } ] })
        };
        for (old, new, is_sound) in [
            (&plain, &stepped(200), true),
            (&plain, &stepped(2_000), false),
            (&stepped(2_000), &plain, false),
            (&plain, &windowed(50), true),
            (&plain, &windowed(5), false),
            (&windowed(0), &plain, false),
        ] {
            assert_eq!(check_jump(old, new).is_ok(), is_sound, "{old} to {new}");
        }
    }

    #[test]
    fn every_class_that_jumps_is_told_once() {
        let old = json!({ "base": { "input": 100, "output": 100 }, "tiers": [] });
        let new = json!({ "base": { "input": 5_000, "output": 1 },
            "tiers": [{ "above_prompt_tokens": 1_000, "input": 9_000 }] });
        let told: Vec<String> = jumps(&old, &new).iter().map(Error::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("input") && told[1].contains("output"), "{told:?}");
    }

    #[test]
    fn steps_must_differ() {
        let tier =
            |above_prompt_tokens| pricing::Tier { above_prompt_tokens, rates: pricing::Rates::default() };
        let book = |tiers| PriceBook { base: pricing::Rates::default(), tiers };
        assert!(check_steps(&book(vec![tier(2), tier(1)])).is_ok());
        assert!(check_steps(&book(vec![tier(2), tier(2)])).is_err());
        assert!(check_steps(&book(vec![tier(0)])).is_err());
    }
}
