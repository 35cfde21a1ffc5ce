//! Vectors of texts and of other content, as OpenAI and OpenRouter ask for them.

mod answer;
mod read;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::{AnswerEncoder, Envelope, Peek};
use crate::canonical::{EmbeddingsRequest, Task};
use crate::error::BadRequest;

/// Reads what admission needs; see [`crate::client::Dialect::peek`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    let (head, request) = read::read(body)?;
    let weight = read::weight(&request);
    Ok(Peek {
        // Each input has the context to itself.
        messages: u32::try_from(request.inputs.len()).unwrap_or(u32::MAX),
        images: weight.images,
        input_modalities: weight.modalities(),
        parameters: super::body::set(&[("dimensions", request.dimensions.is_some())]),
        text_bytes: weight.rest_of(body.len()),
        media_bytes: weight.media_bytes,
        ..head.into_peek()
    })
}

/// Reads a whole request; see [`crate::client::Dialect::decode`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn decode(body: &Bytes) -> Result<EmbeddingsRequest, BadRequest> {
    read::read(body).map(|(_, request)| request)
}

pub(super) fn answer(envelope: Envelope, task: Option<&Task>) -> Box<dyn AnswerEncoder> {
    let as_base64 = matches!(task, Some(Task::Embeddings(request)) if request.as_base64);
    Box::new(answer::Answer::new(envelope, as_base64))
}
