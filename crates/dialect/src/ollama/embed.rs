//! Vectors of texts.

use pricing::{Class, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::encoded;
use crate::canonical::{Event, Task};
use crate::codec::{Adapter, Encoded, Target};
use crate::error::{BadRequest, ProviderError};
use crate::openai::{self, OpenAi};
use crate::vectors;
use crate::whole::Whole;

pub(super) const EMBED: Whole =
    Whole { encode, decode, classify: |status, headers, body| OpenAi.classify(status, headers, body) };

#[derive(Deserialize)]
struct Answer {
    model: Option<String>,
    embeddings: Vec<Vec<f32>>,
    prompt_eval_count: Option<u64>,
}

fn encode(task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let Task::Embeddings(request) = task else {
        return Err(BadRequest::new("this endpoint embeds only"));
    };
    let truncate = request.extra.get("truncate").and_then(Value::as_bool).unwrap_or(false);
    let mut body = json!({
        "model": target.provider_model,
        "input": vectors::texts(request)?,
        "truncate": truncate,
    });
    if let Some(dimensions) = request.dimensions.filter(|_| target.takes("dimensions")) {
        body["dimensions"] = json!(dimensions);
    }
    if let Some(kept) = target.quirks.get("keep_alive") {
        body["keep_alive"] = kept.clone();
    }
    if let Some(context) = target.quirks.get("num_ctx") {
        body["options"] = json!({"num_ctx": context});
    }
    encoded("/api/embed", &body, false, target)
}

fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| match serde_json::from_slice::<Value>(body) {
            Ok(error) if error.get("error").is_some() => openai::failure(&error),
            _ => ProviderError::broken("the provider sent vectors that cannot be read"),
        })?;
    let start = Event::Start { id: None, model: answer.model, system_fingerprint: None };
    let usage = answer.prompt_eval_count.map(|tokens| Usage::default().with(Class::Input, tokens));
    Ok(vectors::answer(start, (0..).zip(answer.embeddings), usage))
}
