//! What an answer took and cost, as the dialects of OpenAI and OpenRouter word it.

use pricing::{Class, OutOfRange};
use serde::Serialize;
use serde_json::Number;

use super::Bill;

#[derive(Serialize)]
pub(super) struct UsageBody {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
    cost: Number,
    is_byok: bool,
    cost_details: CostDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
    audio_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
}

#[derive(Serialize)]
pub(super) struct CostDetails {
    upstream_inference_cost: Number,
    upstream_inference_prompt_cost: Number,
    upstream_inference_completions_cost: Number,
}

impl UsageBody {
    pub(super) fn of(bill: &Bill) -> Self {
        let usage = &bill.usage;
        let sum = |tokens: Result<u64, OutOfRange>| tokens.unwrap_or(u64::MAX);
        let (prompt, completion) = (sum(usage.prompt_tokens()), sum(usage.completion_tokens()));
        Self {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt.saturating_add(completion),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.get(Class::CacheRead),
                cache_write_tokens: usage
                    .get(Class::CacheWrite5m)
                    .saturating_add(usage.get(Class::CacheWrite1h)),
                audio_tokens: usage.get(Class::AudioInput),
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.get(Class::Reasoning),
                audio_tokens: usage.get(Class::AudioOutput),
            },
            cost: bill.cost.to_json_number(),
            is_byok: bill.is_byok,
            cost_details: CostDetails::of(bill),
        }
    }
}

impl CostDetails {
    pub(super) fn of(bill: &Bill) -> Self {
        Self {
            upstream_inference_cost: bill.upstream.to_json_number(),
            upstream_inference_prompt_cost: bill.upstream_prompt.to_json_number(),
            upstream_inference_completions_cost: bill.upstream_completion.to_json_number(),
        }
    }
}
