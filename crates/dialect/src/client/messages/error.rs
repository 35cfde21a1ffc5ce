//! The skin of errors.

use serde::Serialize;
use serde_json::{Map, Value};

use super::thread;
use crate::client::PublicError;
use crate::client::wire::append;
use crate::error::ErrorType;

/// The body of an answer that is nothing but an error.
pub(crate) fn error(error: &PublicError) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    append(&mut out, &Body::of(error, None));
    out
}

/// An error as a body and as the data of an `error` event.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: Detail<'a>,
    /// Members of the public `error.metadata`, beside the type.
    #[serde(skip_serializing_if = "Map::is_empty")]
    metadata: &'a Map<String, Value>,
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
}

#[derive(Serialize)]
struct Detail<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
    error_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<thread::Details>,
}

impl<'a> Body<'a> {
    /// `request_id`: the generation, where one was begun.
    pub(super) fn of(error: &'a PublicError, request_id: Option<&'a str>) -> Self {
        Self {
            kind: "error",
            error: Detail {
                kind: kind(error.error_type),
                message: &error.message,
                error_type: error.error_type.as_str(),
                availability: error.availability.as_ref(),
                details: thread::details(error),
            },
            metadata: &error.metadata,
            request_id: request_id.filter(|id| !id.is_empty()),
            openrouter_metadata: error.routing(),
        }
    }
}

/// Anthropic's word.
fn kind(error_type: ErrorType) -> &'static str {
    match error_type.status() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}
