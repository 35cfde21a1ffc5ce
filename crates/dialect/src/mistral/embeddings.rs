//! Vectors. The wire is that of OpenAI but for the name of the length.

use pricing::{Class, Usage};
use serde::Deserialize;
use serde_json::json;

use crate::canonical::{Event, Task};
use crate::codec::{Adapter, AuthStyle, Encoded, JSON, Target};
use crate::error::{BadRequest, ProviderError};
use crate::openai::OpenAi;
use crate::vectors;
use crate::whole::Whole;

pub(super) const EMBEDDINGS: Whole =
    Whole { encode, decode, classify: |status, headers, body| OpenAi.classify(status, headers, body) };

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
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: Option<u64>,
}

fn encode(task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let Task::Embeddings(request) = task else {
        return Err(BadRequest::new("this endpoint embeds only"));
    };
    let mut body = json!({"model": target.provider_model, "input": vectors::texts(request)?});
    if let Some(dimensions) = request.dimensions.filter(|_| target.takes("dimensions")) {
        body["output_dimension"] = json!(dimensions);
    }
    Encoded::json("/embeddings", JSON, AuthStyle::Bearer, &body)
}

fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| ProviderError::broken("the provider sent vectors that cannot be read"))?;
    let start = Event::Start { id: answer.id, model: answer.model, system_fingerprint: None };
    let rows =
        answer.data.into_iter().zip(0..).map(|(row, place)| (row.index.unwrap_or(place), row.embedding));
    let tokens = answer.usage.and_then(|counts| counts.prompt_tokens);
    Ok(vectors::answer(start, rows, tokens.map(|tokens| Usage::default().with(Class::Input, tokens))))
}
