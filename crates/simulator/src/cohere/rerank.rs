//! Ranking.

use serde_json::{Value, json};

use super::extra;
use super::shape::RERANK;
use crate::answer::Usage;
use crate::failure::Failure;
use crate::job::{Bench, Job, Made};
use crate::strict::stranger;
use crate::vector::nearness;

/// Documents that one search unit pays for.
const PER_UNIT: usize = 100;
const MOST: usize = 1000;

struct Rerank {
    model: String,
    query: String,
    documents: Vec<String>,
    top: usize,
    returns: bool,
}

/// # Errors
/// [`Failure`] as Cohere would answer.
pub(crate) fn rerank(body: &Value) -> Result<Box<dyn Job>, Failure> {
    if let Some(way) = stranger(body, &RERANK) {
        return Err(extra(&way));
    }
    let text = |name: &str| {
        let value = body[name].as_str().filter(|value| !value.is_empty()).map(str::to_owned);
        value.ok_or_else(|| Failure::bad(format!("invalid request: {name} is required")))
    };
    let (model, query) = (text("model")?, text("query")?);
    let documents: Vec<String> = body["documents"].as_array().into_iter().flatten().map(words).collect();
    if documents.is_empty() || documents.len() > MOST {
        return Err(Failure::bad("invalid request: list of documents must not be empty"));
    }
    let top = body["top_n"].as_u64().and_then(|top| usize::try_from(top).ok());
    if top == Some(0) {
        return Err(Failure::bad("invalid request: top_n must be at least 1"));
    }
    let top = top.unwrap_or(documents.len());
    Ok(Box::new(Rerank { model, query, documents, top, returns: body["return_documents"] == true }))
}

fn words(document: &Value) -> String {
    document
        .as_str()
        .or_else(|| document["text"].as_str())
        .map_or_else(|| document.to_string(), str::to_owned)
}

/// The documents from the nearest on: their place and score.
pub(crate) fn rank(query: &str, documents: &[String], top: usize) -> Vec<(usize, f64)> {
    let scored = documents.iter().enumerate();
    let mut ranked: Vec<(usize, f64)> =
        scored.map(|(at, document)| (at, nearness(query, document))).collect();
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1));
    ranked.truncate(top);
    ranked
}

impl Job for Rerank {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        &self.query
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let units = self.documents.len().div_ceil(PER_UNIT) as u64;
        let results: Vec<Value> = rank(bench.plain, &self.documents, self.top)
            .into_iter()
            .map(|(index, score)| {
                let mut result = json!({"index": index, "relevance_score": score});
                if self.returns {
                    result["document"] = json!({"text": self.documents[index]});
                }
                result
            })
            .collect();
        let mut meta = json!({"api_version": {"version": "2"}});
        if bench.shows_usage() {
            meta["billed_units"] = json!({"search_units": units});
        }
        let body = json!({"id": bench.stamp.response_id, "results": results, "meta": meta});
        let usage = Usage { search_units: units, ..Usage::default() };
        Ok(Made::json(&body, usage, bench.shows_usage()))
    }
}
