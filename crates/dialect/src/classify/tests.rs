use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

#[test]
fn waits_are_read_in_every_form() {
    let wait = |pairs: &[(&'static str, &'static str)]| retry_after(&headers(pairs));
    assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
    assert_eq!(wait(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
    assert_eq!(wait(&[("retry-after", "9"), ("retry-after-ms", "120")]), Some(Duration::from_millis(120)));
    assert_eq!(wait(&[("retry-after", "-1")]), None);
    assert_eq!(wait(&[("retry-after", "1e300")]), Some(Duration::from_secs(86_400)));
    let date = ("date", "Sat, 28 Feb 2032 23:59:30 GMT");
    let until = ("retry-after", "Sun, 29 Feb 2032 00:00:10 GMT");
    assert_eq!(wait(&[date, until]), Some(Duration::from_secs(40)));
    assert_eq!(wait(&[until]), None);
}

#[test]
fn waits_in_words_are_read() {
    let read = wait_in_words;
    assert_eq!(read("Please try again in 7.66s. Visit"), Some(Duration::from_millis(7_660)));
    assert_eq!(read("Please try again in 6m0s."), Some(Duration::from_secs(360)));
    assert_eq!(read("try again in 120ms"), Some(Duration::from_millis(120)));
    assert_eq!(read("try again in a while"), None);
}

#[test]
fn secrets_never_reach_the_client() {
    let cases = [
        ("Incorrect API key provided: sk-abcdefgh12345678.", "Incorrect API key provided: [redacted]."),
        ("bad key sk-ab***yz", "bad key [redacted]"),
        ("authorization: Bearer abcDEF123456789", "authorization: Bearer [redacted]"),
        (
            "GET https://user:pw@host.example/v1/x?key=AIzaSy&b=1 failed",
            "GET https://host.example/v1/x failed",
        ),
        (
            "Rate limit in organization org-Abc123def456 on tokens",
            "Rate limit in organization [redacted] on tokens",
        ),
        ("x-api-key=abcdef1234567890", "x-api-key=[redacted]"),
        ("line one\nline\u{0} two", "line one line  two"),
        ("model gpt-4o-mini-2024-07-18 not found", "model gpt-4o-mini-2024-07-18 not found"),
    ];
    for (message, clean) in cases {
        assert_eq!(scrub(message), clean);
    }
    assert_eq!(scrub(&"é".repeat(5_000)).chars().count(), 1_001);
}

#[test]
fn statuses_class_by_who_can_help() {
    let class = |status, pairs| {
        let error = ProviderError::of_status(status, &headers(pairs), "", None);
        (error.error_type, error.retry, error.is_fault)
    };
    assert_eq!(class(401, &[]), (ErrorType::ProviderUnavailable, Retry::Elsewhere, true));
    assert_eq!(class(403, &[]), (ErrorType::ProviderUnavailable, Retry::Elsewhere, false));
    assert_eq!(class(429, &[]), (ErrorType::RateLimitExceeded, Retry::Anywhere, false));
    assert_eq!(class(400, &[]), (ErrorType::InvalidRequest, Retry::Never, false));
    assert_eq!(class(529, &[]), (ErrorType::ProviderOverloaded, Retry::Anywhere, true));
    assert_eq!(class(524, &[]), (ErrorType::Timeout, Retry::Anywhere, true));
    assert_eq!(class(503, &[("x-should-retry", "false")]).1, Retry::Elsewhere);
    assert_eq!(class(400, &[("x-should-retry", "true")]).1, Retry::Anywhere);
    assert_eq!(ProviderError::inside(0, "", None).message, "the provider's answer broke off");
}
