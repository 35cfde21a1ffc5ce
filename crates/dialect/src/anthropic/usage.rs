//! The provider's count of tokens, merged from everything it says of one answer.

use pricing::{Class, Usage};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A `usage` object. Its prompt classes are disjoint already; its output includes the thinking.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Counts {
    input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<Lifetimes>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<Details>,
    service_tier: Option<String>,
    server_tool_use: Option<Value>,
    inference_geo: Option<Value>,
    speed: Option<Value>,
    iterations: Option<Value>,
}

/// What was written to the cache, by how long it stays.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Lifetimes {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Details {
    thinking_tokens: Option<u64>,
}

impl Counts {
    /// Takes a later report: its values replace, they never add.
    pub(super) fn merge(&mut self, later: Self) {
        fn replace<T>(known: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *known = later;
            }
        }
        replace(&mut self.input_tokens, later.input_tokens);
        replace(&mut self.cache_read_input_tokens, later.cache_read_input_tokens);
        replace(&mut self.cache_creation_input_tokens, later.cache_creation_input_tokens);
        replace(&mut self.cache_creation, later.cache_creation);
        replace(&mut self.output_tokens, later.output_tokens);
        replace(&mut self.output_tokens_details, later.output_tokens_details);
        replace(&mut self.service_tier, later.service_tier);
        replace(&mut self.server_tool_use, later.server_tool_use);
        replace(&mut self.inference_geo, later.inference_geo);
        replace(&mut self.speed, later.speed);
        replace(&mut self.iterations, later.iterations);
    }

    /// The members that count no tokens to pay for.
    pub(super) fn beside_tokens(&self) -> Map<String, Value> {
        let members = [
            ("server_tool_use", &self.server_tool_use),
            ("inference_geo", &self.inference_geo),
            ("speed", &self.speed),
            ("iterations", &self.iterations),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
    }

    /// What is known when an answer begins: the prompt. The completion has only a placeholder then.
    pub(super) fn prompt(&self) -> Option<Usage> {
        let usage = self.usage().filter(|_| self.input_tokens.is_some())?;
        Some(usage.with(Class::Output, 0).with(Class::Reasoning, 0))
    }

    /// The count in disjoint classes; absent when the provider gave none.
    pub(super) fn usage(&self) -> Option<Usage> {
        if self.input_tokens.is_none() && self.output_tokens.is_none() {
            return None;
        }
        let (short, long) = self.written();
        let output = self.output_tokens.unwrap_or(0);
        let thinking = self.output_tokens_details.and_then(|details| details.thinking_tokens).unwrap_or(0);
        let thinking = thinking.min(output);
        let usage = Usage::default()
            .with(Class::Input, self.input_tokens.unwrap_or(0))
            .with(Class::CacheRead, self.cache_read_input_tokens.unwrap_or(0))
            .with(Class::CacheWrite5m, short)
            .with(Class::CacheWrite1h, long)
            .with(Class::Output, output - thinking)
            .with(Class::Reasoning, thinking);
        Some(usage)
    }

    /// Tokens written for five minutes and for an hour. The total rules: what the split leaves out is
    /// written for five minutes.
    fn written(&self) -> (u64, u64) {
        let split = self.cache_creation.unwrap_or_default();
        let (short, long) =
            (split.ephemeral_5m_input_tokens.unwrap_or(0), split.ephemeral_1h_input_tokens.unwrap_or(0));
        match self.cache_creation_input_tokens {
            None => (short, long),
            Some(total) => {
                let long = long.min(total);
                (total - long, long)
            }
        }
    }

    /// The service tier by its public name.
    pub(super) fn service_tier(&self) -> Option<String> {
        let tier = self.service_tier.as_deref()?;
        Some(if tier == "standard" { "default" } else { tier }.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(json: &str) -> Counts {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn classes_are_disjoint_and_sum_to_what_was_reported() {
        let usage = counts(
            r#"{"input_tokens":5,"cache_read_input_tokens":70,"cache_creation_input_tokens":30,
                "cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},
                "output_tokens":50,"output_tokens_details":{"thinking_tokens":40}}"#,
        )
        .usage()
        .unwrap();
        let classes: Vec<_> = usage.iter().collect();
        assert_eq!(
            classes,
            [
                (Class::Input, 5),
                (Class::CacheRead, 70),
                (Class::CacheWrite5m, 10),
                (Class::CacheWrite1h, 20),
                (Class::Output, 10),
                (Class::Reasoning, 40)
            ]
        );
        assert_eq!(usage.prompt_tokens(), Ok(105));
        assert_eq!(usage.completion_tokens(), Ok(50));
    }

    #[test]
    fn later_reports_replace_earlier_ones() {
        let mut counted = counts(
            r#"{"input_tokens":43,"cache_creation_input_tokens":7,"output_tokens":1,"service_tier":"standard"}"#,
        );
        counted.merge(counts(r#"{"input_tokens":61,"output_tokens":2,"cache_read_input_tokens":null}"#));
        let usage = counted.usage().unwrap();
        assert_eq!(usage.get(Class::Input), 61);
        assert_eq!(usage.get(Class::CacheWrite5m), 7);
        assert_eq!(usage.get(Class::Output), 2);
        assert_eq!(counted.service_tier().as_deref(), Some("default"));
    }

    #[test]
    fn no_count_is_not_a_count_of_zero() {
        assert_eq!(counts("{}").usage(), None);
    }
}
