//! OpenAI Responses, stateless: every request carries its whole conversation and nothing is kept.
//!
//! - [`peek()`] reads what admission needs in a borrowed pass; [`decode`] reads a whole request and words every
//!   refusal, so that both refuse the same bodies with the same text.
//! - [`answer::Answer`] writes answers, streamed by the event grammar or whole, out of the same items.

mod answer;
pub(crate) mod ids;
mod peek;
pub(crate) mod read;
pub(crate) mod seal;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::{AnswerEncoder, Dialect, Envelope, Peek};
use crate::canonical::{Original, Request, Task};
use crate::error::BadRequest;

/// Input items that a request may have.
const ITEMS: usize = 8_000;
/// Likely tokens at each place of a text, at most.
const TOP_LOGPROBS: u64 = 20;

/// See [`Dialect::peek`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    peek::peek(body)
}

/// See [`Dialect::decode`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn decode(body: &Bytes) -> Result<Request, BadRequest> {
    let mut request = read::read(body)?;
    request.original = Some(Original { dialect: Dialect::Responses, body: body.clone() });
    Ok(request)
}

/// See [`Dialect::answer`].
pub(super) fn answer(envelope: Envelope, task: Option<&Task>, stream: bool) -> Box<dyn AnswerEncoder> {
    Box::new(answer::Answer::new(envelope, task.and_then(Task::chat), stream))
}
