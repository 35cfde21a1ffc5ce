//! The provider's count of tokens. It is cumulative: each report replaces the one before.

use pricing::{Class, Usage};
use serde::Deserialize;

use crate::raw::or_default;

/// A `usageMetadata` object. The prompt includes what was read from a cache; thoughts and the prompts of
/// the provider's own tools are counted beside the rest.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    prompt_tokens_details: Vec<Modality>,
    #[serde(default, deserialize_with = "or_default")]
    cache_tokens_details: Vec<Modality>,
    #[serde(default, deserialize_with = "or_default")]
    candidates_tokens_details: Vec<Modality>,
    service_tier: Option<String>,
    /// How Vertex calls the tier: `ON_DEMAND`, `ON_DEMAND_FLEX`, `ON_DEMAND_PRIORITY`, `PROVISIONED_THROUGHPUT`.
    traffic_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Modality {
    #[serde(default, deserialize_with = "or_default")]
    modality: String,
    #[serde(default, deserialize_with = "or_default")]
    token_count: u64,
}

impl Counts {
    /// The count in disjoint classes; absent when the provider gave none.
    pub(super) fn usage(&self) -> Option<Usage> {
        let counts = [self.prompt_token_count, self.candidates_token_count, self.thoughts_token_count];
        if counts.iter().all(Option::is_none) {
            return None;
        }
        let prompt = self.prompt_token_count.unwrap_or(0);
        let cached = self.cached_content_token_count.unwrap_or(0).min(prompt);
        let uncached = prompt - cached;
        let heard = self.uncached("AUDIO").min(uncached);
        let seen = self.uncached("IMAGE").min(uncached - heard);
        let tools = self.tool_use_prompt_token_count.unwrap_or(0);
        let output = self.candidates_token_count.unwrap_or(0);
        let spoken = tokens(&self.candidates_tokens_details, "AUDIO").min(output);
        let drawn = tokens(&self.candidates_tokens_details, "IMAGE").min(output - spoken);
        let usage = Usage::default()
            .with(Class::Input, (uncached - heard - seen).saturating_add(tools))
            .with(Class::CacheRead, cached)
            .with(Class::AudioInput, heard)
            .with(Class::ImageInput, seen)
            .with(Class::Output, output - spoken - drawn)
            .with(Class::AudioOutput, spoken)
            .with(Class::ImageOutput, drawn)
            .with(Class::Reasoning, self.thoughts_token_count.unwrap_or(0));
        Some(usage)
    }

    /// Prompt tokens of a modality that no cache had.
    fn uncached(&self, modality: &str) -> u64 {
        let cached = tokens(&self.cache_tokens_details, modality);
        tokens(&self.prompt_tokens_details, modality).saturating_sub(cached)
    }

    /// The service tier by its public name.
    pub(super) fn service_tier(&self) -> Option<String> {
        if let Some(tier) = &self.service_tier {
            let tier = tier.to_ascii_lowercase();
            return Some(if tier == "standard" { "default".to_owned() } else { tier });
        }
        let tier = self.traffic_type.as_deref()?.strip_prefix("ON_DEMAND")?.strip_prefix('_');
        Some(tier.map_or_else(|| "default".to_owned(), str::to_ascii_lowercase))
    }
}

fn tokens(details: &[Modality], modality: &str) -> u64 {
    details
        .iter()
        .filter(|detail| detail.modality == modality)
        .fold(0, |sum, detail| sum.saturating_add(detail.token_count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(json: &str) -> Option<Vec<(Class, u64)>> {
        serde_json::from_str::<Counts>(json).unwrap().usage().map(|usage| usage.iter().collect())
    }

    #[test]
    fn tiers_are_named_by_the_api_and_by_vertex() {
        let tier = |json: &str| serde_json::from_str::<Counts>(json).unwrap().service_tier();
        for (json, expected) in [
            (r#"{"serviceTier":"standard"}"#, Some("default")),
            (r#"{"serviceTier":"FLEX","trafficType":"ON_DEMAND"}"#, Some("flex")),
            (r#"{"trafficType":"ON_DEMAND"}"#, Some("default")),
            (r#"{"trafficType":"ON_DEMAND_PRIORITY"}"#, Some("priority")),
            (r#"{"trafficType":"PROVISIONED_THROUGHPUT"}"#, None),
            ("{}", None),
        ] {
            assert_eq!(tier(json).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn classes_are_disjoint_and_sum_to_what_was_reported() {
        let counted = classes(
            r#"{"promptTokenCount":200,"cachedContentTokenCount":50,"candidatesTokenCount":30,
                "thoughtsTokenCount":12,"toolUsePromptTokenCount":7,"totalTokenCount":249,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":50},{"modality":"AUDIO","tokenCount":120},
                    {"modality":"IMAGE","tokenCount":30}],
                "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":20},{"modality":"IMAGE","tokenCount":10}],
                "candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":10},
                    {"modality":"IMAGE","tokenCount":15}]}"#,
        );
        let expected = vec![
            (Class::Input, 37),
            (Class::CacheRead, 50),
            (Class::Output, 5),
            (Class::Reasoning, 12),
            (Class::AudioInput, 100),
            (Class::AudioOutput, 10),
            (Class::ImageInput, 20),
            (Class::ImageOutput, 15),
        ];
        assert_eq!(counted, Some(expected));
    }

    #[test]
    fn no_count_is_not_a_count_of_zero() {
        assert_eq!(classes(r#"{"trafficType":"ON_DEMAND"}"#), None);
        assert_eq!(classes(r#"{"thoughtsTokenCount":4}"#), Some(vec![(Class::Reasoning, 4)]));
    }
}
