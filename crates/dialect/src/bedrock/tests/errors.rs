//! Errors that the recordings do not have.

use http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::with_target;
use crate::bedrock::adapter;
use crate::canonical::Operation;
use crate::error::{ErrorType, ProviderError, Retry};

fn classify(status: u16, name: &'static str, message: &str) -> ProviderError {
    let mut headers = HeaderMap::new();
    headers.insert("x-amzn-errortype", HeaderValue::from_static(name));
    let body = json!({"message": message}).to_string();
    with_target("amazon.nova-lite-v1:0", &json!({}), |target| {
        adapter(Operation::Chat, target).unwrap().classify(status, &headers, body.as_bytes())
    })
}

#[test]
fn names_and_words_tell_more_than_the_status() {
    use ErrorType as E;
    use Retry::{Anywhere, Elsewhere, Never};
    let cases = [
        (403, "ExpiredTokenException", "expired", (E::ProviderUnavailable, Elsewhere, true)),
        (403, "AccessDeniedException:http://x", "no access", (E::ProviderUnavailable, Elsewhere, false)),
        (403, "InvalidSignatureException", "mismatch", (E::ProviderUnavailable, Elsewhere, true)),
        (429, "ThrottlingException", "Too many tokens per day", (E::RateLimitExceeded, Elsewhere, false)),
        (429, "ThrottlingException", "Too many requests", (E::RateLimitExceeded, Anywhere, false)),
        (429, "ModelNotReadyException", "warming up", (E::ProviderOverloaded, Anywhere, true)),
        (400, "ServiceQuotaExceededException", "quota", (E::RateLimitExceeded, Elsewhere, false)),
        (408, "ModelTimeoutException", "slow", (E::Timeout, Anywhere, true)),
        (424, "ModelErrorException", "broke", (E::ProviderUnavailable, Anywhere, true)),
        (503, "ServiceUnavailableException", "busy", (E::ProviderOverloaded, Anywhere, true)),
        (
            400,
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn\u{2019}t supported.",
            (E::NotFound, Elsewhere, true),
        ),
        (
            400,
            "ValidationException",
            "The provided model identifier is invalid.",
            (E::NotFound, Elsewhere, true),
        ),
        (
            400,
            "ValidationException",
            "This model doesn't support tool use.",
            (E::InvalidRequest, Elsewhere, false),
        ),
        (400, "ValidationException", "messages.0 is blank", (E::InvalidRequest, Never, false)),
        (400, "ValidationException", "prompt is too long: 3 > 2", (E::ContextLengthExceeded, Never, false)),
        (400, "ValidationException", "Could not process image", (E::InvalidImage, Never, false)),
    ];
    for (status, name, message, expected) in cases {
        let error = classify(status, name, message);
        assert_eq!((error.error_type, error.retry, error.is_fault), expected, "{name}: {message}");
        assert_eq!(error.provider_code.as_deref(), name.split(':').next());
    }
}

#[test]
fn the_name_may_stand_in_the_body() {
    let body = br#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","Message":"who"}"#;
    let error = with_target("model", &json!({}), |target| {
        adapter(Operation::Chat, target).unwrap().classify(403, &HeaderMap::new(), body)
    });
    assert_eq!(error.provider_code.as_deref(), Some("UnrecognizedClientException"));
    assert_eq!((error.message.as_str(), error.retry), ("who", Retry::Elsewhere));
}
