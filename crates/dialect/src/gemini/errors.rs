//! What the provider's errors mean.

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::classify::{mentions, wait_in_words};
use crate::error::{ErrorType, ProviderError, Retry};
use crate::raw::or_default;

/// The longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, Deserialize)]
struct Body {
    error: Status,
}

/// A status as all of the provider's services send it.
#[derive(Debug, Default, Deserialize)]
struct Status {
    code: Option<u16>,
    message: Option<String>,
    status: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    details: Vec<Detail>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    reason: Option<String>,
    retry_delay: Option<String>,
    /// For the provider's own engineers; often the only place that says what is wrong.
    detail: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    violations: Vec<Violation>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Violation {
    quota_id: Option<String>,
}

impl Status {
    /// Everything that it says, for looking words up.
    fn words(&self) -> String {
        let details = self.details.iter().filter_map(|detail| detail.detail.as_deref());
        self.message.as_deref().into_iter().chain(details).collect::<Vec<_>>().join("\n")
    }

    fn has_reason(&self, reason: &str) -> bool {
        self.details.iter().any(|detail| detail.reason.as_deref() == Some(reason))
    }

    fn wait(&self) -> Option<Duration> {
        let delay = self.details.iter().find_map(|detail| detail.retry_delay.as_deref());
        let seconds = delay.and_then(|delay| delay.strip_suffix('s')?.parse().ok());
        let wait = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        wait.or_else(|| wait_in_words(self.message.as_deref()?)).map(|wait| wait.min(LONGEST_WAIT))
    }

    /// A quota that comes back tomorrow at the soonest.
    fn is_daily(&self) -> bool {
        let mut quotas = self.details.iter().flat_map(|detail| &detail.violations);
        quotas.any(|quota| quota.quota_id.as_deref().is_some_and(|id| id.contains("PerDay")))
    }
}

/// Classes an answer with a bad status.
pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
    let said = read(body).unwrap_or_else(|| Status { message: text(body), ..Status::default() });
    let message = said.message.as_deref().unwrap_or_default();
    refined(ProviderError::of_status(status, headers, message, said.status.clone()), &said)
}

/// Classes an error that came with a good status, or a body that is nothing this dialect knows.
pub(super) fn inside(body: &[u8]) -> ProviderError {
    match read(body) {
        Some(said) => of_said(&said),
        None => ProviderError::broken("the provider's answer cannot be read"),
    }
}

/// Classes the `error` member of a response.
pub(super) fn of_error(error: &[u8]) -> ProviderError {
    of_said(&serde_json::from_slice(error).unwrap_or_default())
}

/// The prompt was refused before any model read it.
pub(super) fn blocked(reason: String, message: Option<String>) -> ProviderError {
    let message = message.unwrap_or_else(|| format!("the provider blocked the prompt: {reason}"));
    let metadata = Map::from_iter([("reasons".to_owned(), Value::from(vec![reason.clone()]))]);
    let error = ProviderError::inside(0, &message, Some(reason));
    ProviderError { metadata, ..error.because_of_request(ErrorType::ContentPolicyViolation) }
}

fn of_said(said: &Status) -> ProviderError {
    let message = said.message.as_deref().unwrap_or_default();
    // An operation that the provider cancelled itself is not a request that we got wrong.
    let code = said.code.filter(|code| *code != 499).unwrap_or(500);
    refined(ProviderError::inside(code, message, said.status.clone()), said)
}

/// The status within a body: an object, or the array that a stream without events would be.
fn read(body: &[u8]) -> Option<Status> {
    if body.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice::<Vec<Body>>(body).ok()?.into_iter().next().map(|body| body.error);
    }
    serde_json::from_slice::<Body>(body).ok().map(|body| body.error)
}

fn text(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body).trim().to_owned();
    (!text.starts_with(['<', '{', '['])).then_some(text)
}

/// What the body tells beyond the status.
fn refined(error: ProviderError, said: &Status) -> ProviderError {
    let words = said.words();
    let says = |needles: &[&str]| mentions(&words, needles);
    let is_key = said.has_reason("API_KEY_INVALID") || said.has_reason("API_KEY_SERVICE_BLOCKED");
    if is_key || says(&["api key not valid", "api key expired", "enable billing", "billing account"]) {
        return error.because_of_account();
    }
    match said.status.as_deref().unwrap_or_default() {
        "RESOURCE_EXHAUSTED" => exhausted(error, said),
        "FAILED_PRECONDITION" => ProviderError {
            error_type: ErrorType::ProviderUnavailable,
            retry: Retry::Elsewhere,
            is_fault: false,
            ..error
        },
        "INVALID_ARGUMENT" => invalid(error, &words),
        _ => error,
    }
}

fn exhausted(error: ProviderError, said: &Status) -> ProviderError {
    let retry = if said.is_daily() { Retry::Elsewhere } else { error.retry };
    ProviderError { retry, retry_after: error.retry_after.or_else(|| said.wait()), ..error }
}

fn invalid(error: ProviderError, words: &str) -> ProviderError {
    let says = |needles: &[&str]| mentions(words, needles);
    let of_request = [
        (
            ErrorType::ContextLengthExceeded,
            &["exceeds the maximum number of tokens", "input context is too long", "input token count"][..],
        ),
        (ErrorType::ImageDownloadFailed, &["cannot fetch content", "failed to fetch", "url_retrieval"]),
        (ErrorType::UnsupportedImageFormat, &["unsupported mime type", "mime type is not supported"]),
        (
            ErrorType::InvalidImage,
            &["unable to process input image", "image is not valid", "source image", "thumbnailer"],
        ),
    ];
    if let Some((error_type, _)) = of_request.iter().find(|(_, needles)| says(needles)) {
        return error.because_of_request(*error_type);
    }
    if says(&["user location"]) {
        return error.because_of_region();
    }
    if says(&["not supported", "does not support", "is not enabled for"]) {
        return ProviderError { retry: Retry::Elsewhere, is_fault: false, ..error };
    }
    error
}
