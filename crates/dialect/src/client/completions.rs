//! OpenAI's legacy text completions: a prompt, continued. A prompt is one turn of a conversation, so that every
//! model can serve it; what only the legacy API has is kept for providers that speak it.

mod logprobs;
mod read;
mod stream;
#[cfg(test)]
mod tests;
mod whole;
mod write;

use bytes::Bytes;

use super::{AnswerEncoder, Envelope, Peek};
use crate::canonical::{Original, Request, Task};
use crate::client::Dialect;
use crate::error::BadRequest;

/// Reads what admission needs; see [`crate::client::Dialect::peek`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    let (head, request, set) = read::read(body)?;
    Ok(Peek {
        stream: request.stream,
        max_tokens: request.max_tokens,
        choices: request.n.unwrap_or(1),
        parameters: set,
        text_bytes: body.len() as u64,
        ..head.into_peek()
    })
}

/// Reads a whole request; see [`crate::client::Dialect::decode`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn decode(body: &Bytes) -> Result<Request, BadRequest> {
    let (_, mut request, _) = read::read(body)?;
    request.original = Some(Original { dialect: Dialect::Completions, body: body.clone() });
    Ok(request)
}

pub(super) fn answer(envelope: Envelope, task: Option<&Task>, stream: bool) -> Box<dyn AnswerEncoder> {
    let request = task.and_then(Task::chat);
    let echo = request.and_then(read::echoed).unwrap_or_default();
    if stream {
        Box::new(stream::Stream::new(envelope, echo))
    } else {
        Box::new(whole::Whole::new(envelope, echo))
    }
}
