//! Documents in the order of how well they answer a query.

use serde::Deserialize;
use serde_json::json;

use super::usage::Meta;
use super::{encoded, errors};
use crate::canonical::{Document, Event, RerankRequest, Task};
use crate::codec::{Encoded, Target};
use crate::error::{BadRequest, ProviderError};
use crate::ranking;
use crate::whole::Whole;

pub(super) const RERANK: Whole = Whole { encode, decode, classify: errors::classify };

#[derive(Deserialize)]
struct Answer {
    id: Option<String>,
    results: Vec<Ranked>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Ranked {
    index: u32,
    relevance_score: f64,
}

fn encode(task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let Task::Rerank(request) = task else {
        return Err(BadRequest::new("this endpoint ranks documents only"));
    };
    let mut body = json!({
        "model": target.provider_model,
        "query": request.query,
        "documents": texts(request)?,
    });
    if let Some(count) = request.top_n {
        body["top_n"] = json!(count);
    }
    for name in ["max_tokens_per_doc", "priority"] {
        if let Some(value) = request.extra.get(name) {
            body[name] = value.clone();
        }
    }
    encoded("/v2/rerank", &body, false)
}

fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| errors::inside(body))?;
    let start = Event::Start { id: answer.id, model: None, system_fingerprint: None };
    let ranked = answer.results.into_iter().map(|ranked| (ranked.index, ranked.relevance_score));
    Ok(ranking::answer(start, ranked, answer.meta.and_then(|meta| meta.searched())))
}

fn texts(request: &RerankRequest) -> Result<Vec<&str>, BadRequest> {
    request.documents.iter().enumerate().map(|(index, document)| text(index, document)).collect()
}

fn text(index: usize, document: &Document) -> Result<&str, BadRequest> {
    match document {
        Document { text: Some(text), image: None } => Ok(text),
        _ => Err(BadRequest::new(format!(
            "`documents[{index}]` is no text, and this endpoint ranks texts only"
        ))),
    }
}
