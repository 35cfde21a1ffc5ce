//! What every provider dialect classes alike: statuses, waits, and words that may reach a client.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Map;

use crate::error::{ErrorType, ProviderError, Retry};

mod scrub;
mod wait;

pub use scrub::scrub;
pub use wait::retry_after;

impl ProviderError {
    /// Classes an answer by its status alone, with its wait hint. `message` is scrubbed; when it is blank
    /// the status speaks. An adapter that knows more of the body changes the members afterwards.
    ///
    /// A refusal of *our* key or credit is never shown as the client's own: it is
    /// [`ErrorType::ProviderUnavailable`].
    #[must_use]
    pub fn of_status(status: u16, headers: &HeaderMap, message: &str, provider_code: Option<String>) -> Self {
        let (error_type, retry, is_fault) = by_status(status);
        Self {
            error_type,
            status,
            message: described(message, || format!("the provider answered with status {status}")),
            provider_code,
            retry: overruled(retry, headers),
            retry_after: retry_after(headers),
            is_fault,
            metadata: Map::new(),
        }
    }

    /// The answer cannot be read, was cut short or never came: nobody's fault but the provider's.
    #[must_use]
    pub fn broken(message: &str) -> Self {
        Self {
            error_type: ErrorType::ProviderUnavailable,
            status: 0,
            message: described(message, || "the provider's answer broke off".to_owned()),
            provider_code: None,
            retry: Retry::Anywhere,
            retry_after: None,
            is_fault: true,
            metadata: Map::new(),
        }
    }

    /// An error inside an answer that began with a good status, classed by the status that its body names
    /// (0 = none). It always counts against the endpoint unless the request is the reason.
    #[must_use]
    pub fn inside(named_status: u16, message: &str, provider_code: Option<String>) -> Self {
        if named_status < 400 {
            return Self { provider_code, ..Self::broken(message) };
        }
        Self { status: 0, ..Self::of_status(named_status, &HeaderMap::new(), message, provider_code) }
    }

    /// The request is the reason: no other provider would take it, and it is nobody's outage.
    #[must_use]
    pub fn because_of_request(self, error_type: ErrorType) -> Self {
        Self { error_type, retry: Retry::Never, is_fault: false, ..self }
    }

    /// The provider serves nobody where the request comes from: another provider may, and it is nobody's outage.
    #[must_use]
    pub fn because_of_region(self) -> Self {
        Self {
            error_type: ErrorType::PermissionDenied,
            retry: Retry::Elsewhere,
            retry_after: None,
            is_fault: false,
            ..self
        }
    }

    /// Whether that is what happened.
    #[must_use]
    pub fn is_of_region(&self) -> bool {
        self.error_type == ErrorType::PermissionDenied && self.retry == Retry::Elsewhere
    }

    /// Our key, credit or quota at this provider is the reason: another provider may serve.
    #[must_use]
    pub fn because_of_account(self) -> Self {
        Self {
            error_type: ErrorType::ProviderUnavailable,
            retry: Retry::Elsewhere,
            retry_after: None,
            is_fault: true,
            ..self
        }
    }
}

/// The class of a status, where it may be retried, and whether it counts against the endpoint's uptime.
#[must_use]
pub const fn by_status(status: u16) -> (ErrorType, Retry, bool) {
    match status {
        400 | 405..=407 | 410..=412 | 414..=421 | 423 | 424 | 426..=428 | 430..=499 => {
            (ErrorType::InvalidRequest, Retry::Never, false)
        }
        401 | 402 => (ErrorType::ProviderUnavailable, Retry::Elsewhere, true),
        403 => (ErrorType::ProviderUnavailable, Retry::Elsewhere, false),
        404 => (ErrorType::NotFound, Retry::Elsewhere, true),
        408 => (ErrorType::Timeout, Retry::Anywhere, true),
        409 | 425 => (ErrorType::ProviderUnavailable, Retry::Anywhere, false),
        413 => (ErrorType::PayloadTooLarge, Retry::Never, false),
        422 => (ErrorType::Unprocessable, Retry::Never, false),
        429 => (ErrorType::RateLimitExceeded, Retry::Anywhere, false),
        501 | 505..=511 => (ErrorType::ProviderUnavailable, Retry::Elsewhere, true),
        503 | 529 => (ErrorType::ProviderOverloaded, Retry::Anywhere, true),
        504 | 522 | 524 => (ErrorType::Timeout, Retry::Anywhere, true),
        500 | 502 | 512.. => (ErrorType::ProviderUnavailable, Retry::Anywhere, true),
        0..=399 => (ErrorType::ProviderUnavailable, Retry::Elsewhere, true),
    }
}

/// `x-should-retry` knows better than the status.
fn overruled(retry: Retry, headers: &HeaderMap) -> Retry {
    match (headers.get("x-should-retry").map(http::HeaderValue::as_bytes), retry) {
        (Some(b"true"), _) => Retry::Anywhere,
        (Some(b"false"), Retry::Anywhere) => Retry::Elsewhere,
        (_, retry) => retry,
    }
}

fn described(message: &str, otherwise: impl FnOnce() -> String) -> String {
    let scrubbed = scrub(message);
    if scrubbed.is_empty() { otherwise() } else { scrubbed }
}

/// Whether `text` contains one of `needles`, which are lower case; case of the text does not matter.
#[must_use]
pub fn mentions(text: &str, needles: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    needles.iter().any(|needle| text.contains(needle))
}

/// A wait written in words, such as `Please try again in 7.66s` or `in 120ms` or `in 6m0s`.
#[must_use]
pub fn wait_in_words(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let at = lower.find("try again in ").map(|at| at + "try again in ".len())?;
    wait::duration(lower[at..].split_whitespace().next()?.trim_end_matches(['.', ',']))
}

#[cfg(test)]
mod tests;
