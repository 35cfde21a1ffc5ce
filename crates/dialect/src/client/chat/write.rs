//! The pieces that streamed and whole answers share, as they go on the wire.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

use crate::client::{Bill, PublicError};
use pricing::{Class, OutOfRange};

/// The body of an answer that is nothing but an error.
#[must_use]
pub fn error(error: &PublicError) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        error: ErrorBody<'a>,
    }
    let mut out = Vec::with_capacity(256);
    append(&mut out, &Body { error: ErrorBody::of(error) });
    out
}

/// Appends `value` as JSON. Nothing is left of a value that cannot be written, which ours all can.
pub(crate) fn append(out: &mut Vec<u8>, value: &impl Serialize) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(start);
    }
}

#[derive(Serialize)]
pub(crate) struct ErrorBody<'a> {
    code: u16,
    message: &'a str,
    metadata: ErrorMetadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability: Option<&'a Value>,
}

struct ErrorMetadata<'a> {
    error_type: &'static str,
    members: &'a Map<String, Value>,
}

impl Serialize for ErrorMetadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("error_type", self.error_type)?;
        for (name, value) in self.members.iter().filter(|(name, _)| *name != "error_type") {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'a> ErrorBody<'a> {
    pub(crate) fn of(error: &'a PublicError) -> Self {
        Self {
            code: error.error_type.status(),
            message: &error.message,
            metadata: ErrorMetadata { error_type: error.error_type.as_str(), members: &error.metadata },
            availability: error.availability.as_ref(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct UsageBody {
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
pub(crate) struct CostDetails {
    upstream_inference_cost: Number,
    upstream_inference_prompt_cost: Number,
    upstream_inference_completions_cost: Number,
}

impl UsageBody {
    pub(crate) fn of(bill: &Bill) -> Self {
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
    pub(crate) fn of(bill: &Bill) -> Self {
        Self {
            upstream_inference_cost: bill.upstream.to_json_number(),
            upstream_inference_prompt_cost: bill.upstream_prompt.to_json_number(),
            upstream_inference_completions_cost: bill.upstream_completion.to_json_number(),
        }
    }
}

/// An image as `images` carries it.
#[derive(Serialize)]
pub(super) struct ImageBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    image_url: ImageUrl<'a>,
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
}

impl<'a> ImageBody<'a> {
    pub(super) fn of(url: &'a str) -> Self {
        Self { kind: "image_url", image_url: ImageUrl { url } }
    }
}

/// The id of a tool call that its provider gave none: always the same for the same call of an answer.
pub(crate) fn tool_call_id(answer: &str, choice: u32, index: u32) -> String {
    let mut tail: Vec<char> = answer.chars().rev().filter(char::is_ascii_alphanumeric).take(20).collect();
    tail.resize(20, '0');
    let tail: String = tail.into_iter().rev().collect();
    format!("call_{tail}{choice:02x}{index:02x}")
}

/// Adds what came later to members of a message or choice: lists append, what streams in pieces
/// concatenates, the rest is replaced.
pub(super) fn merge(into: &mut Map<String, Value>, later: Map<String, Value>) {
    for (name, value) in later {
        let Some(known) = into.get_mut(&name) else {
            into.insert(name, value);
            continue;
        };
        match (known, value) {
            (_, Value::Null) => {}
            (Value::Array(items), Value::Array(more)) => items.extend(more),
            (Value::Object(members), Value::Object(more)) => merge(members, more),
            (Value::String(text), Value::String(more)) if name == "data" || name == "transcript" => {
                text.push_str(&more);
            }
            (known, value) => *known = value,
        }
    }
}
