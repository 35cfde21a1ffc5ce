//! Images from a description and from other images, as OpenAI and OpenRouter ask for them. Forms with files are
//! turned into the same JSON before they come here.

mod answer;
mod read;
mod size;
mod stream;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;

use super::body;
use super::weight::Weight;
use super::{AnswerEncoder, Envelope, Peek};
use crate::canonical::{ImagesRequest, Task};
use crate::error::BadRequest;

/// Reads what admission needs; see [`crate::client::Dialect::peek`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    let (head, request) = read::read(body)?;
    let mut weight = Weight::default();
    request.references.iter().chain(&request.mask).for_each(|image| weight.add_image(image));
    Ok(Peek {
        stream: request.stream,
        // Where pictures are priced by their tokens, each has as many as one answer may have.
        choices: request.n.unwrap_or(1),
        images: weight.images,
        pictures: request.n.unwrap_or(1),
        input_modalities: weight.modalities(),
        parameters: body::set(&[
            ("n", request.n.is_some_and(|n| n > 1)),
            ("size", request.size.is_some()),
            ("resolution", request.resolution.is_some()),
            ("aspect_ratio", request.aspect_ratio.is_some()),
            ("quality", request.quality.is_some()),
            ("background", request.background.is_some()),
            ("output_format", request.output_format.is_some()),
            ("output_compression", request.output_compression.is_some()),
            ("seed", request.seed.is_some()),
            ("input_references", !request.references.is_empty()),
            ("mask", request.mask.is_some()),
        ]),
        text_bytes: weight.rest_of(body.len()),
        ..head.into_peek()
    })
}

/// Reads a whole request; see [`crate::client::Dialect::decode`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn decode(body: &Bytes) -> Result<ImagesRequest, BadRequest> {
    read::read(body).map(|(_, request)| request)
}

pub(super) fn answer(envelope: Envelope, task: Option<&Task>, stream: bool) -> Box<dyn AnswerEncoder> {
    match task {
        Some(Task::Images(request)) if stream => Box::new(stream::Stream::new(envelope, request)),
        _ if stream => Box::new(stream::Stream::new(envelope, &ImagesRequest::default())),
        _ => Box::new(answer::Answer::new(envelope)),
    }
}
