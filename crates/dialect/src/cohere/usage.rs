//! What the provider bills, in disjoint classes.

use pricing::{Class, Usage};
use serde::Deserialize;

use crate::tokens::Count;

/// `usage` of a conversation: `{"billed_units": …, "tokens": …, "cached_tokens"}`
#[derive(Debug, Default, Deserialize)]
pub(super) struct Counts {
    billed_units: Option<Units>,
    tokens: Option<Units>,
}

/// `meta` of the other kinds of work: `{"billed_units": …}`
#[derive(Debug, Default, Deserialize)]
pub(super) struct Meta {
    billed_units: Option<Units>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
struct Units {
    input_tokens: Count,
    output_tokens: Count,
    reasoning_tokens: Count,
    image_tokens: Count,
    search_units: Count,
}

impl Counts {
    /// Absent when the provider counted nothing. Where nothing is billed by name, the tokens are.
    pub(super) fn usage(&self) -> Option<Usage> {
        let tokens = self.tokens.unwrap_or_default();
        let billed = self.billed_units.or(self.tokens)?;
        let images = tokens.image_tokens.0.min(billed.input_tokens.0);
        let reasoning = tokens.reasoning_tokens.0.min(billed.output_tokens.0);
        let usage = Usage::default()
            .with(Class::Input, billed.input_tokens.0 - images)
            .with(Class::ImageInput, images)
            .with(Class::Output, billed.output_tokens.0 - reasoning)
            .with(Class::Reasoning, reasoning);
        Some(usage)
    }
}

impl Meta {
    /// Texts and images that were embedded: here the two counts stand beside each other.
    pub(super) fn embedded(&self) -> Option<Usage> {
        let billed = self.billed_units?;
        let usage = Usage::default().with(Class::Input, billed.input_tokens.0);
        Some(usage.with(Class::ImageInput, billed.image_tokens.0))
    }

    pub(super) fn searched(&self) -> Option<Usage> {
        Some(Usage::default().with(Class::SearchUnit, self.billed_units?.search_units.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(json: &str) -> Option<Usage> {
        serde_json::from_str::<Counts>(json).unwrap().usage()
    }

    #[test]
    fn what_is_billed_is_what_is_shown() {
        let thought = usage(
            r#"{"billed_units":{"input_tokens":8,"output_tokens":50.0},"cached_tokens":1360,
                "tokens":{"input_tokens":1394,"output_tokens":55,"reasoning_tokens":38}}"#,
        );
        let expected =
            Usage::default().with(Class::Input, 8).with(Class::Output, 12).with(Class::Reasoning, 38);
        assert_eq!(thought, Some(expected));
        let seen = usage(
            r#"{"billed_units":{"input_tokens":267,"output_tokens":2},
                "tokens":{"input_tokens":34,"output_tokens":56,"reasoning_tokens":9,"image_tokens":259}}"#,
        );
        let expected =
            Usage::default().with(Class::Input, 8).with(Class::ImageInput, 259).with(Class::Reasoning, 2);
        assert_eq!(seen, Some(expected));
    }

    #[test]
    fn tokens_serve_where_nothing_is_billed_by_name() {
        let tokens = usage(r#"{"billed_units":null,"tokens":{"input_tokens":3,"output_tokens":4}}"#);
        assert_eq!(tokens, Some(Usage::default().with(Class::Input, 3).with(Class::Output, 4)));
        assert_eq!(usage("{}"), None);
    }
}
