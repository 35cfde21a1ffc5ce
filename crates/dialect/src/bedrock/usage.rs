//! The provider's count of tokens.

use pricing::{Class, Usage};
use serde::Deserialize;

use crate::raw::or_default;

/// A `usage` object. Its prompt classes are disjoint already; its output includes the reasoning, and nothing
/// says how much that is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    cache_details: Vec<CacheDetail>,
}

/// What was written to the cache for one lifetime.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CacheDetail {
    ttl: Option<String>,
    input_tokens: Option<u64>,
}

impl Counts {
    /// The count in disjoint classes; absent when the provider gave none.
    pub(super) fn usage(&self) -> Option<Usage> {
        if self.input_tokens.is_none() && self.output_tokens.is_none() {
            return None;
        }
        let hours = self.cache_details.iter().filter(|detail| detail.ttl.as_deref() == Some("1h"));
        let written = self.cache_write_input_tokens.unwrap_or(0);
        let long = hours.fold(0_u64, |sum, detail| sum.saturating_add(detail.input_tokens.unwrap_or(0)));
        let long = long.min(written);
        let usage = Usage::default()
            .with(Class::Input, self.input_tokens.unwrap_or(0))
            .with(Class::CacheRead, self.cache_read_input_tokens.unwrap_or(0))
            .with(Class::CacheWrite5m, written - long)
            .with(Class::CacheWrite1h, long)
            .with(Class::Output, self.output_tokens.unwrap_or(0));
        Some(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(json: &str) -> Option<Vec<(Class, u64)>> {
        serde_json::from_str::<Counts>(json).unwrap().usage().map(|usage| usage.iter().collect())
    }

    #[test]
    fn classes_are_disjoint_and_sum_to_what_was_reported() {
        let counted = classes(
            r#"{"inputTokens":5,"outputTokens":50,"totalTokens":155,"cacheReadInputTokens":70,
                "cacheWriteInputTokens":30,"cacheDetails":[{"ttl":"1h","inputTokens":20},
                {"ttl":"5m","inputTokens":10}]}"#,
        );
        let expected = vec![
            (Class::Input, 5),
            (Class::CacheRead, 70),
            (Class::CacheWrite5m, 10),
            (Class::CacheWrite1h, 20),
            (Class::Output, 50),
        ];
        assert_eq!(counted, Some(expected));
    }

    #[test]
    fn no_count_is_not_a_count_of_zero() {
        assert_eq!(classes("{}"), None);
        assert_eq!(classes(r#"{"inputTokens":0,"outputTokens":0}"#), Some(Vec::new()));
    }
}
