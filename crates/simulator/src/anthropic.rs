//! Anthropic's messages.

mod parse;
mod stream;
mod unary;

pub(crate) use parse::parse;
pub(crate) use stream::Encoder;
pub(crate) use unary::body;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answer::{Answer, Finish, Usage};
use crate::dialect::Stamp;
use crate::failure::Failure;
use crate::seed::{Dice, hash_text};

fn stop_reason<'a>(answer: &'a Answer, finish: &Finish) -> &'a str {
    if let Some(word) = &answer.finish {
        return word;
    }
    match finish {
        Finish::Stop => "end_turn",
        Finish::Sequence(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
        Finish::Refusal => "refusal",
    }
}

fn stop_sequence(finish: &Finish) -> Value {
    if let Finish::Sequence(sequence) = finish { json!(sequence) } else { Value::Null }
}

fn stop_details(finish: &Finish) -> Value {
    if *finish == Finish::Refusal {
        json!({"type": "refusal", "category": null, "explanation": "This request was refused by the simulator."})
    } else {
        Value::Null
    }
}

/// Usage with the cached parts beside `input_tokens`, which excludes them.
fn usage(usage: &Usage, output: u64) -> Value {
    let written = usage.cache_write_5m + usage.cache_write_1h;
    json!({
        "input_tokens": usage.prompt - usage.cache_read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h},
        "output_tokens": output,
        "service_tier": "standard",
        "inference_geo": "not_available",
    })
}

/// The signature of thoughts: whoever sends them back must send them unchanged.
fn sign(thoughts: &str) -> String {
    let mut dice = Dice::new(hash_text(thoughts));
    let bytes: Vec<u8> = (0..12).flat_map(|_| dice.roll().to_le_bytes()).collect();
    format!("Sim{}", STANDARD.encode(bytes))
}

fn error_type(failure: &Failure) -> &str {
    failure.code.as_deref().unwrap_or(match failure.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        status if status >= 500 => "api_error",
        _ => "invalid_request_error",
    })
}

pub(crate) fn error_body(failure: &Failure, stamp: &Stamp) -> Value {
    json!({
        "type": "error",
        "error": {"type": error_type(failure), "message": failure.message},
        "request_id": stamp.request_id,
    })
}

/// The error event of a stream, which names no request.
pub(crate) fn error_event(failure: &Failure) -> Value {
    json!({"type": "error", "error": {"details": null, "type": error_type(failure), "message": failure.message}})
}
