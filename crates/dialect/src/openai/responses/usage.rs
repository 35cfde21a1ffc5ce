//! Usage by the names it has here.

use pricing::Usage;
use serde::Deserialize;

use super::super::usage::{CacheCreation, CompletionDetails, Counts, PromptDetails};
use crate::tokens::Count;

/// A `usage` member.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Reported {
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
    cache_write_tokens_details: Option<WriteDetails>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WriteDetails {
    ttl_12h_tokens: Count,
}

impl Reported {
    /// Disjoint classes that sum to what was reported; `None` when nothing was. What is cached for long counts
    /// as the longer of the two lifetimes that there are.
    pub(super) fn classes(self, excludes_reasoning: bool) -> Option<Usage> {
        let input = self.input_tokens_details.unwrap_or_default();
        let for_long = input.cache_write_tokens_details.unwrap_or_default().ttl_12h_tokens;
        let counts = Counts {
            prompt_tokens: self.input_tokens,
            completion_tokens: self.output_tokens,
            total_tokens: self.total_tokens,
            prompt_tokens_details: Some(PromptDetails {
                cached_tokens: input.cached_tokens,
                cache_write_tokens: input.cache_write_tokens,
                audio_tokens: input.audio_tokens,
                image_tokens: input.image_tokens,
            }),
            completion_tokens_details: self.output_tokens_details,
            cache_creation: Some(CacheCreation { ephemeral_1h_input_tokens: for_long }),
            ..Counts::default()
        };
        counts.classes(excludes_reasoning)
    }
}
