//! Errors that the recordings do not have.

use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value, json};

use crate::codec::Adapter as _;
use crate::error::{ErrorType, ProviderError, Retry};
use crate::gemini::Gemini;

fn classify(status: u16, body: &Value) -> ProviderError {
    Gemini.classify(status, &HeaderMap::new(), body.to_string().as_bytes())
}

fn invalid(message: &str) -> (ErrorType, Retry, bool) {
    let error =
        classify(400, &json!({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}));
    (error.error_type, error.retry, error.is_fault)
}

#[test]
fn words_tell_more_than_the_status() {
    assert_eq!(
        invalid("Unsupported MIME type: image/bmp"),
        (ErrorType::UnsupportedImageFormat, Retry::Never, false)
    );
    assert_eq!(
        invalid("Unable to process input image. Please retry"),
        (ErrorType::InvalidImage, Retry::Never, false)
    );
    assert_eq!(
        invalid("Cannot fetch content from the provided URL."),
        (ErrorType::ImageDownloadFailed, Retry::Never, false)
    );
    assert_eq!(
        invalid("Function calling is not enabled for models/x"),
        (ErrorType::InvalidRequest, Retry::Elsewhere, false)
    );
    assert_eq!(invalid("* contents is empty"), (ErrorType::InvalidRequest, Retry::Never, false));
    let place = classify(
        400,
        &json!({"error": {"code": 400, "message": "User location is not supported for the API use.",
            "status": "FAILED_PRECONDITION"}}),
    );
    assert_eq!((place.error_type, place.retry), (ErrorType::ProviderUnavailable, Retry::Elsewhere));
}

#[test]
fn quotas_say_how_long_to_wait() {
    let exhausted = |message: &str, quota: &str, delay: Value| {
        classify(
            429,
            &json!({"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": [
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
            ]}}),
        )
    };
    let minute = exhausted("slow down", "RequestsPerMinute", json!("2.5s"));
    assert_eq!((minute.retry, minute.retry_after), (Retry::Anywhere, Some(Duration::from_millis(2_500))));
    let daily = exhausted("come tomorrow", "GenerateRequestsPerDayPerProject", json!("40s"));
    assert_eq!((daily.error_type, daily.retry), (ErrorType::RateLimitExceeded, Retry::Elsewhere));
    let odd = exhausted("slow down", "x", json!("-1s"));
    assert_eq!(odd.retry_after, None);
    let endless = exhausted("slow down", "x", json!("1e30s"));
    assert!(endless.retry_after.is_none_or(|wait| wait <= Duration::from_secs(86_400)));
}

#[test]
fn bodies_of_other_makers_are_read() {
    let read = |body: &str| Gemini.classify(502, &HeaderMap::new(), body.as_bytes());
    assert_eq!(read("<html>").message, "the provider answered with status 502");
    assert_eq!(read("bad gateway").message, "bad gateway");
    assert_eq!(read("[{\"error\":{\"message\":\"x\"}}]").message, "x");
    assert_eq!(read("{\"error\":\"text\"}").message, "the provider answered with status 502");
}
