//! Vectors, in the three forms in which Google's services make them.

use http::HeaderMap;
use pricing::{Class, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};

use super::contents::Content;
use super::parts::{self, Part};
use super::request::{model_name, of_body, path};
use super::{errors, usage::Counts};
use crate::canonical::{EmbeddingInput, EmbeddingsRequest, Event, PartKind, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};
use crate::raw::or_default;
use crate::vectors;
use crate::whole::Collected;

/// Contents that one call takes at most.
const MOST: usize = 100;

/// Texts that one call of the older kind takes at most.
const MOST_TEXTS: usize = 250;

/// How vectors are made where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Embeddings {
    /// The Gemini API: each content names the model, and says what it is for beside itself.
    Gemini,
    /// Vertex, for models that take any content: what it is for is said in an object of its own.
    Vertex,
    /// Vertex, for models that take texts only.
    Predict,
}

/// One content, or several together.
#[derive(Debug, Serialize)]
struct Batch<'a> {
    requests: Vec<One<'a>>,
}

#[derive(Debug, Serialize)]
struct One<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    content: Content<'a>,
    /// What the vector is for and how long it is.
    #[serde(flatten)]
    wishes: Map<String, Value>,
}

impl Adapter for Embeddings {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let Task::Embeddings(request) = task else {
            return Err(BadRequest::new("this endpoint makes embeddings only"));
        };
        let most = match self {
            Self::Gemini => MOST,
            // There is no call for several contents together.
            Self::Vertex => 1,
            Self::Predict => MOST_TEXTS,
        };
        if request.inputs.len() > most {
            return Err(BadRequest::new(format!("this model takes at most {most} inputs for each request")));
        }
        if *self == Self::Predict {
            return of_body(&predict(request)?, path(target, "predict"));
        }
        let mut contents = request
            .inputs
            .iter()
            .map(|input| self.one(input, request, target))
            .collect::<Result<Vec<_>, _>>()?;
        match contents.pop() {
            Some(only) if contents.is_empty() => of_body(&only, path(target, "embedContent")),
            last => {
                contents.extend(last);
                of_body(&Batch { requests: contents }, path(target, "batchEmbedContents"))
            }
        }
    }

    fn decode(&self, body: &[u8], _target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        decode(body)
    }

    fn stream(&self, _target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Collected::boxed(decode)
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}

impl Embeddings {
    fn one<'a>(
        self,
        input: &'a EmbeddingInput,
        request: &EmbeddingsRequest,
        target: &Target<'_>,
    ) -> Result<One<'a>, BadRequest> {
        let content = Content::of_nobody(content(input)?);
        let mut wishes = Map::new();
        // Newer models want it in words, inside the text, which is the client's.
        if let Some(task_type) = task_type(request).filter(|_| model_name(target).contains("embedding-001")) {
            wishes.insert("taskType".to_owned(), task_type.into());
        }
        if let Some(dimensions) = request.dimensions {
            wishes.insert("outputDimensionality".to_owned(), dimensions.into());
        }
        if self == Self::Gemini {
            return Ok(One { model: Some(format!("models/{}", model_name(target))), content, wishes });
        }
        if !wishes.is_empty() {
            wishes = Map::from_iter([("embedContentConfig".to_owned(), Value::Object(wishes))]);
        }
        Ok(One { model: None, content, wishes })
    }
}

fn content(input: &EmbeddingInput) -> Result<Vec<Part<'_>>, BadRequest> {
    match input {
        EmbeddingInput::Text(text) => Ok(vec![Part::text(text.as_str())]),
        EmbeddingInput::Tokens(_) => Err(BadRequest::new("this model takes texts, not token ids")),
        EmbeddingInput::Parts(pieces) => {
            pieces.iter().filter_map(|piece| parts::part(piece).transpose()).collect()
        }
    }
}

fn predict(request: &EmbeddingsRequest) -> Result<Value, BadRequest> {
    let task_type = task_type(request);
    let instance = |input| {
        let mut instance = json!({ "content": text(input)? });
        if let Some(task_type) = &task_type {
            instance["task_type"] = task_type.as_str().into();
        }
        Ok(instance)
    };
    let instances = request.inputs.iter().map(instance).collect::<Result<Vec<_>, BadRequest>>()?;
    let mut body = json!({ "instances": instances });
    if let Some(dimensions) = request.dimensions {
        body["parameters"] = json!({ "outputDimensionality": dimensions });
    }
    Ok(body)
}

fn text(input: &EmbeddingInput) -> Result<String, BadRequest> {
    let only_texts = || BadRequest::new("this model takes texts only");
    match input {
        EmbeddingInput::Text(text) => Ok(text.clone()),
        EmbeddingInput::Tokens(_) => Err(only_texts()),
        EmbeddingInput::Parts(pieces) => pieces
            .iter()
            .map(|piece| match &piece.kind {
                PartKind::Text(text) => Ok(text.as_str()),
                _ => Err(only_texts()),
            })
            .collect(),
    }
}

/// What the vectors are for, in the provider's words; its own words pass.
fn task_type(request: &EmbeddingsRequest) -> Option<String> {
    let asked = request.input_type.as_deref().filter(|asked| !asked.is_empty())?;
    Some(match asked {
        "search_query" | "query" => "RETRIEVAL_QUERY".to_owned(),
        "search_document" | "document" | "passage" => "RETRIEVAL_DOCUMENT".to_owned(),
        other => other.to_ascii_uppercase(),
    })
}

/// An answer in any of the forms.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    embedding: Option<Vector>,
    #[serde(default, deserialize_with = "or_default")]
    embeddings: Vec<Vector>,
    #[serde(default, deserialize_with = "or_default")]
    predictions: Vec<Prediction>,
    usage_metadata: Option<Counts>,
}

#[derive(Debug, Deserialize)]
struct Prediction {
    embeddings: Vector,
}

#[derive(Debug, Deserialize)]
struct Vector {
    values: Vec<f32>,
    statistics: Option<Statistics>,
}

#[derive(Debug, Deserialize)]
struct Statistics {
    #[serde(alias = "tokenCount")]
    token_count: Option<Number>,
}

fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else { return Err(errors::inside(body)) };
    let mut vectors: Vec<Vector> = answer.embedding.into_iter().chain(answer.embeddings).collect();
    vectors.extend(answer.predictions.into_iter().map(|prediction| prediction.embeddings));
    if vectors.is_empty() {
        return Err(errors::inside(body));
    }
    let counted = answer.usage_metadata.and_then(|counts| counts.usage()).or_else(|| counted(&vectors));
    let start = Event::Start { id: None, model: None, system_fingerprint: None };
    let vectors = vectors.into_iter().map(|vector| vector.values);
    Ok(vectors::answer(start, (0..).zip(vectors), counted))
}

/// The sum of what was counted for each vector; absent when some of them has no count.
fn counted(vectors: &[Vector]) -> Option<Usage> {
    let tokens = vectors.iter().try_fold(0_u64, |sum, vector| {
        let count = vector.statistics.as_ref()?.token_count.as_ref()?;
        let count = count.as_u64().or_else(|| format!("{:.0}", count.as_f64()?).parse().ok())?;
        sum.checked_add(count)
    })?;
    Some(Usage::default().with(Class::Input, tokens))
}
