//! Errors that the recordings do not have.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::anthropic::Anthropic;
use crate::codec::Adapter as _;
use crate::error::{ErrorType, ProviderError, Retry};

fn classify(status: u16, kind: &str, message: &str) -> ProviderError {
    let body = json!({"type": "error", "error": {"type": kind, "message": message}}).to_string();
    Anthropic.classify(status, &HeaderMap::new(), body.as_bytes())
}

#[test]
fn words_tell_more_than_the_status() {
    let invalid = |message: &str| {
        let error = classify(400, "invalid_request_error", message);
        (error.error_type, error.retry, error.is_fault)
    };
    let of_request = |error_type| (error_type, Retry::Never, false);
    assert_eq!(
        invalid("Your credit balance is too low to access the Anthropic API."),
        (ErrorType::ProviderUnavailable, Retry::Elsewhere, true)
    );
    assert_eq!(
        invalid("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"),
        of_request(ErrorType::ContextLengthExceeded)
    );
    assert_eq!(
        invalid("max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for m"),
        of_request(ErrorType::MaxTokensExceeded)
    );
    assert_eq!(
        invalid("Output blocked by content filtering policy"),
        of_request(ErrorType::ContentPolicyViolation)
    );
    assert_eq!(invalid("messages.0: Could not process image"), of_request(ErrorType::InvalidImage));
    assert_eq!(
        invalid("Unable to download the file. Please verify the URL"),
        of_request(ErrorType::ImageDownloadFailed)
    );
    assert_eq!(
        invalid("This model does not support assistant message prefill."),
        (ErrorType::InvalidRequest, Retry::Elsewhere, false)
    );
    assert_eq!(invalid("messages: Field required"), of_request(ErrorType::InvalidRequest));
}

#[test]
fn statuses_and_waits_are_kept() {
    let headers: HeaderMap =
        [(HeaderName::from_static("retry-after"), HeaderValue::from_static("12"))].into_iter().collect();
    let body = br#"{"type":"error","error":{"type":"rate_limit_error","message":"too many"}}"#;
    let error = Anthropic.classify(429, &headers, body);
    assert_eq!((error.error_type, error.retry), (ErrorType::RateLimitExceeded, Retry::Anywhere));
    assert_eq!(error.retry_after, Some(Duration::from_secs(12)));
    assert_eq!(classify(413, "request_too_large", "too large").error_type, ErrorType::PayloadTooLarge);
    assert_eq!(classify(504, "timeout_error", "late").error_type, ErrorType::Timeout);
    assert_eq!(classify(402, "billing_error", "pay").error_type, ErrorType::ProviderUnavailable);
}

#[test]
fn bodies_of_other_makers_are_read() {
    let read = |body: &str| Anthropic.classify(401, &HeaderMap::new(), body.as_bytes());
    let azure = read(r#"{"error":{"code":"401","message":"Access denied"}}"#);
    assert_eq!((azure.provider_code.as_deref(), azure.message.as_str()), (Some("401"), "Access denied"));
    assert_eq!(read(r#"{"message":"no"}"#).message, "no");
    assert_eq!(read("<html>").message, "the provider answered with status 401");
    assert_eq!(read("go away").message, "go away");
}
