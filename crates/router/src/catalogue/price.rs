//! Price books by name, and the one figure that endpoints are compared by.

use pricing::{Class, PriceBook, Rate, Rates, Tier};
use serde_json::{Map, Value};

/// Every class with its name in files, in the database and in operators' views.
pub(crate) const CLASSES: [(&str, Class); 16] = [
    ("input", Class::Input),
    ("output", Class::Output),
    ("cache_read", Class::CacheRead),
    ("cache_write_5m", Class::CacheWrite5m),
    ("cache_write_1h", Class::CacheWrite1h),
    ("reasoning", Class::Reasoning),
    ("audio_input", Class::AudioInput),
    ("audio_output", Class::AudioOutput),
    ("image", Class::Image),
    ("request", Class::Request),
    ("image_input", Class::ImageInput),
    ("image_output", Class::ImageOutput),
    ("picture", Class::Picture),
    ("character", Class::Character),
    ("second", Class::Second),
    ("search_unit", Class::SearchUnit),
];

const ABOVE: &str = "above_prompt_tokens";

/// Writes a book as `{"base": {"input": <pico-USD>, ..}, "tiers": [{"above_prompt_tokens": n, ..}]}`.
pub(crate) fn book_out(book: &PriceBook) -> Value {
    let tiers: Vec<Value> = book
        .tiers
        .iter()
        .map(|tier| {
            let mut rates = rates_out(&tier.rates);
            rates.insert(ABOVE.to_owned(), tier.above_prompt_tokens.into());
            Value::Object(rates)
        })
        .collect();
    serde_json::json!({ "base": rates_out(&book.base), "tiers": tiers })
}

fn rates_out(rates: &Rates) -> Map<String, Value> {
    let listed = |(name, class): (&str, Class)| {
        rates.listed(class).map(|rate| (name.to_owned(), Value::from(rate.picos())))
    };
    CLASSES.into_iter().filter_map(listed).collect()
}

/// Reads what [`book_out`] writes. `None` when it is anything else.
pub(crate) fn book_in(value: &Value) -> Option<PriceBook> {
    let base = rates_in(value.get("base")?.as_object()?)?;
    let tiers = value.get("tiers")?.as_array()?.iter().map(tier_in).collect::<Option<_>>()?;
    Some(PriceBook { base, tiers })
}

fn tier_in(value: &Value) -> Option<Tier> {
    let rates = value.as_object()?;
    Some(Tier { above_prompt_tokens: rates.get(ABOVE)?.as_u64()?, rates: rates_in(rates)? })
}

fn rates_in(rates: &Map<String, Value>) -> Option<Rates> {
    rates.iter().filter(|(name, _)| *name != ABOVE).try_fold(Rates::default(), |sum, (name, picos)| {
        let (_, class) = CLASSES.into_iter().find(|(known, _)| known == name)?;
        let picos = picos.as_i64().filter(|picos| *picos >= 0)?;
        Some(sum.with(class, Rate::from_picos(picos)))
    })
}

/// What an endpoint costs in one figure, in pico-USD per token: three prompt tokens to each completion token,
/// of text or images, whichever is dearer. What is no token counts as if a character of text to speak were a
/// quarter of one, a second of audio 25, and a request, a generated image or a search a thousand. Only for
/// comparing endpoints, never charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blended {
    base: u64,
    /// Threshold in prompt tokens and the figure above it, by ascending threshold.
    tiers: Vec<(u64, u64)>,
}

impl Blended {
    #[must_use]
    pub fn of(book: &PriceBook) -> Self {
        let mut thresholds: Vec<u64> = book.tiers.iter().map(|tier| tier.above_prompt_tokens).collect();
        thresholds.sort_unstable();
        thresholds.dedup();
        let above = |threshold: u64| blend(&book.rates_for(threshold.saturating_add(1)));
        Self {
            base: blend(&book.rates_for(0)),
            tiers: thresholds.into_iter().map(|threshold| (threshold, above(threshold))).collect(),
        }
    }

    /// The figure for a prompt of about this many tokens.
    #[must_use]
    pub fn at(&self, prompt_tokens: u64) -> u64 {
        let applies = |tier: &&(u64, u64)| prompt_tokens > tier.0;
        self.tiers.iter().rev().find(applies).map_or(self.base, |(_, blended)| *blended)
    }

    /// The lowest figure for any prompt.
    #[must_use]
    pub(crate) fn least(&self) -> u64 {
        self.tiers.iter().map(|(_, blended)| *blended).min().unwrap_or(u64::MAX).min(self.base)
    }
}

fn blend(rates: &Rates) -> u64 {
    let picos = |class| u128::try_from(rates.rate(class).picos()).unwrap_or(0);
    let completion = picos(Class::Output).max(picos(Class::ImageOutput));
    let tokens = (3 * picos(Class::Input) + completion).div_ceil(4) + 4 * picos(Class::Character);
    let pieces = picos(Class::Request) + picos(Class::Picture) + picos(Class::SearchUnit);
    let others = pieces.div_ceil(1_000) + picos(Class::Second).div_ceil(25);
    u64::try_from(tokens + others).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> PriceBook {
        let rates = |input, output| {
            Rates::default()
                .with(Class::Input, Rate::from_picos(input))
                .with(Class::Output, Rate::from_picos(output))
        };
        PriceBook {
            base: rates(1_000_000, 5_000_000),
            tiers: vec![Tier { above_prompt_tokens: 200_000, rates: rates(2_000_000, 8_000_000) }],
        }
    }

    #[test]
    fn a_book_survives_its_json() {
        assert_eq!(book_in(&book_out(&book())), Some(book()));
        assert_eq!(book_in(&serde_json::json!({ "base": { "input": -1 }, "tiers": [] })), None);
        assert_eq!(book_in(&serde_json::json!({ "base": { "inputs": 1 }, "tiers": [] })), None);
    }

    #[test]
    fn every_class_has_a_name_of_its_own() {
        for (n, class) in (1..).zip(Class::ALL) {
            let book =
                PriceBook { base: Rates::default().with(class, Rate::from_picos(n)), tiers: Vec::new() };
            assert_eq!(book_in(&book_out(&book)), Some(book), "{class:?}");
        }
    }

    #[test]
    fn what_is_priced_by_the_piece_is_compared_too() {
        let of = |class, picos| {
            let base = Rates::default().with(class, Rate::from_picos(picos));
            Blended::of(&PriceBook { base, tiers: Vec::new() }).at(0)
        };
        for class in [Class::Picture, Class::Character, Class::Second, Class::SearchUnit, Class::ImageOutput]
        {
            assert!(of(class, 30_000_000) > of(class, 15_000_000), "{class:?}");
        }
    }

    #[test]
    fn the_blend_weighs_the_prompt_three_to_one_and_knows_long_prompts() {
        let blended = Blended::of(&book());
        assert_eq!(blended.at(0), 2_000_000);
        assert_eq!(blended.at(200_000), 2_000_000);
        assert_eq!(blended.at(200_001), 3_500_000);
    }
}
