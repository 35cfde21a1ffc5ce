//! Rankings over InvokeModel: Amazon's own models and Cohere's are asked alike.

use serde::Deserialize;
use serde_json::{Value, json};

use super::errors;
use super::family::Family;
use super::request::encoded;
use crate::canonical::{Event, RerankRequest, Task};
use crate::codec::{Encoded, Target};
use crate::error::{BadRequest, ProviderError};
use crate::ranking;
use crate::whole::Whole;

/// Which of Cohere's interfaces is meant.
const COHERE_VERSION: u32 = 2;

pub(super) const RERANK: Whole = Whole { encode, decode, classify: errors::classify };

fn encode(task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let Task::Rerank(request) = task else {
        return Err(BadRequest::new("this endpoint ranks documents only"));
    };
    Ok(encoded(target, "invoke", body(request, target)?.to_string()))
}

fn body(request: &RerankRequest, target: &Target<'_>) -> Result<Value, BadRequest> {
    let texts = request.documents.iter().map(|document| match (&document.text, &document.image) {
        (Some(text), None) => Ok(text.as_str()),
        _ => Err(BadRequest::new("this model ranks texts only")),
    });
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let mut body = json!({ "query": request.query, "documents": texts });
    if let Some(top) = request.top_n {
        body["top_n"] = top.into();
    }
    if Family::of(target) == Family::Cohere {
        body["api_version"] = COHERE_VERSION.into();
    }
    Ok(body)
}

#[derive(Debug, Deserialize)]
struct Answer {
    results: Vec<Ranked>,
}

#[derive(Debug, Deserialize)]
struct Ranked {
    index: u32,
    relevance_score: f64,
}

fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else { return Err(errors::unreadable(body)) };
    let start = Event::Start { id: None, model: None, system_fingerprint: None };
    let ranked = answer.results.into_iter().map(|ranked| (ranked.index, ranked.relevance_score));
    Ok(ranking::answer(start, ranked, None))
}
