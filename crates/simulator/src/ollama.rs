//! Ollama's native chat.

mod encode;
mod parse;

pub(crate) use encode::{Encoder, body};
pub(crate) use parse::parse;

use serde_json::{Value, json};

use crate::failure::Failure;

pub(crate) fn error_body(failure: &Failure) -> Value {
    json!({"error": failure.message})
}
