//! Errors in the many shapes that OpenAI-like providers give them.

mod report;
#[cfg(test)]
mod tests;
mod words;

use http::HeaderMap;
use serde_json::Value;

use crate::error::{ErrorType, ProviderError, Retry};
use report::Report;

/// Classes an answer that came with a bad status.
pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
    let report = Report::of_body(body);
    let error = ProviderError::of_status(status, headers, &report.message, report.code());
    words::refine(error, status, &report)
}

/// Classes an error inside an answer that began with a good status. It counts against the endpoint unless
/// the request or a rate limit is the reason.
pub(super) fn inside(error: &Value) -> ProviderError {
    let report = Report::of(error);
    let status = report.status();
    let error = ProviderError::inside(status, &report.message, report.code());
    let error = words::refine(error, status, &report);
    let is_theirs = error.retry != Retry::Never && error.error_type != ErrorType::RateLimitExceeded;
    ProviderError { is_fault: error.is_fault || is_theirs, ..error }
}

/// The error that a piece of an answer is which has neither choices nor an `error` member.
pub(super) fn bare(bytes: &[u8]) -> Option<ProviderError> {
    let value = serde_json::from_slice::<Value>(bytes).ok()?;
    Report::is_one(&value).then(|| inside(&value))
}

/// A body or a piece of one that is no answer: an error in some shape, or nothing at all.
pub(super) fn unreadable(bytes: &[u8]) -> ProviderError {
    bare(bytes).unwrap_or_else(|| ProviderError::broken("the provider sent an answer that cannot be read"))
}
