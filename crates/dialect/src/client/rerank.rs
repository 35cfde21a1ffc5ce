//! Documents in the order of how well they answer a query, as OpenRouter and Cohere ask for it.

mod answer;
mod searches;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::body::{self, Body, Head};
use super::weight::Weight;
use super::{AnswerEncoder, Envelope, Peek};
use crate::canonical::{Document, RerankRequest, Task};
use crate::client::parts::media;
use crate::client::path::Path;
use crate::error::BadRequest;

/// Documents of one request at most, as at Cohere.
const DOCUMENTS: usize = 10_000;

/// Reads what admission needs; see [`crate::client::Dialect::peek`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn peek(body: &[u8]) -> Result<Peek, BadRequest> {
    let (head, request) = read(body)?;
    let mut weight = Weight::default();
    for image in request.documents.iter().filter_map(|document| document.image.as_ref()) {
        weight.add_image(&media(image.clone()));
    }
    // Models that are priced by the token read the query once more for each document.
    let further = (request.documents.len() as u64).saturating_sub(1);
    let repeated = further.saturating_mul(request.query.len() as u64);
    Ok(Peek {
        // Each document has the context to itself.
        messages: u32::try_from(request.documents.len()).unwrap_or(u32::MAX),
        images: weight.images,
        search_units: searches::most(&request),
        input_modalities: weight.modalities(),
        parameters: body::set(&[("top_n", request.top_n.is_some())]),
        text_bytes: weight.rest_of(body.len()).saturating_add(repeated),
        ..head.into_peek()
    })
}

/// Reads a whole request; see [`crate::client::Dialect::decode`].
///
/// # Errors
/// [`BadRequest`] naming the member that is wrong.
pub(super) fn decode(body: &Bytes) -> Result<RerankRequest, BadRequest> {
    read(body).map(|(_, request)| request)
}

pub(super) fn answer(envelope: Envelope, task: Option<&Task>) -> Box<dyn AnswerEncoder> {
    match task {
        Some(Task::Rerank(request)) => Box::new(answer::Answer::new(envelope, request)),
        _ => Box::new(answer::Answer::new(envelope, &RerankRequest::default())),
    }
}

fn read(body: &[u8]) -> Result<(Head, RerankRequest), BadRequest> {
    let mut body = Body::of(body)?;
    let head = Head::read(&mut body)?;
    let request = RerankRequest {
        model: head.model(),
        query: body.required_string("query")?,
        documents: documents(&mut body)?,
        top_n: body.integer("top_n", 1..=u32::MAX)?,
        extra: body.rest(),
    };
    Ok((head, request))
}

fn documents(body: &mut Body<'_>) -> Result<Vec<Document>, BadRequest> {
    let path = body.path.member("documents");
    let list = body.list("documents", DOCUMENTS)?.unwrap_or_default();
    if list.is_empty() {
        return Err(path.must("have at least one entry"));
    }
    list.into_iter().enumerate().map(|(index, value)| document(value, &path.item(index))).collect()
}

/// A text, or an object with `text`, `image` or both.
fn document(value: &RawValue, path: &Path<'_>) -> Result<Document, BadRequest> {
    if value.get().starts_with('"') {
        return Ok(Document { text: Some(body::text(value, path)?), image: None });
    }
    if !value.get().starts_with('{') {
        return Err(path.must("be a text or an object with `text` or `image`"));
    }
    let mut object = Body::within(value, path)?;
    let document = Document { text: object.string("text")?, image: object.string("image")? };
    match document {
        Document { text: None, image: None } => Err(path.must("have `text` or `image`")),
        document => Ok(document),
    }
}
