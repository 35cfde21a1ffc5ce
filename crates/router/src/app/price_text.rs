//! Prices as operators read them: USD per unit as decimal strings.

use pricing::{PriceBook, Rates};
use serde_json::{Map, Value, json};

use crate::catalogue::{CLASSES, Schedule};

/// `{"id", "base": {"input": "0.0000025", ..}, "tiers": [..], "windows": [..]}`; a window lists all that
/// applies in it. `None` where there is no price.
pub(super) fn price_text(schedule: &Schedule) -> Option<Value> {
    let (usual, windows) = schedule.offers().split_first()?;
    let mut text = book_text(&usual.book);
    text["id"] = usual.id.to_string().into();
    let windows = windows.iter().filter_map(|offer| {
        let window = offer.window?;
        let (mut own, (start, end)) = (book_text(&offer.book), window.ends());
        own["utc_start"] = start.into();
        own["utc_end"] = end.into();
        if !window.days().is_empty() {
            own["weekdays"] = window.days().into();
        }
        Some(own)
    });
    text["windows"] = windows.collect();
    Some(text)
}

fn book_text(book: &PriceBook) -> Value {
    let tiers: Vec<Value> = book
        .tiers
        .iter()
        .map(|tier| {
            json!({ "above_prompt_tokens": tier.above_prompt_tokens, "rates": rates_text(&tier.rates) })
        })
        .collect();
    json!({ "base": rates_text(&book.base), "tiers": tiers })
}

fn rates_text(rates: &Rates) -> Map<String, Value> {
    let listed = |(name, class): (&str, pricing::Class)| {
        rates.listed(class).map(|rate| (name.to_owned(), Value::from(rate.to_string())))
    };
    CLASSES.into_iter().filter_map(listed).collect()
}
