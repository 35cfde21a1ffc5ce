//! The error that a client gets when no attempt served.

use dialect::client::{Dialect, PublicError};
use dialect::error::{ErrorType, ProviderError, Retry};
use rpc::worker::Failed;
use serde_json::{Map, Value, json};

use super::job::Job;

/// One attempt that failed.
pub(crate) struct Failure {
    pub(crate) n: usize,
    pub(crate) error: ProviderError,
}

/// What all the failures of an execution come to, in the client's dialect. `routing`: what is told of it.
pub(crate) fn refusal(job: &Job, failures: &[Failure], routing: Option<Value>) -> Failed {
    let Some((last, previous)) = failures.split_last() else {
        let error = PublicError::new(ErrorType::ProviderUnavailable, "No provider could be asked.");
        return failed(job.dialect, &PublicError { routing, ..error }, None);
    };
    let mut error = PublicError { routing, ..public_error(job, last) };
    if !previous.is_empty() {
        let previous = previous.iter().map(|failure| brief(job, failure)).collect();
        error.metadata.insert("previous_errors".to_owned(), Value::Array(previous));
    }
    let retry_after = failures.iter().filter_map(|failure| failure.error.retry_after).min();
    let retry_after = retry_after.map(|wait| {
        // A wait that is rounded down would be too short.
        u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
    });
    if let Some(shortage) = shortage(failures) {
        error.error_type = shortage.error_type;
        error.availability = Some(availability(job, failures, &shortage, retry_after));
    }
    let is_wait = matches!(error.error_type.status(), 429 | 503);
    failed(job.dialect, &error, retry_after.filter(|_| is_wait))
}

/// A failure as the client may see it.
pub(crate) fn public_error(job: &Job, failure: &Failure) -> PublicError {
    let Failure { n, error } = failure;
    let mut metadata = error.metadata.clone();
    if let Some(attempt) = job.attempt(*n) {
        metadata.insert("provider_name".to_owned(), attempt.provider_name.clone().into());
    }
    metadata.insert("raw".to_owned(), error.message.clone().into());
    if let Some(code) = &error.provider_code {
        metadata.insert("provider_code".to_owned(), code.clone().into());
    }
    let mut public = PublicError::new(error.error_type, error.message.clone());
    public.metadata = metadata;
    public
}

fn brief(job: &Job, failure: &Failure) -> Value {
    let provider = job.attempt(failure.n).map(|attempt| attempt.provider_name.as_str()).unwrap_or_default();
    let mut brief = Map::new();
    brief.insert("provider".to_owned(), provider.into());
    brief.insert("code".to_owned(), failure.error.error_type.as_str().into());
    brief.insert("status".to_owned(), failure.error.status.into());
    Value::Object(brief)
}

/// Why none of the endpoints could serve, where the reason is the same with all of them.
struct Shortage {
    error_type: ErrorType,
    code: &'static str,
    /// Whether it passes by itself.
    is_retryable: bool,
}

fn shortage(failures: &[Failure]) -> Option<Shortage> {
    let all = |class: fn(&ProviderError) -> bool| failures.iter().all(|failure| class(&failure.error));
    let (error_type, code, is_retryable) = if all(|error| error.error_type == ErrorType::RateLimitExceeded) {
        (ErrorType::RateLimitExceeded, "capacity_exhausted", true)
    } else if all(|error| error.error_type.status() >= 500) {
        (ErrorType::ProviderOverloaded, "temporarily_unavailable", true)
    } else if all(knows_no_such_model) {
        (ErrorType::NotFound, "model_unavailable_upstream", false)
    } else if all(ProviderError::is_of_region) {
        (ErrorType::PermissionDenied, "region_restricted", false)
    } else {
        return None;
    };
    Some(Shortage { error_type, code, is_retryable })
}

fn knows_no_such_model(error: &ProviderError) -> bool {
    error.error_type == ErrorType::NotFound && error.retry == Retry::Elsewhere
}

fn availability(job: &Job, failures: &[Failure], shortage: &Shortage, retry_after: Option<u32>) -> Value {
    let failed = || failures.iter().filter_map(|failure| job.attempt(failure.n));
    let planned = distinct(job.start.attempts.iter().map(|attempt| &attempt.model));
    let mut requested = job.dialect.peek(&job.start.body).map(|peek| peek.models).unwrap_or_default();
    if requested.is_empty() {
        requested = distinct(failed().map(|attempt| &attempt.model));
    }
    let mut availability = json!({
        "code": shortage.code,
        "retryable": shortage.is_retryable,
        "requested_models": requested,
        "affected_providers": distinct(failed().map(|attempt| &attempt.provider_name)),
        "docs_url": format!("/docs/errors/{}", shortage.code),
    });
    if planned.len() > 1 {
        availability["fallback_models"] = planned[1..].into();
    }
    if let Some(seconds) = retry_after.filter(|_| shortage.is_retryable) {
        availability["retry_after"] = seconds.into();
    }
    availability
}

/// Each name once, in the order in which they come.
fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names {
        if !distinct.contains(name) {
            distinct.push(name.clone());
        }
    }
    distinct
}

fn failed(dialect: Dialect, error: &PublicError, retry_after_seconds: Option<u32>) -> Failed {
    Failed {
        status: u32::from(error.error_type.status()),
        body: dialect.error(error).into(),
        retry_after_seconds,
        attempts: Vec::new(),
        error_type: error.error_type.as_str().to_owned(),
    }
}
