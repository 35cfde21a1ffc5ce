//! The error that a client gets when no attempt served.

use dialect::client::{Dialect, PublicError};
use dialect::error::{ErrorType, ProviderError};
use rpc::worker::Failed;
use serde_json::{Map, Value, json};

use super::job::Job;

/// One attempt that failed.
pub(crate) struct Failure {
    pub(crate) n: usize,
    pub(crate) error: ProviderError,
}

/// What all the failures of an execution come to, in the client's dialect; there is at least one.
pub(crate) fn refusal(job: &Job, failures: &[Failure]) -> Failed {
    let Some((last, previous)) = failures.split_last() else {
        let error = PublicError::new(ErrorType::ProviderUnavailable, "No provider could be asked.");
        return failed(job.dialect, &error, None);
    };
    let mut error = public_error(job, last);
    if !previous.is_empty() {
        let previous = previous.iter().map(|failure| brief(job, failure)).collect();
        error.metadata.insert("previous_errors".to_owned(), Value::Array(previous));
    }
    let retry_after = failures.iter().filter_map(|failure| failure.error.retry_after).min();
    let retry_after = retry_after.map(|wait| {
        // A wait that is rounded down would be too short.
        u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
    });
    if let Some((error_type, code)) = shortage(failures) {
        error.error_type = error_type;
        error.availability = Some(availability(job, failures, code, retry_after));
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

/// Whether all attempts failed for want of capacity, or all by outage.
fn shortage(failures: &[Failure]) -> Option<(ErrorType, &'static str)> {
    let all = |class: fn(ErrorType) -> bool| failures.iter().all(|failure| class(failure.error.error_type));
    if all(|error_type| error_type == ErrorType::RateLimitExceeded) {
        return Some((ErrorType::RateLimitExceeded, "capacity_exhausted"));
    }
    if all(|error_type| error_type.status() >= 500) {
        return Some((ErrorType::ProviderOverloaded, "temporarily_unavailable"));
    }
    None
}

fn availability(job: &Job, failures: &[Failure], code: &str, retry_after: Option<u32>) -> Value {
    let attempts = || failures.iter().filter_map(|failure| job.attempt(failure.n));
    let mut models: Vec<&str> = Vec::new();
    let mut providers: Vec<&str> = Vec::new();
    for attempt in attempts() {
        if !models.contains(&attempt.model.as_str()) {
            models.push(&attempt.model);
        }
        if !providers.contains(&attempt.provider_name.as_str()) {
            providers.push(&attempt.provider_name);
        }
    }
    let mut availability = json!({
        "code": code,
        "retryable": true,
        "requested_models": models,
        "affected_providers": providers,
        "docs_url": format!("/docs/errors/{code}"),
    });
    if let (Some(seconds), Some(members)) = (retry_after, availability.as_object_mut()) {
        members.insert("retry_after".to_owned(), seconds.into());
    }
    availability
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
