//! What the provider's errors mean.

use http::HeaderMap;
use serde::Deserialize;

use crate::classify::mentions;
use crate::error::{ErrorType, ProviderError, Retry};

/// Where the name of an error stands, before a colon and an address that says nothing.
const NAME: &str = "x-amzn-errortype";

#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(alias = "Message")]
    message: Option<String>,
    /// Of the model's own server, inside an exception.
    #[serde(rename = "originalMessage")]
    original_message: Option<String>,
    #[serde(rename = "originalStatusCode")]
    original_status: Option<u16>,
    /// `com.amazon.coral.service#AccessDeniedException`
    #[serde(rename = "__type")]
    kind: Option<String>,
}

impl Body {
    fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| {
            let text = String::from_utf8_lossy(body).trim().to_owned();
            Self { message: (!text.starts_with(['<', '{'])).then_some(text), ..Self::default() }
        })
    }

    fn words(&self) -> String {
        match (self.message.as_deref(), self.original_message.as_deref()) {
            (Some(message), Some(original)) if !message.contains(original) => format!("{message} {original}"),
            (message, original) => message.or(original).unwrap_or_default().to_owned(),
        }
    }
}

/// Classes an answer with a bad status.
pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
    let said = Body::read(body);
    let name = headers.get(NAME).and_then(|name| name.to_str().ok()).or(said.kind.as_deref());
    let name = name.map(|name| plain(name).to_owned());
    let message = said.words();
    refined(ProviderError::of_status(status, headers, &message, name), status, &message)
}

/// Classes an exception inside a stream that began with a good status.
pub(super) fn exception(kind: &str, said: &[u8]) -> ProviderError {
    let said = Body::read(said);
    let name = plain(kind).to_owned();
    let status = match name.to_ascii_lowercase().as_str() {
        "throttlingexception" => 429,
        "validationexception" => 400,
        "modeltimeoutexception" => 408,
        "serviceunavailableexception" => 503,
        "modelstreamerrorexception" => said.original_status.filter(|status| *status >= 429).unwrap_or(500),
        _ => 500,
    };
    let message = said.words();
    refined(ProviderError::inside(status, &message, Some(name)), status, &message)
}

/// Classes a body that came with a good status and is no answer.
pub(super) fn unreadable(body: &[u8]) -> ProviderError {
    let said = Body::read(body);
    match (said.message, said.kind) {
        (Some(message), kind) if body.trim_ascii_start().starts_with(b"{") => {
            refined(ProviderError::inside(500, &message, kind), 500, &message)
        }
        _ => ProviderError::broken("the provider's answer cannot be read"),
    }
}

/// The name of an error without its namespace and its address.
fn plain(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().trim()
}

/// What the name and the words tell beyond the status.
fn refined(error: ProviderError, status: u16, message: &str) -> ProviderError {
    let says = |needles: &[&str]| mentions(message, needles);
    let name = error.provider_code.as_deref().unwrap_or_default().to_ascii_lowercase();
    let is_named = |names: &[&str]| names.contains(&name.as_str());
    if is_named(&["unrecognizedclientexception", "invalidsignatureexception", "expiredtokenexception"])
        || is_named(&["missingauthenticationtokenexception", "incompletesignatureexception"])
        || says(&["security token", "the request signature", "bearer token"])
    {
        return error.because_of_account();
    }
    if says(&["tokens per day", "requests per day"]) || is_named(&["servicequotaexceededexception"]) {
        let error_type = ErrorType::RateLimitExceeded;
        return ProviderError {
            error_type,
            retry: Retry::Elsewhere,
            retry_after: None,
            is_fault: false,
            ..error
        };
    }
    if is_named(&["modelnotreadyexception"]) {
        let error_type = ErrorType::ProviderOverloaded;
        return ProviderError { error_type, retry: Retry::Anywhere, is_fault: true, ..error };
    }
    if status == 424 || is_named(&["modelerrorexception"]) {
        let error_type = ErrorType::ProviderUnavailable;
        return ProviderError { error_type, retry: Retry::Anywhere, is_fault: true, ..error };
    }
    match status {
        400 | 0 => invalid(error, message),
        _ => error,
    }
}

fn invalid(error: ProviderError, message: &str) -> ProviderError {
    let says = |needles: &[&str]| mentions(message, needles);
    let of_request = [
        (
            ErrorType::ContextLengthExceeded,
            &[
                "input tokens exceeded",
                "too many input tokens",
                "input is too long",
                "prompt is too long",
                "exceed context limit",
                "maximum context length",
                "context window",
            ][..],
        ),
        (ErrorType::MaxTokensExceeded, &["maximum tokens you requested exceeds"]),
        (ErrorType::ContentPolicyViolation, &["content filtering policy", "content policy"]),
        (ErrorType::UnsupportedImageFormat, &["image format", "media type"]),
        (ErrorType::InvalidImage, &["could not process image", "image exceeds", "image dimensions exceed"]),
    ];
    if let Some((error_type, _)) = of_request.iter().find(|(_, needles)| says(needles)) {
        return error.because_of_request(*error_type);
    }
    if says(&["on-demand throughput", "model identifier is invalid"]) {
        let error_type = ErrorType::NotFound;
        return ProviderError { error_type, retry: Retry::Elsewhere, is_fault: true, ..error };
    }
    if says(&["unsupported countries", "unsupported country"]) {
        return error.because_of_region();
    }
    if says(&["not supported", "t supported", "not support", "t support", "extraneous key", "unsupported"]) {
        return ProviderError { retry: Retry::Elsewhere, is_fault: false, ..error };
    }
    error
}
