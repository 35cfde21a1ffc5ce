//! What the provider's errors mean.

use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use crate::classify::mentions;
use crate::error::{ErrorType, ProviderError, Retry};

#[derive(Debug, Default, Deserialize)]
struct Body {
    error: Option<Detail>,
    /// Of gateways in front of the provider.
    message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Detail {
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Where a reseller answers in the provider's place.
    code: Option<Value>,
    message: Option<String>,
}

/// Classes an answer with a bad status.
pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
    let (kind, message) = read(body);
    refined(ProviderError::of_status(status, headers, &message, kind), &message)
}

/// Classes an error that came with a good status, or a body that is nothing this dialect knows.
pub(super) fn inside(body: &[u8]) -> ProviderError {
    let (kind, message) = read(body);
    let Some(kind) = kind else {
        return ProviderError::broken("the provider's answer cannot be read");
    };
    let status = status_of(&kind);
    refined(ProviderError::inside(status, &message, Some(kind)), &message)
}

/// The provider's own code and its words; of a body that is no JSON, itself.
fn read(body: &[u8]) -> (Option<String>, String) {
    let Ok(read) = serde_json::from_slice::<Body>(body) else {
        let text = String::from_utf8_lossy(body).trim().to_owned();
        return (None, if text.starts_with('<') { String::new() } else { text });
    };
    let detail = read.error.unwrap_or_default();
    let code = detail.code.map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
    (detail.kind.or(code), detail.message.or(read.message).unwrap_or_default())
}

fn status_of(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 500,
    }
}

/// What the words tell beyond the status.
fn refined(error: ProviderError, message: &str) -> ProviderError {
    let said = |needles: &[&str]| mentions(message, needles);
    let kind = error.provider_code.as_deref().unwrap_or_default();
    if said(&["credit balance is too low", "reached your specified api usage limit"])
        || kind == "billing_error"
    {
        return error.because_of_account();
    }
    if said(&["extra usage is required", "long context beta is not"]) {
        return ProviderError { retry: Retry::Elsewhere, retry_after: None, is_fault: false, ..error };
    }
    match kind {
        "overloaded_error" => overloaded(error),
        "api_error" if said(&["overloaded"]) => overloaded(error),
        "invalid_request_error" => invalid(error, message),
        _ => error,
    }
}

fn overloaded(error: ProviderError) -> ProviderError {
    ProviderError { error_type: ErrorType::ProviderOverloaded, ..error }
}

fn invalid(error: ProviderError, message: &str) -> ProviderError {
    let said = |needles: &[&str]| mentions(message, needles);
    let of_request = [
        (
            ErrorType::ContextLengthExceeded,
            &["prompt is too long", "exceed context limit", "exceeds the maximum number of tokens"][..],
        ),
        (ErrorType::MaxTokensExceeded, &["which is the maximum allowed number of output tokens"]),
        (ErrorType::ContentPolicyViolation, &["content filtering policy", "content policy"]),
        (
            ErrorType::ImageDownloadFailed,
            &["unable to download", "failed to download", "could not fetch", "unable to fetch"],
        ),
        (ErrorType::UnsupportedImageFormat, &["image media type", "media_type: input should be"]),
        (ErrorType::InvalidImage, &["could not process image", "image exceeds", "image dimensions exceed"]),
    ];
    if let Some((error_type, _)) = of_request.iter().find(|(_, needles)| said(needles)) {
        return error.because_of_request(*error_type);
    }
    if said(&["not available in your region"]) {
        return error.because_of_region();
    }
    if said(&["not supported", "does not support"]) {
        return ProviderError { retry: Retry::Elsewhere, is_fault: false, ..error };
    }
    error
}
