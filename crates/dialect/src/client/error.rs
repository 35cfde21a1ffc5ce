//! Errors as most dialects word them.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::PublicError;
use super::wire::append;

/// The body of an answer that is nothing but an error.
pub(super) fn body(error: &PublicError) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        error: ErrorBody<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        openrouter_metadata: Option<&'a Value>,
    }
    let mut out = Vec::with_capacity(256);
    append(&mut out, &Body { error: ErrorBody::of(error), openrouter_metadata: error.routing() });
    out
}

#[derive(Serialize)]
pub(super) struct ErrorBody<'a> {
    code: u16,
    message: &'a str,
    metadata: ErrorMetadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability: Option<&'a Value>,
}

struct ErrorMetadata<'a> {
    error_type: &'static str,
    members: &'a Map<String, Value>,
}

impl Serialize for ErrorMetadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("error_type", self.error_type)?;
        for (name, value) in self.members.iter().filter(|(name, _)| *name != "error_type") {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'a> ErrorBody<'a> {
    pub(super) fn of(error: &'a PublicError) -> Self {
        Self {
            code: error.error_type.status(),
            message: &error.message,
            metadata: ErrorMetadata { error_type: error.error_type.as_str(), members: &error.metadata },
            availability: error.availability.as_ref(),
        }
    }
}
