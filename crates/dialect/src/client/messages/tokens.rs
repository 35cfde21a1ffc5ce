//! Counting the tokens of a prompt without an answer.

use bytes::Bytes;
use serde::Serialize;

use super::read;
use crate::canonical::Request;
use crate::client::wire::append;
use crate::error::BadRequest;

/// Reads what is to be counted: a request, of which only what a model reads counts.
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub fn count_tokens(body: &Bytes) -> Result<Request, BadRequest> {
    read::decode(body)
}

/// The body of the answer: how many tokens the prompt has.
#[must_use]
pub fn counted(input_tokens: u64) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body {
        input_tokens: u64,
    }
    let mut out = Vec::new();
    append(&mut out, &Body { input_tokens });
    out
}
