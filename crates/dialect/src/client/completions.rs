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

use super::opening::{Opening, Side};
use super::weight::Weight;
use super::wishes::Tiers;
use super::{AnswerEncoder, Envelope, Peek};
use crate::canonical::{Original, Request, Task};
use crate::client::Dialect;
use crate::error::BadRequest;

/// Reads what admission needs; see [`crate::client::Dialect::peek`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    let read::Read { head, request, set, wishes, session_id } = read::read(body)?;
    let mut opening = Opening::default();
    request.messages.iter().for_each(|turn| opening.add(Side::Other, &Weight::of_texts(turn)));
    Ok(Peek {
        stream: request.stream,
        max_tokens: request.max_tokens,
        choices: request.n.unwrap_or(1),
        parameters: set,
        text_bytes: body.len() as u64,
        session_id,
        opening: opening.fingerprint(),
        ..wishes.add_to(head.into_peek(), Tiers::Usual)?
    })
}

/// Reads a whole request; see [`crate::client::Dialect::decode`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn decode(body: &Bytes) -> Result<Request, BadRequest> {
    let mut request = read::read(body)?.request;
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
