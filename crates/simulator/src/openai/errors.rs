//! Error bodies: OpenAI's, and those of others who share its shape for everything else.

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::quirks::Vendor;
use crate::stamp::Stamp;

/// The error object that goes with a status, as OpenAI says it.
pub(super) fn usual(failure: &Failure) -> Value {
    let (kind, code) = words(failure);
    json!({"error": {"message": failure.message, "type": kind, "param": failure.param, "code": code}})
}

/// The type and the code.
fn words(failure: &Failure) -> (&str, Option<&str>) {
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
    (if code == Some("insufficient_quota") { "insufficient_quota" } else { kind }, code)
}

/// The error as the provider says it.
pub(super) fn error_body(failure: &Failure, stamp: &Stamp) -> Value {
    let message = &failure.message;
    let (kind, code) = words(failure);
    match stamp.quirks.vendor {
        Vendor::Azure => azure(failure),
        // The error is a text.
        Vendor::Xai => {
            let word = failure.code.as_deref().unwrap_or("Client specified an invalid argument");
            json!({"code": word, "error": message})
        }
        Vendor::DeepSeek => {
            let kind = match failure.status {
                401 => "authentication_error",
                402 => "unknown_error",
                _ => kind,
            };
            json!({"error": {"message": message, "type": kind, "param": null, "code": "invalid_request_error"}})
        }
        Vendor::Fireworks if failure.status == 429 => {
            json!({"error": "Too Many Requests", "message": message})
        }
        Vendor::Fireworks => json!({"error": {"object": "error", "type": kind, "message": message}}),
        Vendor::Together => json!({"id": stamp.response_id,
            "error": {"message": message, "type": together(failure), "param": failure.param, "code": failure.code}}),
        Vendor::OpenRouter => json!({"error": {"code": failure.status, "message": "Provider returned error",
            "metadata": {"provider_name": "Simulator", "raw": message}}, "user_id": "user_simulated"}),
        // The older servers have no object around it.
        Vendor::Vllm => json!({"object": "error", "message": message, "type": vllm(failure.status),
            "param": failure.param, "code": failure.status}),
        Vendor::Perplexity => json!({"error": {"message": message, "type": kind, "code": failure.status}}),
        Vendor::Groq => json!({"error": {"message": message, "type": kind, "code": code}}),
        Vendor::Plain | Vendor::Cerebras => usual(failure),
    }
}

fn azure(failure: &Failure) -> Value {
    let message = &failure.message;
    match (failure.status, failure.code.as_deref()) {
        (400, Some("content_filter")) => {
            let safe = json!({"filtered": false, "severity": "safe"});
            json!({"error": {"message": message, "type": null, "param": "prompt", "code": "content_filter",
                "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result":
                {"hate": safe, "self_harm": safe, "sexual": safe,
                    "violence": {"filtered": true, "severity": "high"}}}}})
        }
        (401, _) => json!({"error": {"code": "401", "message": message}}),
        (404, _) => json!({"error": {"type": "invalid_request_error", "code": "DeploymentNotFound",
            "message": message}}),
        (429, None | Some("rate_limit_exceeded")) => {
            json!({"error": {"code": "RateLimitReached", "message": message, "details": message}})
        }
        _ => usual(failure),
    }
}

fn together(failure: &Failure) -> &str {
    match failure.status {
        402 | 429 if failure.code.is_some() => "credit_limit",
        429 => "rate_limit",
        status if status >= 500 => "server_error",
        _ => "invalid_request_error",
    }
}

const fn vllm(status: u16) -> &'static str {
    match status {
        401 => "AuthenticationError",
        404 => "NotFoundError",
        status if status >= 500 => "InternalServerError",
        _ => "BadRequestError",
    }
}

/// Statuses that providers have for the same thing: a wrong key or an unknown model is a bad request for some.
pub(super) fn refined(failure: Failure, stamp: &Stamp) -> Failure {
    let plain = match (stamp.quirks.vendor, failure.status) {
        (Vendor::Xai, 401 | 404) | (Vendor::DeepSeek | Vendor::OpenRouter, 404) => 400,
        (_, status) => status,
    };
    Failure { status: plain, ..failure }
}
