//! Errors inside answers, which have codes of their own.

use http::HeaderMap;
use serde_json::Value;

use super::super::errors;
use crate::error::{ErrorType, ProviderError, Retry};

/// Classes an answer that came with a bad status. Reasoning that another endpoint sealed is opened there.
pub(super) fn classify(status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
    let classed = errors::classify(status, headers, body);
    match classed.provider_code.as_deref() {
        Some("invalid_encrypted_content") => ProviderError { retry: Retry::Elsewhere, ..classed },
        _ => classed,
    }
}

/// Classes the `error` of a response or of an event.
pub(super) fn inside(error: &Value) -> ProviderError {
    let classed = errors::inside(error);
    match error["code"].as_str().and_then(by_code) {
        Some(error_type) => classed.because_of_request(error_type),
        None => classed,
    }
}

/// What is wrong with the request, where a code says that it is the reason.
fn by_code(code: &str) -> Option<ErrorType> {
    Some(match code {
        "invalid_prompt" => ErrorType::InvalidPrompt,
        "invalid_image"
        | "invalid_base64_image"
        | "invalid_image_mode"
        | "image_parse_error"
        | "empty_image_file" => ErrorType::InvalidImage,
        "image_too_large" | "image_file_too_large" => ErrorType::ImageTooLarge,
        "image_too_small" => ErrorType::ImageTooSmall,
        "invalid_image_format" | "unsupported_image_media_type" => ErrorType::UnsupportedImageFormat,
        "invalid_image_url" | "failed_to_download_image" => ErrorType::ImageDownloadFailed,
        "image_file_not_found" => ErrorType::ImageNotFound,
        "image_content_policy_violation" | "bio_policy" | "misalignment_policy_violation" => {
            ErrorType::ContentPolicyViolation
        }
        _ => return None,
    })
}
