//! Usage as OpenAI-like providers report it, taken apart into disjoint classes.

use pricing::{Class, Usage};
use serde::Deserialize;

pub(super) use crate::tokens::Count;

/// A `usage` member, with every name under which providers report the same counts.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(super) struct Counts {
    pub(super) prompt_tokens: Count,
    pub(super) completion_tokens: Count,
    pub(super) total_tokens: Count,
    pub(super) prompt_tokens_details: Option<PromptDetails>,
    pub(super) completion_tokens_details: Option<CompletionDetails>,
    pub(super) cached_tokens: Count,
    pub(super) num_cached_tokens: Count,
    pub(super) prompt_cache_hit_tokens: Count,
    pub(super) cache_read_input_tokens: Count,
    pub(super) cache_creation_input_tokens: Count,
    pub(super) cache_creation: Option<CacheCreation>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Count,
    pub(super) cache_write_tokens: Count,
    pub(super) audio_tokens: Count,
    pub(super) image_tokens: Count,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(super) struct CompletionDetails {
    pub(super) reasoning_tokens: Count,
    pub(super) audio_tokens: Count,
    pub(super) image_tokens: Count,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(super) struct CacheCreation {
    pub(super) ephemeral_1h_input_tokens: Count,
}

impl Counts {
    /// Disjoint classes that sum to what the provider reported; `None` when it reported nothing. With
    /// `excludes_reasoning` the completion count stands beside the reasoning and does not contain it.
    pub(super) fn classes(&self, excludes_reasoning: bool) -> Option<Usage> {
        let (prompt, completion, total) =
            (self.prompt_tokens.0, self.completion_tokens.0, self.total_tokens.0);
        if prompt == 0 && completion == 0 && total == 0 {
            return None;
        }
        let mut usage = Usage::default();
        self.divide_prompt(prompt, &mut usage);
        self.divide_completion(excludes_reasoning, &mut usage);
        Some(usage)
    }

    /// Every part is at most what the prompt has left, so that wrong details never add tokens.
    fn divide_prompt(&self, prompt: u64, usage: &mut Usage) {
        let details = self.prompt_tokens_details.as_ref();
        let read = [
            details.map_or(0, |details| details.cached_tokens.0),
            self.cached_tokens.0,
            self.num_cached_tokens.0,
            self.prompt_cache_hit_tokens.0,
            self.cache_read_input_tokens.0,
        ];
        let written =
            details.map_or(0, |details| details.cache_write_tokens.0).max(self.cache_creation_input_tokens.0);
        let for_an_hour = self.cache_creation.as_ref().map_or(0, |kinds| kinds.ephemeral_1h_input_tokens.0);
        let mut left = prompt;
        let mut part = |class, count: u64| {
            let count = count.min(left);
            left -= count;
            usage.set(class, count);
        };
        part(Class::CacheRead, read.into_iter().max().unwrap_or_default());
        part(Class::CacheWrite1h, for_an_hour.min(written));
        part(Class::CacheWrite5m, written.saturating_sub(for_an_hour));
        part(Class::AudioInput, details.map_or(0, |details| details.audio_tokens.0));
        part(Class::ImageInput, details.map_or(0, |details| details.image_tokens.0));
        part(Class::Input, u64::MAX);
    }

    /// Tokens that only the total knows of are reasoning: some providers report it nowhere else. Predicted
    /// tokens, taken and rejected, are part of the completion and cost what it costs, so they are no class.
    fn divide_completion(&self, excludes_reasoning: bool, usage: &mut Usage) {
        let details = self.completion_tokens_details.as_ref();
        let reasoning = details.map_or(0, |details| details.reasoning_tokens.0);
        let completion = self.completion_tokens.0;
        let beyond = self.total_tokens.0.saturating_sub(self.prompt_tokens.0.saturating_add(completion));
        let beside = match beyond {
            0 if excludes_reasoning && self.total_tokens.0 == 0 => reasoning,
            beyond => beyond,
        };
        let inside = if beside == 0 { reasoning.min(completion) } else { 0 };
        let audio = details.map_or(0, |details| details.audio_tokens.0).min(completion - inside);
        let images = details.map_or(0, |details| details.image_tokens.0).min(completion - inside - audio);
        usage.set(Class::Reasoning, beside.saturating_add(inside));
        usage.set(Class::AudioOutput, audio);
        usage.set(Class::ImageOutput, images);
        usage.set(Class::Output, completion - inside - audio - images);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, excludes: bool) -> Usage {
        serde_json::from_str::<Counts>(text).unwrap().classes(excludes).unwrap()
    }

    fn totals(usage: &Usage) -> (u64, u64) {
        (usage.prompt_tokens().unwrap(), usage.completion_tokens().unwrap())
    }

    #[test]
    fn parts_are_taken_out_of_the_sums() {
        let usage = read(
            r#"{"prompt_tokens":1220,"completion_tokens":50,"total_tokens":1270,
                "prompt_tokens_details":{"cached_tokens":2,"cache_write_tokens":1217,"audio_tokens":1},
                "completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":null}}"#,
            false,
        );
        let expected = Usage::default()
            .with(Class::CacheRead, 2)
            .with(Class::CacheWrite5m, 1217)
            .with(Class::AudioInput, 1)
            .with(Class::Reasoning, 30)
            .with(Class::Output, 20);
        assert_eq!(usage, expected);
    }

    #[test]
    fn images_are_classes_of_their_own_and_predictions_are_not() {
        let usage = read(
            r#"{"prompt_tokens":288,"completion_tokens":50,"total_tokens":338,
                "prompt_tokens_details":{"text_tokens":32,"image_tokens":256,"cached_tokens":2},
                "completion_tokens_details":{"image_tokens":40,"accepted_prediction_tokens":3,
                    "rejected_prediction_tokens":4}}"#,
            false,
        );
        let expected = Usage::default()
            .with(Class::CacheRead, 2)
            .with(Class::ImageInput, 256)
            .with(Class::Input, 30)
            .with(Class::ImageOutput, 40)
            .with(Class::Output, 10);
        assert_eq!(usage, expected);
    }

    #[test]
    fn reasoning_beside_the_completion_is_seen_in_the_total_or_by_quirk() {
        let xai = r#"{"prompt_tokens":221,"completion_tokens":16,"total_tokens":363,
                      "completion_tokens_details":{"reasoning_tokens":126}}"#;
        for excludes in [false, true] {
            let usage = read(xai, excludes);
            assert_eq!((usage.get(Class::Output), usage.get(Class::Reasoning)), (16, 126));
        }
        let no_total = r#"{"prompt_tokens":1,"completion_tokens":16,"completion_tokens_details":{"reasoning_tokens":5}}"#;
        assert_eq!(totals(&read(no_total, true)), (1, 21));
        assert_eq!(totals(&read(no_total, false)), (1, 16));
        let hidden = r#"{"prompt_tokens":66,"completion_tokens":6,"total_tokens":100}"#;
        assert_eq!(read(hidden, false).get(Class::Reasoning), 28);
    }

    #[test]
    fn wrong_details_never_add_tokens() {
        let usage = read(
            r#"{"prompt_tokens":10,"completion_tokens":3.0,"cached_tokens":99,"cache_creation_input_tokens":5,
                "cache_creation":{"ephemeral_1h_input_tokens":2},
                "completion_tokens_details":{"reasoning_tokens":9,"audio_tokens":9}}"#,
            false,
        );
        assert_eq!(totals(&usage), (10, 3));
    }

    #[test]
    fn nothing_reported_is_no_usage() {
        let nothing = r#"{"prompt_tokens":0,"completion_tokens":null,"total_tokens":-1}"#;
        assert_eq!(serde_json::from_str::<Counts>(nothing).unwrap().classes(false), None);
    }
}
