//! Vectors of texts and of images.

use serde::Deserialize;
use serde_json::{Value, json};

use super::usage::Meta;
use super::{encoded, errors};
use crate::canonical::{EmbeddingInput, EmbeddingsRequest, Event, Media, Part, PartKind, Task};
use crate::codec::{Encoded, Target};
use crate::error::{BadRequest, ProviderError};
use crate::vectors;
use crate::whole::Whole;

/// What vectors are for when the client does not say; the provider must be told.
const DEFAULT_TYPE: &str = "search_document";

pub(super) const EMBED: Whole = Whole { encode, decode, classify: errors::classify };

#[derive(Deserialize)]
struct Answer {
    id: Option<String>,
    embeddings: Embeddings,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Embeddings {
    float: Vec<Vec<f32>>,
}

fn encode(task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let Task::Embeddings(request) = task else {
        return Err(BadRequest::new("this endpoint embeds only"));
    };
    let mut body = json!({
        "model": target.provider_model,
        "input_type": input_type(request),
        "embedding_types": ["float"],
    });
    if request.inputs.iter().any(has_images) {
        body["inputs"] = request.inputs.iter().enumerate().map(mixed).collect::<Result<_, _>>()?;
    } else {
        body["texts"] = json!(vectors::texts(request)?);
    }
    if let Some(dimensions) = request.dimensions.filter(|_| target.takes("dimensions")) {
        body["output_dimension"] = json!(dimensions);
    }
    if let Some(truncate) = request.extra.get("truncate") {
        body["truncate"] = truncate.clone();
    }
    encoded("/v2/embed", &body, false)
}

fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| errors::inside(body))?;
    let start = Event::Start { id: answer.id, model: None, system_fingerprint: None };
    let usage = answer.meta.and_then(|meta| meta.embedded());
    Ok(vectors::answer(start, (0..).zip(answer.embeddings.float), usage))
}

/// The provider's word; those of other vendors mean the same.
fn input_type(request: &EmbeddingsRequest) -> &str {
    match request.input_type.as_deref() {
        None | Some("document" | "passage") => DEFAULT_TYPE,
        Some("query") => "search_query",
        Some(word) => word,
    }
}

fn has_images(input: &EmbeddingInput) -> bool {
    let is_image = |part: &Part| matches!(part.kind, PartKind::Image { .. });
    matches!(input, EmbeddingInput::Parts(parts) if parts.iter().any(is_image))
}

fn mixed((index, input): (usize, &EmbeddingInput)) -> Result<Value, BadRequest> {
    let refused = || {
        BadRequest::new(format!(
            "`input[{index}]` has content that this endpoint cannot embed: send text or images"
        ))
    };
    let part = |part: &Part| match &part.kind {
        PartKind::Text(text) => Ok(json!({"type": "text", "text": text})),
        PartKind::Image { source: Media::Url(url), .. } => Ok(image(url)),
        PartKind::Image { source: Media::Inline { media_type, data }, .. } => {
            Ok(image(&format!("data:{media_type};base64,{data}")))
        }
        _ => Err(refused()),
    };
    let content: Vec<Value> = match input {
        EmbeddingInput::Text(text) => vec![json!({"type": "text", "text": text})],
        EmbeddingInput::Parts(parts) => parts.iter().map(part).collect::<Result<_, _>>()?,
        EmbeddingInput::Tokens(_) => return Err(refused()),
    };
    Ok(json!({"content": content}))
}

fn image(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}
