//! Reads a request and words every refusal.

use serde_json::value::RawValue;

use crate::canonical::{EmbeddingInput, EmbeddingsRequest, Part};
use crate::client::body::{Body, Head, items, text};
use crate::client::parts;
use crate::client::path::Path;
use crate::client::weight::Weight;
use crate::error::BadRequest;

/// Inputs of one request at most, as at OpenAI.
const INPUTS: usize = 2_048;
/// Parts of one input at most.
const PARTS: usize = 256;

pub(super) fn read(body: &[u8]) -> Result<(Head, EmbeddingsRequest), BadRequest> {
    let mut body = Body::of(body)?;
    let head = Head::read(&mut body)?;
    let request = EmbeddingsRequest {
        model: head.model(),
        inputs: inputs(&mut body)?,
        dimensions: body.integer("dimensions", 1..=u32::MAX)?,
        input_type: body.string("input_type")?,
        as_base64: body.word("encoding_format", &["float", "base64"])?.is_some_and(|form| form == "base64"),
        user: head.user.clone(),
        extra: body.rest(),
    };
    Ok((head, request))
}

/// What the inputs hold beside text.
pub(super) fn weight(request: &EmbeddingsRequest) -> Weight {
    let parts = request.inputs.iter().filter_map(|input| match input {
        EmbeddingInput::Parts(parts) => Some(parts),
        EmbeddingInput::Text(_) | EmbeddingInput::Tokens(_) => None,
    });
    Weight::of(parts.flatten())
}

/// A text, texts, token ids, lists of token ids, or objects with `content`.
fn inputs(body: &mut Body<'_>) -> Result<Vec<EmbeddingInput>, BadRequest> {
    let path = body.path.member("input");
    let Some(value) = body.raw("input") else {
        return Err(BadRequest::new("`input` is required: send a text or a list of texts"));
    };
    if !value.get().starts_with('[') || begins_with_a_number(value) {
        return Ok(vec![input(value, &path)?]);
    }
    let list = items(value, &path, INPUTS)?;
    if list.is_empty() {
        return Err(path.must("have at least one entry"));
    }
    list.into_iter().enumerate().map(|(index, value)| input(value, &path.item(index))).collect()
}

fn begins_with_a_number(list: &RawValue) -> bool {
    let first = list.get().get(1..).and_then(|rest| rest.trim_start().bytes().next());
    first.is_some_and(|byte| byte == b'-' || byte.is_ascii_digit())
}

fn input(value: &RawValue, path: &Path<'_>) -> Result<EmbeddingInput, BadRequest> {
    match value.get().as_bytes().first() {
        Some(b'"') => match text(value, path)? {
            text if text.is_empty() => Err(path.must("not be empty")),
            text => Ok(EmbeddingInput::Text(text)),
        },
        Some(b'[') => match serde_json::from_str::<Vec<u32>>(value.get()) {
            Ok(tokens) if !tokens.is_empty() => Ok(EmbeddingInput::Tokens(tokens)),
            _ => Err(path.must("be a list of token ids that is not empty")),
        },
        Some(b'{') => Ok(EmbeddingInput::Parts(content(value, path)?)),
        _ => Err(path.must("be a text, a list of token ids or an object with `content`")),
    }
}

/// `{"content": [{"type": "text", …}, {"type": "image_url", …}, …]}`
fn content(value: &RawValue, path: &Path<'_>) -> Result<Vec<Part>, BadRequest> {
    let mut object = Body::within(value, path)?;
    let path = path.member("content");
    let list = object.list("content", PARTS)?.unwrap_or_default();
    if list.is_empty() {
        return Err(path.must("have at least one part"));
    }
    list.into_iter().enumerate().map(|(index, part)| parts::part_of(part, &path.item(index))).collect()
}
