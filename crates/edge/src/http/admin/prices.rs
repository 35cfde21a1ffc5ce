//! Prices as operators write them: strings of USD per unit.

use pricing::{Class, PriceBook, Rate};
use rpc::convert::price_out;
use rpc::pricing::PriceVersion;
use serde::Deserialize;

use super::super::reply::Refusal;
use super::bad;

/// USD per unit, such as `"0.0000025"`; a class that is not given falls back or is free.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rates {
    #[serde(alias = "prompt")]
    input: Option<String>,
    cache_read: Option<String>,
    cache_write_5m: Option<String>,
    cache_write_1h: Option<String>,
    #[serde(alias = "completion")]
    output: Option<String>,
    reasoning: Option<String>,
    audio_input: Option<String>,
    audio_output: Option<String>,
    image: Option<String>,
    request: Option<String>,
    image_input: Option<String>,
    image_output: Option<String>,
    picture: Option<String>,
    character: Option<String>,
    second: Option<String>,
    search_unit: Option<String>,
}

/// Rates above a number of prompt tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tier {
    above_prompt_tokens: u64,
    rates: Rates,
}

/// A whole price list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    base: Rates,
    #[serde(default)]
    tiers: Vec<Tier>,
}

impl Price {
    /// The price list for the router, which gives it its id.
    ///
    /// # Errors
    /// A [`Refusal`] naming the rate that is no price.
    pub(super) fn version(&self) -> Result<PriceVersion, Refusal> {
        let tiers = self
            .tiers
            .iter()
            .map(|tier| {
                Ok(pricing::Tier { above_prompt_tokens: tier.above_prompt_tokens, rates: tier.rates.read()? })
            })
            .collect::<Result<_, Refusal>>()?;
        let book = PriceBook { base: self.base.read()?, tiers };
        let mut version = price_out(identity::PriceVersionId::generate(), &book);
        version.id.clear();
        Ok(version)
    }
}

impl Rates {
    fn read(&self) -> Result<pricing::Rates, Refusal> {
        let written = [
            (Class::Input, "input", &self.input),
            (Class::CacheRead, "cache_read", &self.cache_read),
            (Class::CacheWrite5m, "cache_write_5m", &self.cache_write_5m),
            (Class::CacheWrite1h, "cache_write_1h", &self.cache_write_1h),
            (Class::Output, "output", &self.output),
            (Class::Reasoning, "reasoning", &self.reasoning),
            (Class::AudioInput, "audio_input", &self.audio_input),
            (Class::AudioOutput, "audio_output", &self.audio_output),
            (Class::Image, "image", &self.image),
            (Class::Request, "request", &self.request),
            (Class::ImageInput, "image_input", &self.image_input),
            (Class::ImageOutput, "image_output", &self.image_output),
            (Class::Picture, "picture", &self.picture),
            (Class::Character, "character", &self.character),
            (Class::Second, "second", &self.second),
            (Class::SearchUnit, "search_unit", &self.search_unit),
        ];
        let mut rates = pricing::Rates::default();
        for (class, name, text) in written {
            if let Some(text) = text {
                let rate: Rate = text.parse().map_err(|_| {
                    bad(format!(
                        "price.{name}: `{text}` is no price: write USD per unit, such as \"0.0000025\""
                    ))
                })?;
                rates = rates.with(class, rate);
            }
        }
        Ok(rates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_strings_of_usd_per_unit() {
        let json = r#"{"base":{"prompt":"0.0000025","output":"0.00001"},
                       "tiers":[{"above_prompt_tokens":200000,"rates":{"input":"0.000005"}}]}"#;
        let price: Price = serde_json::from_str(json).unwrap();
        let version = price.version().unwrap();
        let base = version.base.unwrap();
        assert_eq!((base.input, base.output), (Some(2_500_000), Some(10_000_000)));
        assert_eq!(version.tiers[0].rates.unwrap().input, Some(5_000_000));
        let pieces = r#"{"base":{"image_input":"0.00001","image_output":"0.00004","picture":"0.05",
                         "character":"0.000015","second":"0.0001","search_unit":"0.002"}}"#;
        let base = serde_json::from_str::<Price>(pieces).unwrap().version().unwrap().base.unwrap();
        assert_eq!((base.image_input, base.image_output), (Some(10_000_000), Some(40_000_000)));
        assert_eq!((base.picture, base.character), (Some(50_000_000_000), Some(15_000_000)));
        assert_eq!((base.second, base.search_unit), (Some(100_000_000), Some(2_000_000_000)));
        let negative: Price = serde_json::from_str(r#"{"base":{"input":"-1"}}"#).unwrap();
        assert!(negative.version().is_err());
        assert!(serde_json::from_str::<Price>(r#"{"base":{"in":"1"}}"#).is_err());
    }
}
