//! The headers that each provider sends.

use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};

use crate::dialect::{Dialect, Stamp};
use crate::failure::Failure;
use crate::limits::Left;

/// Says that nobody real has answered.
const SIMULATED: HeaderName = HeaderName::from_static("x-simulated");

/// The headers of an answer.
pub(crate) fn headers(dialect: Dialect, stamp: &Stamp, left: Left, content_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    put(&mut headers, CONTENT_TYPE, content_type);
    headers.insert(SIMULATED, HeaderValue::from_static("patchbay"));
    match dialect {
        Dialect::OpenAi => openai(&mut headers, stamp, left),
        Dialect::Anthropic => anthropic(&mut headers, stamp, left),
        Dialect::Gemini => {
            headers.insert("server-timing", HeaderValue::from_static("gfet4t7; dur=42"));
        }
        Dialect::Ollama => {}
    }
    headers
}

/// Adds how long to wait. Gemini says that in the body only.
pub(crate) fn wait(headers: &mut HeaderMap, dialect: Dialect, failure: &Failure) {
    if dialect == Dialect::Anthropic {
        let retry = failure.status == 409 || failure.status == 429 || failure.status >= 500;
        put(headers, HeaderName::from_static("x-should-retry"), if retry { "true" } else { "false" });
    }
    let Some(seconds) = failure.retry_after.filter(|_| dialect != Dialect::Gemini) else { return };
    put(headers, RETRY_AFTER, &format!("{}", seconds.ceil()));
    if dialect == Dialect::OpenAi {
        put(headers, HeaderName::from_static("retry-after-ms"), &format!("{}", (seconds * 1000.0).round()));
    }
}

fn openai(headers: &mut HeaderMap, stamp: &Stamp, left: Left) {
    for (name, value) in [
        ("openai-processing-ms", "42".to_owned()),
        ("openai-version", "2020-10-01".to_owned()),
        ("x-ratelimit-limit-requests", Left::REQUESTS.to_string()),
        ("x-ratelimit-limit-tokens", Left::TOKENS.to_string()),
        ("x-ratelimit-remaining-requests", left.requests.to_string()),
        ("x-ratelimit-remaining-tokens", left.tokens.to_string()),
        ("x-ratelimit-reset-requests", format!("{}ms", left.reset)),
        ("x-ratelimit-reset-tokens", format!("{}ms", left.reset)),
        ("x-request-id", stamp.request_id.clone()),
    ] {
        put(headers, HeaderName::from_static(name), &value);
    }
}

fn anthropic(headers: &mut HeaderMap, stamp: &Stamp, left: Left) {
    let reset = stamp.rfc3339(left.reset);
    for kind in ["requests", "tokens", "input-tokens", "output-tokens"] {
        let (limit, remaining) =
            if kind == "requests" { (Left::REQUESTS, left.requests) } else { (Left::TOKENS, left.tokens) };
        for (what, value) in
            [("limit", limit.to_string()), ("remaining", remaining.to_string()), ("reset", reset.clone())]
        {
            if let Ok(name) = HeaderName::try_from(format!("anthropic-ratelimit-{kind}-{what}")) {
                put(headers, name, &value);
            }
        }
    }
    put(headers, HeaderName::from_static("request-id"), &stamp.request_id);
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
