//! Documents in the order of how well they answer a query, as the servers do it that speak OpenAI's dialect
//! otherwise: `POST /rerank` with a list of texts, or of objects where there are images.
//!
//! What comes back is listed under `results`, `data` or nothing at all, and counted in tokens or in searches.

use pricing::{Class, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors;
use super::quirks::Quirks;
use crate::canonical::{Document, Event, RerankRequest, Task};
use crate::client::platform;
use crate::codec::{Encoded, JSON, Target};
use crate::error::{BadRequest, ProviderError};
use crate::ranking;
use crate::tokens::Count;
use crate::whole::Whole;

pub(super) const RERANK: Whole = Whole { encode, decode, classify: errors::classify };

#[derive(Deserialize)]
struct Answer {
    id: Option<String>,
    model: Option<String>,
    #[serde(alias = "data")]
    results: Vec<Ranked>,
    usage: Option<Counts>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Ranked {
    index: u32,
    #[serde(alias = "score")]
    relevance_score: f64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Counts {
    prompt_tokens: Count,
    total_tokens: Count,
    search_units: Count,
}

#[derive(Deserialize)]
struct Meta {
    billed_units: Option<Counts>,
}

fn encode(task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
    let Task::Rerank(request) = task else {
        return Err(BadRequest::new("this endpoint ranks documents only"));
    };
    let quirks = Quirks::of(target);
    let path = quirks.text("path").unwrap_or("/rerank");
    Encoded::json(path, JSON, quirks.auth(), &body(request, target, quirks))
}

fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let answer: Answer = serde_json::from_slice(body)
        .or_else(|_| serde_json::from_slice(body).map(Answer::bare))
        .map_err(|_| errors::unreadable(body))?;
    let start = Event::Start { id: answer.id, model: answer.model, system_fingerprint: None };
    let ranked = answer.results.into_iter().map(|ranked| (ranked.index, ranked.relevance_score));
    let counts = answer.usage.or(answer.meta.and_then(|meta| meta.billed_units));
    Ok(ranking::answer(start, ranked, counts.and_then(|counts| counts.usage())))
}

impl Answer {
    /// A list and nothing around it.
    fn bare(results: Vec<Ranked>) -> Self {
        Self { id: None, model: None, results, usage: None, meta: None }
    }
}

impl Counts {
    /// All tokens are of the prompt. Searches are counted in their place.
    fn usage(&self) -> Option<Usage> {
        let tokens = self.total_tokens.0.max(self.prompt_tokens.0);
        if tokens == 0 && self.search_units.0 == 0 {
            return None;
        }
        Some(Usage::default().with(Class::Input, tokens).with(Class::SearchUnit, self.search_units.0))
    }
}

fn body(request: &RerankRequest, target: &Target<'_>, quirks: Quirks<'_>) -> Value {
    let mut body = json!({
        "model": target.provider_model,
        "query": request.query,
        "documents": request.documents.iter().map(document).collect::<Vec<_>>(),
    });
    if let Some(count) = request.top_n {
        body["top_n"] = json!(count);
    }
    for (name, value) in &request.extra {
        let is_ours = platform::MEMBERS.contains(&name.as_str()) || body.get(name).is_some();
        if !is_ours && (!quirks.has("strict") || quirks.lists("accepts", name)) {
            body[name] = value.clone();
        }
    }
    body
}

/// A text alone is a string.
fn document(document: &Document) -> Value {
    match (&document.text, &document.image) {
        (Some(text), None) => json!(text),
        (Some(text), Some(image)) => json!({"text": text, "image": image}),
        (None, Some(image)) => json!({"image": image}),
        (None, None) => json!(""),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::codec::Adapter as _;
    use crate::codec::AuthStyle;

    fn with_target<T>(quirks: &Value, body: impl FnOnce(&Target<'_>) -> T) -> T {
        let none = Map::new();
        body(&Target {
            model: "author/model",
            provider: "house",
            provider_model: "ranker",
            max_output: None,
            supported_parameters: &[],
            service_tier: "",
            quirks: quirks.as_object().unwrap_or(&none),
        })
    }

    fn read(body: &Value) -> Vec<Event> {
        with_target(&json!({}), |target| RERANK.decode(body.to_string().as_bytes(), target)).unwrap()
    }

    #[test]
    fn documents_go_out_as_texts_or_objects() {
        let text = |text: &str| Document { text: Some(text.to_owned()), image: None };
        let image = Document { text: None, image: Some("https://a.example/a.png".to_owned()) };
        let extra = json!({"return_documents": false, "provider": {}, "model": "x"});
        let task = Task::Rerank(RerankRequest {
            query: "q".to_owned(),
            documents: vec![text("a"), image],
            top_n: Some(1),
            extra: extra.as_object().unwrap().clone(),
            ..RerankRequest::default()
        });
        let sent = |quirks: Value| -> (Encoded, Value) {
            let encoded = with_target(&quirks, |target| RERANK.encode(&task, target)).unwrap();
            let body = serde_json::from_slice(&encoded.body).unwrap();
            (encoded, body)
        };
        let (encoded, body) = sent(json!({}));
        assert_eq!((encoded.path.as_str(), encoded.auth), ("/rerank", AuthStyle::Bearer));
        let documents = json!(["a", {"image": "https://a.example/a.png"}]);
        let expected = json!({"model": "ranker", "query": "q", "documents": documents, "top_n": 1,
            "return_documents": false});
        assert_eq!(body, expected);
        let (encoded, body) = sent(json!({"path": "/v2/rerank", "auth": "none", "strict": true}));
        assert_eq!((encoded.path.as_str(), encoded.auth), ("/v2/rerank", AuthStyle::None));
        assert_eq!(body.get("return_documents"), None);
    }

    #[test]
    fn rankings_are_read_in_every_form() {
        let ranked = [Event::Ranked { index: 1, score: 0.5 }, Event::Ranked { index: 0, score: 0.25 }];
        let tokens = Event::Usage(Usage::default().with(Class::Input, 9));
        let rows = json!([{"index": 1, "relevance_score": 0.5}, {"index": 0, "relevance_score": 0.25}]);
        let jina = read(&json!({"model": "m", "usage": {"total_tokens": 9}, "results": rows}));
        assert_eq!((&jina[1..3], &jina[3]), (&ranked[..], &tokens));
        let voyage = read(&json!({"object": "list", "data": rows, "usage": {"total_tokens": 9}}));
        assert_eq!((&voyage[1..3], &voyage[3]), (&ranked[..], &tokens));
        let together = json!({"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9});
        assert_eq!(read(&json!({"results": rows, "usage": together}))[3], tokens);
        let searched = read(&json!({"results": rows, "meta": {"billed_units": {"search_units": 2}}}));
        assert_eq!(searched[3], Event::Usage(Usage::default().with(Class::SearchUnit, 2)));
        let bare = read(&json!([{"index": 1, "score": 0.5}, {"index": 0, "score": 0.25}]));
        assert_eq!((&bare[1..3], &bare[3..]), (&ranked[..], &[Event::stop()][..]));
        let failed = json!({"error": {"message": "m", "code": 503}}).to_string();
        assert!(with_target(&json!({}), |target| RERANK.decode(failed.as_bytes(), target)).is_err());
    }
}
