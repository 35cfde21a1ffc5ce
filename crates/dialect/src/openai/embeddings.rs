//! Vectors.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pricing::{Class, Usage};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::{Value, json};

use super::errors;
use super::outgoing::Outgoing;
use super::quirks::Quirks;
use crate::canonical::{EmbeddingInput, Event, Media, Part, PartKind, Task};
use crate::codec::{Encoded, JSON, Target};
use crate::end_user;
use crate::error::{BadRequest, ProviderError};
use crate::vectors;
use crate::whole::Whole;

pub(super) const EMBEDDINGS: Whole = Whole { encode, decode, classify: errors::classify };

fn encode(task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let Task::Embeddings(request) = task else {
        return Err(BadRequest::new("this endpoint embeds only"));
    };
    let quirks = Quirks::of(target);
    let mut body = Outgoing::new(target);
    body.set("input", inputs(&request.inputs)?);
    body.set_some("dimensions", request.dimensions.filter(|_| target.takes("dimensions")));
    body.set_some("encoding_format", quirks.text("encoding_format"));
    body.set_some("user", request.user.as_deref().map(end_user::hashed));
    if let Some(input_type) = request.input_type.as_deref().filter(|_| quirks.lists("accepts", "input_type"))
    {
        body.set("input_type", input_type);
    }
    body.add_accepted(&request.extra);
    body.into_json("embeddings", JSON)
}

/// One text is a string, as some servers take nothing else.
fn inputs(inputs: &[EmbeddingInput]) -> Result<Value, BadRequest> {
    match inputs {
        [one @ EmbeddingInput::Text(_)] => input(one),
        many => many.iter().map(input).collect(),
    }
}

fn input(input: &EmbeddingInput) -> Result<Value, BadRequest> {
    Ok(match input {
        EmbeddingInput::Text(text) => json!(text),
        EmbeddingInput::Tokens(tokens) => json!(tokens),
        EmbeddingInput::Parts(parts) => match parts.as_slice() {
            [Part { kind: PartKind::Text(text), .. }] => json!(text),
            parts => json!({"content": parts.iter().map(part).collect::<Result<Vec<_>, _>>()?}),
        },
    })
}

fn part(part: &Part) -> Result<Value, BadRequest> {
    Ok(match &part.kind {
        PartKind::Text(text) => json!({"type": "text", "text": text}),
        PartKind::Image { source, .. } => json!({"type": "image_url", "image_url": {"url": url(source)}}),
        PartKind::Audio { data, format } => {
            json!({"type": "input_audio", "input_audio": {"data": data, "format": format}})
        }
        PartKind::Other(value) => value.clone(),
        PartKind::File { .. } => {
            return Err(BadRequest::new("this endpoint embeds no files: send texts or images"));
        }
    })
}

fn url(source: &Media) -> String {
    match source {
        Media::Url(url) | Media::Id(url) => url.clone(),
        Media::Inline { media_type, data } => format!("data:{media_type};base64,{data}"),
    }
}

#[derive(Deserialize)]
struct Answer {
    id: Option<String>,
    model: Option<String>,
    data: Vec<Row>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Row {
    index: Option<u32>,
    embedding: Vector,
}

/// Numbers, or the same in base64.
struct Vector(Vec<f32>);

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize, Default)]
struct Details {
    image_tokens: Option<u64>,
    audio_tokens: Option<u64>,
}

/// The vectors of an answer and what they took.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| errors::unreadable(body))?;
    if answer.data.iter().any(|row| row.embedding.0.iter().any(|number| !number.is_finite())) {
        return Err(ProviderError::broken("the provider sent a vector with something that is no number"));
    }
    let start = Event::Start { id: answer.id, model: answer.model, system_fingerprint: None };
    let vectors = places(&answer.data).into_iter().zip(answer.data.into_iter().map(|row| row.embedding.0));
    Ok(vectors::answer(start, vectors, answer.usage.and_then(|counts| counts.classes())))
}

/// Which input each vector is of: as it says, unless what they say cannot be, as where each says 0; then they
/// are in order.
fn places(rows: &[Row]) -> Vec<u32> {
    let in_order = || (0..).zip(rows).map(|(place, _)| place).collect::<Vec<u32>>();
    let said: Option<Vec<u32>> = rows.iter().map(|row| row.index).collect();
    let Some(said) = said else { return in_order() };
    let mut sorted = said.clone();
    sorted.sort_unstable();
    if sorted == in_order() { said } else { in_order() }
}

impl Counts {
    /// `None` when nothing was counted.
    fn classes(&self) -> Option<Usage> {
        let prompt = self.prompt_tokens.or(self.total_tokens).filter(|tokens| *tokens > 0)?;
        let details = self.prompt_tokens_details.as_ref();
        let part = |count: fn(&Details) -> Option<u64>| details.and_then(count).unwrap_or_default();
        let image = part(|details| details.image_tokens).min(prompt);
        let audio = part(|details| details.audio_tokens).min(prompt - image);
        Some(
            Usage::default()
                .with(Class::Input, prompt - image - audio)
                .with(Class::ImageInput, image)
                .with(Class::AudioInput, audio),
        )
    }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(VectorVisitor).map(Self)
    }
}

struct VectorVisitor;

impl<'de> Visitor<'de> for VectorVisitor {
    type Value = Vec<f32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers or their base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<f32>, E> {
        let bytes = BASE64_STANDARD.decode(text).map_err(E::custom)?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(E::custom("a number of four bytes is cut short"));
        }
        Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<f32>, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = seq.next_element()? {
            numbers.push(number);
        }
        Ok(numbers)
    }
}
