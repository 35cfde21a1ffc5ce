//! Between the wire's messages and the types that mean something.

use ::pricing::{Class, Markup, PriceBook, Rate, Rates, Source, Tier, Usage};
use identity::PriceVersionId;

use crate::{Fault, pricing};

/// A field that must be there is not, or holds what it may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {0}")]
pub struct Malformed(pub &'static str);

impl From<Malformed> for tonic::Status {
    fn from(malformed: Malformed) -> Self {
        Fault::invalid(malformed.to_string()).into()
    }
}

/// Parses an id field, naming it when it is malformed.
///
/// # Errors
/// [`Malformed`] with the field's name.
pub fn id<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<T, Malformed> {
    text.parse().map_err(|_| Malformed(field))
}

#[must_use]
pub fn markup(basis_points: i32) -> Markup {
    Markup::from_basis_points(basis_points)
}

/// # Errors
/// [`Malformed`] when a rate is negative.
pub fn rates_in(rates: &pricing::Rates) -> Result<Rates, Malformed> {
    let listed = [
        (Class::Input, rates.input),
        (Class::CacheRead, rates.cache_read),
        (Class::CacheWrite5m, rates.cache_write_5m),
        (Class::CacheWrite1h, rates.cache_write_1h),
        (Class::Output, rates.output),
        (Class::Reasoning, rates.reasoning),
        (Class::AudioInput, rates.audio_input),
        (Class::AudioOutput, rates.audio_output),
        (Class::Image, rates.image),
        (Class::Request, rates.request),
        (Class::ImageInput, rates.image_input),
        (Class::ImageOutput, rates.image_output),
        (Class::Picture, rates.picture),
        (Class::Character, rates.character),
        (Class::Second, rates.second),
        (Class::SearchUnit, rates.search_unit),
    ];
    listed.into_iter().try_fold(Rates::default(), |rates, (class, picos)| match picos {
        Some(picos) if picos < 0 => Err(Malformed("rate is negative")),
        Some(picos) => Ok(rates.with(class, Rate::from_picos(picos))),
        None => Ok(rates),
    })
}

#[must_use]
pub fn rates_out(rates: &Rates) -> pricing::Rates {
    let listed = |class| rates.listed(class).map(Rate::picos);
    pricing::Rates {
        input: listed(Class::Input),
        cache_read: listed(Class::CacheRead),
        cache_write_5m: listed(Class::CacheWrite5m),
        cache_write_1h: listed(Class::CacheWrite1h),
        output: listed(Class::Output),
        reasoning: listed(Class::Reasoning),
        audio_input: listed(Class::AudioInput),
        audio_output: listed(Class::AudioOutput),
        image: listed(Class::Image),
        request: listed(Class::Request),
        image_input: listed(Class::ImageInput),
        image_output: listed(Class::ImageOutput),
        picture: listed(Class::Picture),
        character: listed(Class::Character),
        second: listed(Class::Second),
        search_unit: listed(Class::SearchUnit),
    }
}

/// # Errors
/// [`Malformed`] when rates are missing or negative.
pub fn book_in(price: &pricing::PriceVersion) -> Result<PriceBook, Malformed> {
    let base = rates_in(price.base.as_ref().ok_or(Malformed("price.base"))?)?;
    let tiers = price
        .tiers
        .iter()
        .map(|tier| {
            let rates = rates_in(tier.rates.as_ref().ok_or(Malformed("price.tiers.rates"))?)?;
            Ok(Tier { above_prompt_tokens: tier.above_prompt_tokens, rates })
        })
        .collect::<Result<_, Malformed>>()?;
    Ok(PriceBook { base, tiers })
}

#[must_use]
pub fn price_out(id: PriceVersionId, book: &PriceBook) -> pricing::PriceVersion {
    pricing::PriceVersion {
        id: id.to_string(),
        base: Some(rates_out(&book.base)),
        tiers: book
            .tiers
            .iter()
            .map(|tier| pricing::Tier {
                above_prompt_tokens: tier.above_prompt_tokens,
                rates: Some(rates_out(&tier.rates)),
            })
            .collect(),
    }
}

#[must_use]
pub fn usage_in(usage: &pricing::Usage) -> Usage {
    Usage::default()
        .with(Class::Input, usage.input)
        .with(Class::CacheRead, usage.cache_read)
        .with(Class::CacheWrite5m, usage.cache_write_5m)
        .with(Class::CacheWrite1h, usage.cache_write_1h)
        .with(Class::Output, usage.output)
        .with(Class::Reasoning, usage.reasoning)
        .with(Class::AudioInput, usage.audio_input)
        .with(Class::AudioOutput, usage.audio_output)
        .with(Class::Image, usage.image)
        .with(Class::Request, usage.request)
        .with(Class::ImageInput, usage.image_input)
        .with(Class::ImageOutput, usage.image_output)
        .with(Class::Picture, usage.picture)
        .with(Class::Character, usage.character)
        .with(Class::Second, usage.second)
        .with(Class::SearchUnit, usage.search_unit)
}

#[must_use]
pub fn usage_out(usage: &Usage) -> pricing::Usage {
    pricing::Usage {
        input: usage.get(Class::Input),
        cache_read: usage.get(Class::CacheRead),
        cache_write_5m: usage.get(Class::CacheWrite5m),
        cache_write_1h: usage.get(Class::CacheWrite1h),
        output: usage.get(Class::Output),
        reasoning: usage.get(Class::Reasoning),
        audio_input: usage.get(Class::AudioInput),
        audio_output: usage.get(Class::AudioOutput),
        image: usage.get(Class::Image),
        request: usage.get(Class::Request),
        image_input: usage.get(Class::ImageInput),
        image_output: usage.get(Class::ImageOutput),
        picture: usage.get(Class::Picture),
        character: usage.get(Class::Character),
        second: usage.get(Class::Second),
        search_unit: usage.get(Class::SearchUnit),
    }
}

#[must_use]
pub fn source_out(source: Source) -> pricing::Source {
    match source {
        Source::Provider => pricing::Source::Provider,
        Source::Counted => pricing::Source::Counted,
        Source::Estimated => pricing::Source::Estimated,
    }
}

#[must_use]
pub fn source_in(source: pricing::Source) -> Source {
    match source {
        pricing::Source::Provider => Source::Provider,
        pricing::Source::Counted => Source::Counted,
        pricing::Source::Estimated => Source::Estimated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_and_usage_survive_the_wire() {
        let rates = Class::ALL
            .into_iter()
            .zip(1_i64..)
            .fold(Rates::default(), |rates, (class, picos)| rates.with(class, Rate::from_picos(picos)));
        let book = PriceBook { base: rates, tiers: vec![Tier { above_prompt_tokens: 9, rates }] };
        assert_eq!(book_in(&price_out(PriceVersionId::generate(), &book)).unwrap(), book);
        let usage = Class::ALL
            .into_iter()
            .zip(1_u64..)
            .fold(Usage::default(), |usage, (class, units)| usage.with(class, units));
        assert_eq!(usage_in(&usage_out(&usage)), usage);
    }
}
