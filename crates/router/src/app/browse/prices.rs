//! Prices in their public form.

use pricing::{Class, Markup, PriceBook, Rates};
use serde_json::{Map, Value};

use crate::catalogue::{Offer, Schedule};

/// Classes by their public names, each with the class whose price serves when the first has none. A generated
/// image is priced by the piece or else by its tokens. What the public shape has no member for, and its readers
/// pass over, goes by our own names: nothing is charged that is not listed.
const PUBLIC: [(&str, Class, Option<Class>); 15] = [
    ("prompt", Class::Input, None),
    ("completion", Class::Output, None),
    ("request", Class::Request, None),
    ("image", Class::Image, None),
    ("image_token", Class::ImageInput, None),
    ("image_output", Class::Picture, Some(Class::ImageOutput)),
    ("input_cache_read", Class::CacheRead, None),
    ("input_cache_write", Class::CacheWrite5m, None),
    ("input_cache_write_1h", Class::CacheWrite1h, None),
    ("internal_reasoning", Class::Reasoning, None),
    ("audio", Class::AudioInput, None),
    ("audio_output", Class::AudioOutput, None),
    ("character", Class::Character, None),
    ("second", Class::Second, None),
    ("search_unit", Class::SearchUnit, None),
];

/// Public names that every price has, zero where nothing is listed.
const ALWAYS: [&str; 4] = ["prompt", "completion", "request", "image"];

/// What a schedule asks with the caller's markup. At the top stands what applies whenever no condition does;
/// `overrides` holds what applies from a length of the prompt on or in a window of UTC time. Of those that apply,
/// the later wins price by price: a window lists every price of its own, then its own lengths.
pub(super) fn pricing(schedule: &Schedule, markup: Markup) -> Value {
    let empty = PriceBook::default();
    let usual = schedule.offers().first().map_or(&empty, |offer| &offer.book);
    let mut pricing = prices(&usual.base, markup, true);
    let windows = schedule.offers().iter().skip(1).flat_map(|offer| window(offer, markup));
    let overrides: Vec<Value> = tiers(usual, markup).chain(windows).map(Value::Object).collect();
    if !overrides.is_empty() {
        pricing.insert("overrides".to_owned(), Value::Array(overrides));
    }
    Value::Object(pricing)
}

/// The overrides of one price with its window.
fn window(offer: &Offer, markup: Markup) -> Vec<Map<String, Value>> {
    let Some(window) = offer.window else { return Vec::new() };
    let (start, end) = window.ends();
    // As clock numbers: 1630 is half past four in the afternoon.
    let clock = |time: &str| Value::from(time.parse::<u16>().unwrap_or_default());
    let base = prices(&offer.book.base, markup, false);
    let conditioned = |mut prices: Map<String, Value>| {
        prices.insert("utc_start".to_owned(), clock(&start));
        prices.insert("utc_end".to_owned(), clock(&end));
        if !window.days().is_empty() {
            prices.insert("weekdays".to_owned(), window.days().into());
        }
        prices
    };
    std::iter::once(base).chain(tiers(&offer.book, markup)).map(conditioned).collect()
}

fn tiers(book: &PriceBook, markup: Markup) -> impl Iterator<Item = Map<String, Value>> {
    let mut tiers: Vec<_> = book.tiers.iter().collect();
    tiers.sort_by_key(|tier| tier.above_prompt_tokens);
    tiers.into_iter().map(move |tier| {
        let mut prices = prices(&tier.rates, markup, false);
        prices.insert("min_prompt_tokens".to_owned(), tier.above_prompt_tokens.into());
        prices
    })
}

fn prices(rates: &Rates, markup: Markup, is_base: bool) -> Map<String, Value> {
    let price = |(name, class, other): (&str, Class, Option<Class>)| {
        let rate = match rates.listed(class).or_else(|| rates.listed(other?)) {
            None if is_base && ALWAYS.contains(&name) => rates.rate(class),
            listed => listed?,
        };
        Some((name.to_owned(), Value::from(rate.with_markup(markup).to_string())))
    };
    PUBLIC.into_iter().filter_map(price).collect()
}

#[cfg(test)]
mod tests {
    use identity::PriceVersionId;
    use pricing::{Rate, Tier};
    use serde_json::json;

    use super::*;
    use crate::catalogue::book_out;

    fn rates(listed: &[(Class, i64)]) -> Rates {
        listed
            .iter()
            .fold(Rates::default(), |rates, (class, picos)| rates.with(*class, Rate::from_picos(*picos)))
    }

    fn public(listed: &[(Class, i64)]) -> Value {
        shown(&book_out(&PriceBook { base: rates(listed), tiers: Vec::new() }))
    }

    fn shown(book: &Value) -> Value {
        pricing(&Schedule::read(PriceVersionId::generate(), book).unwrap(), Markup::NONE)
    }

    #[test]
    fn every_class_that_is_listed_is_shown() {
        let shown = public(&[(Class::Input, 1)]);
        assert_eq!(
            shown,
            json!({ "prompt": "0.000000000001", "completion": "0", "request": "0", "image": "0" })
        );
        for class in Class::ALL {
            let shown = public(&[(class, 7)]);
            let prices = shown.as_object().unwrap().values();
            assert_eq!(prices.filter(|price| *price == "0.000000000007").count(), 1, "{class:?}");
        }
    }

    #[test]
    fn a_generated_image_is_shown_by_the_piece_or_else_by_its_tokens() {
        assert_eq!(public(&[(Class::ImageOutput, 40_000_000)])["image_output"], "0.00004");
        let both = public(&[(Class::Picture, 50_000_000_000), (Class::ImageOutput, 40_000_000)]);
        assert_eq!(both["image_output"], "0.05");
    }

    #[test]
    fn a_tier_shows_what_it_overrides() {
        let tier = Tier { above_prompt_tokens: 9, rates: rates(&[(Class::ImageInput, 2_000_000)]) };
        let book = PriceBook { base: rates(&[(Class::Input, 1_000_000)]), tiers: vec![tier] };
        let overrides = json!([{ "image_token": "0.000002", "min_prompt_tokens": 9 }]);
        assert_eq!(shown(&book_out(&book))["overrides"], overrides);
    }

    #[test]
    fn a_window_overrides_with_all_of_its_prices_and_then_by_length() {
        let book = json!({
            "base": { "input": 1_000_000, "output": 4_000_000 },
            "tiers": [{ "above_prompt_tokens": 9, "input": 2_000_000 }],
            "windows": [{ "utc_start": "1630", "utc_end": "0030", "base": { "input": 500_000 }, "tiers": [] }],
        });
        let shown = shown(&book);
        assert_eq!(shown["prompt"], "0.000001");
        let window = json!({ "utc_start": 1630, "utc_end": 30 });
        let mut usual = json!({ "prompt": "0.0000005", "completion": "0.000004" });
        let mut long = json!({ "prompt": "0.000002", "min_prompt_tokens": 9 });
        for entry in [&mut usual, &mut long] {
            entry.as_object_mut().unwrap().extend(window.as_object().unwrap().clone());
        }
        let overrides = json!([{ "prompt": "0.000002", "min_prompt_tokens": 9 }, usual, long]);
        assert_eq!(shown["overrides"], overrides);
    }
}
