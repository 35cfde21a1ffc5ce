use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::*;

fn class(status: u16, body: &str) -> (ErrorType, Retry, bool) {
    let error = classify(status, &HeaderMap::new(), body.as_bytes());
    (error.error_type, error.retry, error.is_fault)
}

#[test]
fn every_shape_gives_its_message_and_code() {
    let cases = [
        (json!({"error": {"message": "m", "type": "t", "code": "c"}}), "m", Some("c")),
        (json!({"error": {"message": "m", "type": "t", "code": null}}), "m", Some("t")),
        (json!({"error": {"message": "m", "code": 400}}), "m", Some("400")),
        (json!({"error": "m"}), "m", None),
        (json!({"error": "Too Many Requests", "message": "m"}), "m", Some("Too Many Requests")),
        (json!({"code": "invalid-argument", "error": "m"}), "m", Some("invalid-argument")),
        (json!({"object": "error", "message": "m", "type": "t", "code": "1300"}), "m", Some("1300")),
        (json!({"message": "m"}), "m", None),
        (json!({"detail": "m"}), "m", None),
        (json!({"detail": [{"loc": ["body", "n", 0], "msg": "m"}]}), "body.n.0: m", None),
        (json!([{"error": {"message": "m", "code": "c"}}]), "m", Some("c")),
        (json!({"errors": [{"message": "m", "code": "c"}]}), "m", Some("c")),
        (
            json!({"error": {"message": "Provider returned error", "code": 400,
                   "metadata": {"raw": "{\"code\":\"c\",\"error\":\"m\"}"}}}),
            "m",
            Some("c"),
        ),
        (
            json!({"error": {"message": "x", "code": 429, "metadata": {"raw": "plain m"}}}),
            "plain m",
            Some("429"),
        ),
    ];
    for (body, message, code) in cases {
        let error = classify(400, &HeaderMap::new(), body.to_string().as_bytes());
        assert_eq!((error.message.as_str(), error.provider_code.as_deref()), (message, code), "{body}");
    }
    let page = classify(502, &HeaderMap::new(), b"<html><title>Bad gateway</title></html>");
    assert_eq!(page.message, "the provider answered with status 502");
    assert_eq!(classify(503, &HeaderMap::new(), b"try later").message, "try later");
}

#[test]
fn words_decide_where_a_retry_may_help() {
    use ErrorType as E;
    use Retry::{Anywhere, Elsewhere, Never};
    let cases = [
        (400, "Incorrect API key provided", (E::ProviderUnavailable, Elsewhere, true)),
        (429, "You exceeded your current quota", (E::ProviderUnavailable, Elsewhere, false)),
        (402, "Insufficient Balance", (E::ProviderUnavailable, Elsewhere, true)),
        (
            429,
            "Request too large for x on TPM: Limit 1, Requested 2",
            (E::RateLimitExceeded, Elsewhere, false),
        ),
        (
            429,
            "Rate limit reached: Limit 7000, Used 0, Requested ~12903.",
            (E::RateLimitExceeded, Elsewhere, false),
        ),
        (
            429,
            "Rate limit reached: Limit 9000, Used 8000, Requested 2000.",
            (E::RateLimitExceeded, Anywhere, false),
        ),
        (413, "Request too large for model", (E::PayloadTooLarge, Elsewhere, false)),
        (429, "Too many tokens for team", (E::RateLimitExceeded, Anywhere, false)),
        (400, "This model's maximum context length is 5 tokens", (E::ContextLengthExceeded, Never, false)),
        (400, "content_filter", (E::ContentPolicyViolation, Never, false)),
        (400, "tool_use_failed", (E::ProviderUnavailable, Anywhere, false)),
        (400, "Error while downloading https://x", (E::ImageDownloadFailed, Never, false)),
        (400, "Invalid model: x", (E::NotFound, Elsewhere, true)),
        (404, "gone", (E::NotFound, Elsewhere, true)),
        (400, "'stop' is not supported with this model", (E::InvalidRequest, Elsewhere, false)),
        (500, "Cannot use tools with stream", (E::InvalidRequest, Elsewhere, false)),
        (403, "unsupported_country_region_territory", (E::PermissionDenied, Elsewhere, false)),
        (429, "Service tier capacity exceeded for this model.", (E::ProviderOverloaded, Anywhere, false)),
        (
            429,
            "Request didn't generate first token before the given deadline",
            (E::ProviderOverloaded, Elsewhere, false),
        ),
        (498, "flex", (E::ProviderOverloaded, Anywhere, false)),
        (400, "Invalid schema for function", (E::InvalidRequest, Never, false)),
    ];
    for (status, message, expected) in cases {
        assert_eq!(class(status, &json!({"error": {"message": message}}).to_string()), expected, "{message}");
    }
}

#[test]
fn waits_come_from_headers_or_words() {
    let body = br#"{"error":{"message":"Please try again in 7.66s."}}"#;
    let mut headers = HeaderMap::new();
    assert_eq!(classify(429, &headers, body).retry_after, Some(Duration::from_millis(7_660)));
    headers.insert("retry-after", HeaderValue::from_static("3"));
    assert_eq!(classify(429, &headers, body).retry_after, Some(Duration::from_secs(3)));
}

#[test]
fn moderation_names_its_reasons() {
    let filter = json!({"sexual": {"filtered": true}, "hate": {"filtered": false}});
    let inner = json!({"content_filter_result": filter});
    let body = json!({"error": {"code": "content_filter", "message": "m", "innererror": inner}}).to_string();
    let error = classify(400, &HeaderMap::new(), body.as_bytes());
    assert_eq!(error.metadata.get("reasons"), Some(&json!(["sexual"])));
}

#[test]
fn errors_inside_answers_count_unless_the_request_is_the_reason() {
    let class = |error: Value| {
        let error = inside(&error);
        (error.status, error.error_type, error.retry, error.is_fault)
    };
    let failed = json!({"message": "m", "code": "tool_use_failed", "status_code": 400});
    assert_eq!(class(failed), (0, ErrorType::ProviderUnavailable, Retry::Anywhere, true));
    let limited = json!({"message": "m", "type": "rate_limit_error"});
    assert_eq!(class(limited), (0, ErrorType::RateLimitExceeded, Retry::Anywhere, false));
    let long = json!({"message": "m", "code": "context_length_exceeded"});
    assert_eq!(class(long), (0, ErrorType::ContextLengthExceeded, Retry::Never, false));
    assert_eq!(class(json!("boom")), (0, ErrorType::ProviderUnavailable, Retry::Anywhere, true));
    assert_eq!(unreadable(b"[1, 2").error_type, ErrorType::ProviderUnavailable);
    assert_eq!(
        unreadable(br#"{"error":{"message":"m","code":529}}"#).error_type,
        ErrorType::ProviderOverloaded
    );
}
