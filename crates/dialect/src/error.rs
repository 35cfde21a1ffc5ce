//! What goes wrong between a client and a provider, in the public vocabulary.

use std::time::Duration;

use serde_json::{Map, Value};

/// A word of the public error vocabulary, with its HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorType {
    InvalidRequest,
    InvalidPrompt,
    ContextLengthExceeded,
    MaxTokensExceeded,
    TokenLimitExceeded,
    StringTooLong,
    ContentPolicyViolation,
    Refusal,
    InvalidImage,
    ImageTooLarge,
    ImageTooSmall,
    UnsupportedImageFormat,
    ImageDownloadFailed,
    Authentication,
    PaymentRequired,
    PermissionDenied,
    NotFound,
    ImageNotFound,
    RequestTimeout,
    PreconditionFailed,
    PayloadTooLarge,
    Unprocessable,
    Conflict,
    RateLimitExceeded,
    Server,
    ProviderUnavailable,
    ProviderOverloaded,
    Timeout,
}

impl ErrorType {
    const ALL: [Self; 28] = [
        Self::InvalidRequest,
        Self::InvalidPrompt,
        Self::ContextLengthExceeded,
        Self::MaxTokensExceeded,
        Self::TokenLimitExceeded,
        Self::StringTooLong,
        Self::ContentPolicyViolation,
        Self::Refusal,
        Self::InvalidImage,
        Self::ImageTooLarge,
        Self::ImageTooSmall,
        Self::UnsupportedImageFormat,
        Self::ImageDownloadFailed,
        Self::Authentication,
        Self::PaymentRequired,
        Self::PermissionDenied,
        Self::NotFound,
        Self::ImageNotFound,
        Self::RequestTimeout,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::Unprocessable,
        Self::Conflict,
        Self::RateLimitExceeded,
        Self::Server,
        Self::ProviderUnavailable,
        Self::ProviderOverloaded,
        Self::Timeout,
    ];

    /// As `error.metadata.error_type` carries it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidPrompt => "invalid_prompt",
            Self::ContextLengthExceeded => "context_length_exceeded",
            Self::MaxTokensExceeded => "max_tokens_exceeded",
            Self::TokenLimitExceeded => "token_limit_exceeded",
            Self::StringTooLong => "string_too_long",
            Self::ContentPolicyViolation => "content_policy_violation",
            Self::Refusal => "refusal",
            Self::InvalidImage => "invalid_image",
            Self::ImageTooLarge => "image_too_large",
            Self::ImageTooSmall => "image_too_small",
            Self::UnsupportedImageFormat => "unsupported_image_format",
            Self::ImageDownloadFailed => "image_download_failed",
            Self::Authentication => "authentication",
            Self::PaymentRequired => "payment_required",
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::ImageNotFound => "image_not_found",
            Self::RequestTimeout => "request_timeout",
            Self::PreconditionFailed => "precondition_failed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::Unprocessable => "unprocessable",
            Self::Conflict => "conflict",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::Server => "server",
            Self::ProviderUnavailable => "provider_unavailable",
            Self::ProviderOverloaded => "provider_overloaded",
            Self::Timeout => "timeout",
        }
    }

    /// The word read back, as one service tells it another.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|error_type| error_type.as_str() == word)
    }

    /// The HTTP status of an answer that is nothing but this error.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest
            | Self::InvalidPrompt
            | Self::ContextLengthExceeded
            | Self::MaxTokensExceeded
            | Self::TokenLimitExceeded
            | Self::StringTooLong
            | Self::ContentPolicyViolation
            | Self::Refusal
            | Self::InvalidImage
            | Self::ImageTooLarge
            | Self::ImageTooSmall
            | Self::UnsupportedImageFormat
            | Self::ImageDownloadFailed => 400,
            Self::Authentication => 401,
            Self::PaymentRequired => 402,
            Self::PermissionDenied => 403,
            Self::NotFound | Self::ImageNotFound => 404,
            Self::RequestTimeout => 408,
            Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::PayloadTooLarge => 413,
            Self::Unprocessable => 422,
            Self::RateLimitExceeded => 429,
            Self::Server => 500,
            Self::ProviderUnavailable => 502,
            Self::ProviderOverloaded => 503,
            Self::Timeout => 504,
        }
    }
}

/// Where the same request may still succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Here or elsewhere, later.
    Anywhere,
    /// At another provider only: our key, our quota or this deployment is the reason.
    Elsewhere,
    /// Nowhere: the request itself is the reason.
    Never,
}

/// What a provider said went wrong, classed.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderError {
    pub error_type: ErrorType,
    /// The upstream's HTTP status; 0 = it came inside an answer or there was none.
    pub status: u16,
    /// For the client: the provider's words, without our secrets.
    pub message: String,
    /// The provider's own code or type.
    pub provider_code: Option<String>,
    pub retry: Retry,
    pub retry_after: Option<Duration>,
    /// Whether it counts against the endpoint's uptime.
    pub is_fault: bool,
    /// Further members of the public `error.metadata`, such as the reasons of a moderation.
    pub metadata: Map<String, Value>,
}

/// The client's request cannot be read or cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadRequest {
    pub error_type: ErrorType,
    /// Says what is wrong, where, and what would be right.
    pub message: String,
}

impl BadRequest {
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { error_type: ErrorType::InvalidRequest, message: message.into() }
    }
    /// The client's body is no JSON.
    #[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
    pub(crate) fn not_json(error: serde_json::Error) -> Self {
        Self::new(format!("the request body is not valid JSON: {error}"))
    }

    /// The provider's body cannot be made.
    #[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
    pub(crate) fn unwritable(error: serde_json::Error) -> Self {
        Self::new(format!("the request cannot be written: {error}"))
    }
}
