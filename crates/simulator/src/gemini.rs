//! Gemini's `generateContent`.

mod encode;
mod keys;
mod parse;

pub(crate) use encode::{Encoder, body};
pub(crate) use parse::parse;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::seed::{Dice, hash_text};

/// The signature of a call: it must come back on the same part.
fn sign_call(name: &str) -> String {
    let mut dice = Dice::new(hash_text(name));
    let bytes: Vec<u8> = (0..9).flat_map(|_| dice.roll().to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

fn status_word(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        status if status >= 500 => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

pub(crate) fn error_body(failure: &Failure) -> Value {
    let mut details = Vec::new();
    let mut word = status_word(failure.status);
    if failure.code.as_deref() == Some("API_KEY_INVALID") {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }));
    } else if let Some(code) = &failure.code {
        word = code;
    }
    if failure.status == 429 {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}],
        }));
    }
    // There is no Retry-After here: the body says it.
    if let Some(seconds) = failure.retry_after {
        details.push(
            json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}),
        );
    }
    let mut error = json!({"code": failure.status, "message": failure.message, "status": word});
    if !details.is_empty() {
        error["details"] = json!(details);
    }
    json!({"error": error})
}
