//! What each provider's count means, worked out from the recorded numbers alone.

use std::collections::BTreeMap;

use pricing::{Class, Usage};
use serde_json::Value;

use crate::fixtures::Case;
use crate::problems::Problems;

/// Tokens of a recorded count by class. Images stand with the text beside them: not every provider says how many
/// of its tokens they are, and where one does, they may be priced apart.
type Expected = BTreeMap<&'static str, u64>;

/// Compares what an adapter made of the count with what it means.
pub(crate) fn check(case: &Case, usage: Option<&Usage>, problems: &mut Problems) {
    let recorded = &recorded(case);
    if !recorded.is_object() {
        problems.check(usage.is_none_or(|usage| usage.iter().all(|(_, units)| units == 0)), || {
            format!("usage {usage:?} that nobody reported")
        });
        return;
    }
    let expected = expected(case, recorded);
    let found = usage.map(found).unwrap_or_default();
    problems.check(found == expected, || format!("usage {found:?}, expected {expected:?} of {recorded}"));
}

/// The recorded count; of vectors it stands in places of its own.
fn recorded(case: &Case) -> Value {
    let body = || serde_json::from_slice::<Value>(&case.response).unwrap_or_default();
    match case.api.as_str() {
        "gemini.embedContent" | "gemini.batchEmbedContents" => body()["usageMetadata"].take(),
        "cohere.v2.rerank" => body()["meta"].take(),
        _ if case.name.ends_with("plain-nomodel-967cb") => body()["meta"].take(),
        "vertex.predict" => {
            let body = body();
            let predictions = body["predictions"].as_array().into_iter().flatten();
            let counts =
                predictions.filter_map(|each| each["embeddings"]["statistics"]["token_count"].as_u64());
            serde_json::json!({"prompt_tokens": counts.sum::<u64>()})
        }
        _ => case.native["usage"].clone(),
    }
}

fn found(usage: &Usage) -> Expected {
    let mut found = Expected::new();
    for (class, units) in usage.iter().filter(|(_, units)| *units > 0) {
        let name = match class {
            Class::Input | Class::ImageInput => "input",
            Class::CacheRead => "cache read",
            Class::CacheWrite5m => "cache write, 5 minutes",
            Class::CacheWrite1h => "cache write, 1 hour",
            Class::Output | Class::ImageOutput => "output",
            Class::Reasoning => "reasoning",
            Class::AudioInput => "audio input",
            Class::AudioOutput => "audio output",
            Class::SearchUnit => "search units",
            _ => "something else",
        };
        *found.entry(name).or_default() += units;
    }
    found
}

fn expected(case: &Case, recorded: &Value) -> Expected {
    let count = |path: &str| recorded.pointer(path).and_then(Value::as_f64).map_or(0, whole);
    let classes = match case.api.as_str() {
        "openai.responses" => responses(&count),
        "anthropic.messages" | "vertex.anthropic.rawPredict" | "bedrock.invoke" => anthropic(&count),
        "bedrock.converse" => vec![
            ("input", count("/inputTokens")),
            ("cache read", count("/cacheReadInputTokens")),
            ("cache write, 5 minutes", count("/cacheWriteInputTokens")),
            ("output", count("/outputTokens")),
        ],
        "gemini.generateContent" | "gemini.embedContent" | "gemini.batchEmbedContents" => {
            gemini(recorded, &count)
        }
        "cohere.v2.chat" | "cohere.v2.embed" | "cohere.v2.rerank" => cohere(&count),
        "ollama.chat" => vec![("input", count("/prompt_eval_count")), ("output", count("/eval_count"))],
        _ => openai(&case.provider, &count),
    };
    let mut expected = Expected::new();
    for (class, units) in classes.into_iter().filter(|(_, units)| *units > 0) {
        *expected.entry(class).or_default() += units;
    }
    expected
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of tokens are small")]
fn whole(count: f64) -> u64 {
    count as u64
}

type Classes = Vec<(&'static str, u64)>;

/// Chat Completions and its imitations: cached tokens are a part of the prompt, and reasoning of the completion
/// but at xAI, where it stands beside. Tokens that only the total knows of are reasoning (Gemini's imitation).
fn openai(provider: &str, count: &dyn Fn(&str) -> u64) -> Classes {
    let prompt = count("/prompt_tokens");
    let read = ["/prompt_tokens_details/cached_tokens", "/cached_tokens", "/num_cached_tokens"];
    let read = read.iter().chain(&["/prompt_cache_hit_tokens", "/cache_read_input_tokens"]);
    let read = read.map(|path| count(path)).max().unwrap_or_default();
    let hour = count("/cache_creation/ephemeral_1h_input_tokens");
    let written =
        count("/prompt_tokens_details/cache_write_tokens").max(count("/cache_creation_input_tokens"));
    let heard = count("/prompt_tokens_details/audio_tokens");
    let completion = count("/completion_tokens");
    let spoken = count("/completion_tokens_details/audio_tokens");
    let hidden = count("/total_tokens").saturating_sub(prompt + completion);
    let thought = count("/completion_tokens_details/reasoning_tokens").max(hidden);
    let is_beside = provider == "xai" || hidden > 0;
    let mut classes = split(
        prompt,
        "input",
        [
            ("cache read", read),
            ("cache write, 1 hour", hour),
            ("cache write, 5 minutes", written - hour),
            ("audio input", heard),
        ],
    );
    let inside = if is_beside { 0 } else { thought };
    classes.extend(split(completion, "output", [("reasoning", inside), ("audio output", spoken)]));
    classes.push(("reasoning", if is_beside { thought } else { 0 }));
    classes
}

/// A sum by its parts, each at most what the ones before it left: two recordings report more parts than sum.
fn split<const N: usize>(sum: u64, rest: &'static str, parts: [(&'static str, u64); N]) -> Classes {
    let mut left = sum;
    let classes = parts.map(|(name, units)| {
        let units = units.min(left);
        left -= units;
        (name, units)
    });
    classes.into_iter().chain([(rest, left)]).collect()
}

/// Responses: everything is a part of the prompt or of the output.
fn responses(count: &dyn Fn(&str) -> u64) -> Classes {
    let read = count("/input_tokens_details/cached_tokens");
    let written = count("/input_tokens_details/cache_write_tokens");
    let thought = count("/output_tokens_details/reasoning_tokens");
    vec![
        ("input", count("/input_tokens") - read - written),
        ("cache read", read),
        ("cache write, 5 minutes", written),
        ("output", count("/output_tokens") - thought),
        ("reasoning", thought),
    ]
}

/// Messages: the prompt's classes are disjoint, thinking is a part of the output.
fn anthropic(count: &dyn Fn(&str) -> u64) -> Classes {
    let hour = count("/cache_creation/ephemeral_1h_input_tokens");
    let thought = count("/output_tokens_details/thinking_tokens");
    vec![
        ("input", count("/input_tokens")),
        ("cache read", count("/cache_read_input_tokens")),
        ("cache write, 5 minutes", count("/cache_creation_input_tokens") - hour),
        ("cache write, 1 hour", hour),
        ("output", count("/output_tokens") - thought),
        ("reasoning", thought),
    ]
}

/// Gemini: cached tokens are a part of the prompt; thoughts and the prompts of tools stand beside.
fn gemini(recorded: &Value, count: &dyn Fn(&str) -> u64) -> Classes {
    let audio = |list: &str| {
        let parts = recorded[list].as_array().into_iter().flatten();
        let heard = parts.filter(|part| part["modality"] == "AUDIO");
        heard.filter_map(|part| part["tokenCount"].as_u64()).sum::<u64>()
    };
    let cached = count("/cachedContentTokenCount");
    let heard = audio("promptTokensDetails") - audio("cacheTokensDetails");
    let spoken = audio("candidatesTokensDetails");
    vec![
        ("input", count("/promptTokenCount") - cached - heard + count("/toolUsePromptTokenCount")),
        ("cache read", cached),
        ("audio input", heard),
        ("output", count("/candidatesTokenCount") - spoken),
        ("audio output", spoken),
        ("reasoning", count("/thoughtsTokenCount")),
    ]
}

/// Cohere: what is billed is less than what the models read and write; the reasoning is told of the latter.
fn cohere(count: &dyn Fn(&str) -> u64) -> Classes {
    let output = count("/billed_units/output_tokens");
    let thought = count("/tokens/reasoning_tokens").min(output);
    vec![
        ("input", count("/billed_units/input_tokens") + count("/billed_units/image_tokens")),
        ("output", output - thought),
        ("reasoning", thought),
        ("search units", count("/billed_units/search_units")),
    ]
}
