//! What the provider's errors mean.

use http::HeaderMap;
use serde::Deserialize;

use crate::classify::mentions;
use crate::error::{ErrorType, ProviderError, Retry};

/// `{"id", "message", "error_type"?}`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    message: Option<String>,
    error_type: Option<String>,
}

/// Classes an answer with a bad status.
pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
    let body = serde_json::from_slice(body).unwrap_or_else(|_| plain(body));
    let message = body.message.unwrap_or_default();
    refined(ProviderError::of_status(status, headers, &message, body.error_type), status, &message)
}

/// An error where an answer was due.
pub(super) fn inside(body: &[u8]) -> ProviderError {
    match serde_json::from_slice::<Body>(body) {
        Ok(Body { message: Some(message), error_type }) => said(&message, error_type),
        _ => ProviderError::broken("the provider sent an answer that cannot be read"),
    }
}

/// An error that an answer ends with.
pub(super) fn said(message: &str, code: Option<String>) -> ProviderError {
    refined(ProviderError::inside(0, message, code), 0, message)
}

fn plain(body: &[u8]) -> Body {
    let text = String::from_utf8_lossy(body).trim().to_owned();
    Body { message: (!text.starts_with('<')).then_some(text), error_type: None }
}

fn refined(error: ProviderError, status: u16, message: &str) -> ProviderError {
    let says = |words: &[&str]| mentions(message, words);
    let code = error.provider_code.clone().unwrap_or_default();
    match status {
        // A token that is no longer valid.
        498 => return error.because_of_account(),
        499 => return ProviderError { retry: Retry::Anywhere, ..ProviderError::broken(message) },
        429 if says(&["/ month", "per month", "monthly"]) => {
            return ProviderError { is_fault: false, ..error.because_of_account() };
        }
        _ => {}
    }
    if code == "TOO_MANY_TOKENS" || says(&["too many tokens"]) {
        return error.because_of_request(ErrorType::ContextLengthExceeded);
    }
    if !matches!(status, 0 | 400 | 404 | 422) {
        return error;
    }
    if says(&["blocked output", "blocked input", "toxic"]) {
        return error.because_of_request(ErrorType::ContentPolicyViolation);
    }
    if says(&["could not download", "failed to download", "unable to fetch", "error fetching"]) {
        return error.because_of_request(ErrorType::ImageDownloadFailed);
    }
    if says(&["not supported", "does not support", "unsupported"]) {
        return ProviderError { retry: Retry::Elsewhere, is_fault: false, ..error };
    }
    error
}
