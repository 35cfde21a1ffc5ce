//! OpenAI's chat completions, and the many servers that share their shape.

mod parse;
mod stream;
mod unary;

pub(crate) use parse::{parse, stop, tokens_of_effort};
pub(crate) use stream::Encoder;
pub(crate) use unary::body;

use serde_json::{Value, json};

use crate::answer::{Answer, Finish, Usage};
use crate::dialect::Stamp;
use crate::failure::Failure;

fn finish_word<'a>(answer: &'a Answer, finish: &Finish) -> &'a str {
    if let Some(word) = &answer.finish {
        return word;
    }
    match finish {
        Finish::Stop | Finish::Sequence(_) | Finish::Refusal => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
    }
}

fn usage(usage: &Usage, stamp: &Stamp) -> Value {
    let completion =
        if stamp.quirks.excludes_reasoning { usage.completion - usage.reasoning } else { usage.completion };
    let mut object = json!({
        "prompt_tokens": usage.prompt,
        "completion_tokens": completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    });
    if stamp.quirks.hit_and_miss {
        object["prompt_cache_hit_tokens"] = json!(usage.cache_read);
        object["prompt_cache_miss_tokens"] = json!(usage.prompt - usage.cache_read);
    }
    object
}

/// The error object that goes with a status.
pub(crate) fn error_body(failure: &Failure) -> Value {
    let (kind, code) = match failure.status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        402 => ("insufficient_quota", Some("insufficient_quota")),
        403 => ("invalid_request_error", None),
        404 => ("invalid_request_error", Some("not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        status if status >= 500 => ("server_error", None),
        _ => ("invalid_request_error", None),
    };
    let code = failure.code.as_deref().or(code);
    let kind = if code == Some("insufficient_quota") { "insufficient_quota" } else { kind };
    json!({"error": {"message": failure.message, "type": kind, "param": failure.param, "code": code}})
}
