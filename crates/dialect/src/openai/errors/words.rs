//! What statuses do not tell and words do.

use serde_json::json;

use super::report::Report;
use crate::classify::wait_in_words;
use crate::error::{ErrorType, ProviderError, Retry};

const BAD_KEY: [&str; 6] = [
    "invalid_api_key",
    "incorrect api key",
    "invalid api key",
    "api key not valid",
    "api_key_invalid",
    "no api key",
];
const OUT_OF_CREDIT: [&str; 7] = [
    "insufficient_quota",
    "exceeded your current quota",
    "insufficient balance",
    "insufficient credits",
    "used all available credits",
    "monthly spending limit",
    "billing_hard_limit",
];
const TOO_LARGE: [&str; 1] = ["request too large"];
const MODERATED: [&str; 6] = [
    "content_filter",
    "content_policy",
    "content management policy",
    "flagged by moderation",
    "requires moderation",
    "data_inspection_failed",
];
const TOO_LONG: [&str; 9] = [
    "context_length_exceeded",
    "exceed_context_size",
    "too_many_prompt_tokens",
    "maximum context length",
    "max context length",
    "context window",
    "context length",
    "prompt is too long",
    "length of all messages is too long",
];
const FAILED_GENERATION: [&str; 3] = ["tool_use_failed", "json_validate_failed", "malformed function call"];
const NO_IMAGE: [&str; 5] = [
    "invalid_image_url",
    "error while downloading",
    "failed to download",
    "unable to download",
    "image_download_failed",
];
const BAD_IMAGE: [&str; 5] = [
    "invalid_image",
    "image_parse_error",
    "could not process image",
    "invalid image",
    "invalid_base64_image",
];
const UNKNOWN_IMAGE: [&str; 3] = ["unsupported image", "unsupported_image", "invalid_image_format"];
const NO_MODEL: [&str; 8] = [
    "model_not_found",
    "invalid_model",
    "invalid model",
    "model not found",
    "model not exist",
    "is not a valid model",
    "no such model",
    "deploymentnotfound",
];
const NO_REGION: [&str; 3] = ["unsupported_country", "country, region", "not available in your region"];
const INCAPABLE: [&str; 11] = [
    "unsupported_parameter",
    "unsupported_value",
    "not supported",
    "does not support",
    "doesn't support",
    "not enabled for this model",
    "unsupported parameter",
    "unknown variant",
    "--jinja",
    "cannot use tools",
    "enable-auto-tool-choice",
];
const CAPACITY: [&str; 6] =
    ["capacity exceeded", "overloaded", "over capacity", "at capacity", "no healthy upstream", "server busy"];
const NO_FIRST_TOKEN: [&str; 2] = ["didn't generate first token", "before the given deadline"];

/// Corrects the class that a status gave by what the report says. `status` is the upstream's or the one
/// that the report names.
pub(super) fn refine(error: ProviderError, status: u16, report: &Report) -> ProviderError {
    let text = report.text();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let is_request = matches!(status, 0 | 400..=499 | 500 | 501) && status != 429;
    if says(&BAD_KEY) {
        return error.because_of_account();
    }
    if says(&OUT_OF_CREDIT) {
        return ProviderError { is_fault: status != 429, ..error.because_of_account() };
    }
    if says(&TOO_LARGE) || wants_more_than_all(&text) || (status == 413 && says(&["tokens per minute"])) {
        return ProviderError { retry: Retry::Elsewhere, retry_after: None, is_fault: false, ..error };
    }
    if says(&MODERATED) {
        return moderated(error, report);
    }
    if says(&FAILED_GENERATION) {
        return typed(error, ErrorType::ProviderUnavailable, Retry::Anywhere);
    }
    if status == 498 || says(&CAPACITY) {
        return typed(error, ErrorType::ProviderOverloaded, Retry::Anywhere);
    }
    if says(&NO_FIRST_TOKEN) {
        return typed(error, ErrorType::ProviderOverloaded, Retry::Elsewhere);
    }
    if is_request && let Some(error) = request(&error, &says, report) {
        return error;
    }
    let in_words = || (status == 429).then(|| wait_in_words(&report.message)).flatten();
    ProviderError { retry_after: error.retry_after.or_else(in_words), ..error }
}

/// `Limit 30000, Requested 31538`: no wait lets this through.
fn wants_more_than_all(text: &str) -> bool {
    let number = |text: &str| {
        let digits = text.trim_start_matches([':', ' ', '~']);
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    let Some((before, requested)) = text.split_once("requested") else { return false };
    let limit = before.rsplit_once("limit").and_then(|(_, limit)| number(limit));
    number(requested).zip(limit).is_some_and(|(requested, limit)| requested > limit)
}

fn request(error: &ProviderError, says: &dyn Fn(&[&str]) -> bool, report: &Report) -> Option<ProviderError> {
    let error = error.clone();
    if says(&TOO_LONG) || says(&["prompt too long"]) {
        return Some(error.because_of_request(ErrorType::ContextLengthExceeded));
    }
    if says(&NO_IMAGE) {
        return Some(error.because_of_request(ErrorType::ImageDownloadFailed));
    }
    if says(&UNKNOWN_IMAGE) {
        return Some(error.because_of_request(ErrorType::UnsupportedImageFormat));
    }
    if says(&BAD_IMAGE) {
        return Some(error.because_of_request(ErrorType::InvalidImage));
    }
    if says(&NO_MODEL) || report.has_code("1500") {
        return Some(ProviderError { is_fault: true, ..typed(error, ErrorType::NotFound, Retry::Elsewhere) });
    }
    if says(&NO_REGION) {
        return Some(error.because_of_region());
    }
    if says(&INCAPABLE) {
        let error = typed(error, ErrorType::InvalidRequest, Retry::Elsewhere);
        return Some(ProviderError { is_fault: false, ..error });
    }
    None
}

fn typed(error: ProviderError, error_type: ErrorType, retry: Retry) -> ProviderError {
    ProviderError { error_type, retry, ..error }
}

fn moderated(error: ProviderError, report: &Report) -> ProviderError {
    let mut error = error.because_of_request(ErrorType::ContentPolicyViolation);
    if !report.reasons.is_empty() {
        error.metadata.insert("reasons".to_owned(), json!(report.reasons));
    }
    error
}
