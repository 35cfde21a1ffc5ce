//! `invoke`: the embeddings of Titan and Cohere, and rankings, each in its maker's own shape.

use serde_json::{Value, json};

use super::model_error;
use crate::answer::Usage;
use crate::cohere::{Texts, rank, vectors};
use crate::failure::Failure;
use crate::job::{Bench, Job, Made};
use crate::prepare::Arrived;
use crate::vector;

const TITAN_DIMENSIONS: u64 = 1024;
const TITAN_LENGTHS: [u64; 3] = [256, 512, 1024];
const NOVA_DIMENSIONS: u64 = 3072;
const PER_UNIT: usize = 100;

/// # Errors
/// [`Failure`] as Bedrock would answer.
pub(crate) fn invoke(arrived: &Arrived, body: &Value) -> Result<Box<dyn Job>, Failure> {
    let model = arrived.call.address.model.clone().unwrap_or_default();
    if model.contains("titan-embed") {
        return titan(model, body);
    }
    if model.contains("multimodal-embeddings") {
        return nova(model, body);
    }
    if model.contains("rerank") {
        return ranking(model, body);
    }
    if model.contains("cohere.embed") {
        let allowed =
            ["texts", "images", "inputs", "input_type", "truncate", "embedding_types", "output_dimension"];
        check_members(body, &allowed)?;
        let texts = Texts::read(&model, body).map_err(|failure| model_error(&failure.message))?;
        return Ok(Box::new(CohereEmbed { model, texts }));
    }
    if model.starts_with("nonexistent") {
        return Err(Failure::bad("The provided model identifier is invalid."));
    }
    Err(model_error("Malformed input request: the simulator invokes embeddings and rankings only."))
}

fn check_members(body: &Value, allowed: &[&str]) -> Result<(), Failure> {
    let mut names = body.as_object().into_iter().flatten().map(|(name, _)| name);
    match names.find(|name| !allowed.contains(&name.as_str())) {
        Some(name) => Err(super::extra(std::slice::from_ref(name))),
        None => Ok(()),
    }
}

fn counted(made: Made, tokens: u64) -> Made {
    let headers = vec![
        ("x-amzn-bedrock-input-token-count", tokens.to_string()),
        ("x-amzn-bedrock-invocation-latency", "42".to_owned()),
    ];
    Made { headers, ..made }
}

struct Titan {
    model: String,
    text: String,
    dimensions: u64,
    types: Vec<String>,
    /// Whether it came with a picture.
    image: bool,
}

/// Texts and pictures in one space.
fn titan_image(model: String, body: &Value) -> Result<Box<dyn Job>, Failure> {
    check_members(body, &["inputText", "inputImage", "embeddingConfig"])?;
    let text = body["inputText"].as_str().unwrap_or_default().to_owned();
    let image = body["inputImage"].is_string();
    if text.is_empty() && !image {
        return Err(model_error(
            "Malformed input request: #: required key [inputText] or [inputImage] not found",
        ));
    }
    let dimensions = body["embeddingConfig"]["outputEmbeddingLength"].as_u64().unwrap_or(TITAN_DIMENSIONS);
    Ok(Box::new(Titan { model, text, dimensions, types: Vec::new(), image }))
}

fn titan(model: String, body: &Value) -> Result<Box<dyn Job>, Failure> {
    if model.contains("embed-image") {
        return titan_image(model, body);
    }
    // Only the second generation takes wishes.
    let members: &[&str] = if model.contains("v2") {
        &["inputText", "dimensions", "normalize", "embeddingTypes"]
    } else {
        &["inputText"]
    };
    check_members(body, members)?;
    let Some(text) = body["inputText"].as_str().filter(|text| !text.is_empty()) else {
        return Err(model_error(
            "Malformed input request: expected minLength: 1, actual: 0, please reformat your input and \
                                try again.",
        ));
    };
    let dimensions = body["dimensions"].as_u64().unwrap_or(TITAN_DIMENSIONS);
    if !TITAN_LENGTHS.contains(&dimensions) {
        let message =
            format!("Malformed input request: #/dimensions: {dimensions} is not a valid enum value");
        return Err(model_error(&message));
    }
    let types = body["embeddingTypes"].as_array().into_iter().flatten();
    let types = types.filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(Box::new(Titan { model, text: text.to_owned(), dimensions, types, image: false }))
}

impl Job for Titan {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        &self.text
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let prompt = bench.tokenizer.count(&self.text);
        let vector = vector::unit_value(&self.text, self.dimensions, false);
        let mut body = json!({"embedding": vector, "embeddingsByType": {"float": vector}});
        if self.types.iter().any(|kind| kind == "binary") {
            let bits =
                vector::bytes(&self.text, self.dimensions).into_iter().map(|value| u8::from(value > 0));
            body["embeddingsByType"]["binary"] = bits.collect();
        }
        if bench.shows_usage() {
            body["inputTextTokenCount"] = json!(prompt);
        }
        let usage = Usage { prompt, images: u64::from(self.image), ..Usage::default() };
        Ok(counted(Made::json(&body, usage, bench.shows_usage()), prompt))
    }
}

struct Nova {
    model: String,
    text: String,
    kind: &'static str,
    dimensions: u64,
}

/// One text, picture or recording.
fn nova(model: String, body: &Value) -> Result<Box<dyn Job>, Failure> {
    check_members(body, &["schemaVersion", "taskType", "singleEmbeddingParams"])?;
    let asked = &body["singleEmbeddingParams"];
    let kinds = [("text", "TEXT"), ("image", "IMAGE"), ("audio", "AUDIO"), ("video", "VIDEO")];
    let given = kinds.into_iter().find(|(name, _)| asked[*name].is_object());
    let Some((name, kind)) = given.filter(|_| body["taskType"] == "SINGLE_EMBEDDING") else {
        return Err(model_error(
            "Malformed input request: #/singleEmbeddingParams: exactly one input is required",
        ));
    };
    if !asked["embeddingPurpose"].is_string() {
        return Err(model_error("Malformed input request: #: required key [embeddingPurpose] not found"));
    }
    let text = asked[name]["value"].as_str().map_or_else(|| asked[name].to_string(), str::to_owned);
    let dimensions = asked["embeddingDimension"].as_u64().unwrap_or(NOVA_DIMENSIONS);
    Ok(Box::new(Nova { model, text, kind, dimensions }))
}

impl Job for Nova {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        &self.text
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let prompt = if self.kind == "TEXT" { bench.tokenizer.count(&self.text) } else { 0 };
        let vector = vector::unit_value(&self.text, self.dimensions, false);
        let mut body = json!({"embeddings": [{"embeddingType": self.kind, "embedding": vector}]});
        if bench.shows_usage() && self.kind == "TEXT" {
            body["inputTextTokenCount"] = json!(prompt);
        }
        let usage = Usage { prompt, images: u64::from(self.kind == "IMAGE"), ..Usage::default() };
        Ok(counted(Made::json(&body, usage, bench.shows_usage()), prompt))
    }
}

struct CohereEmbed {
    model: String,
    texts: Texts,
}

impl Job for CohereEmbed {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        self.texts.texts.first().map_or("", String::as_str)
    }

    /// The counts are in a header only.
    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let prompt = self.texts.tokens(bench.tokenizer);
        let mut embeddings = vectors(&self.texts, "float");
        let plain = self.texts.types.is_empty();
        if plain {
            embeddings = embeddings["float"].take();
        }
        let kind = if plain { "embeddings_floats" } else { "embeddings_by_type" };
        let body = json!({"id": bench.stamp.response_id, "texts": self.texts.texts, "embeddings": embeddings,
            "response_type": kind});
        let usage = Usage { prompt, ..Usage::default() };
        Ok(counted(Made::json(&body, usage, true), prompt))
    }
}

struct Ranking {
    model: String,
    query: String,
    documents: Vec<String>,
    top: usize,
}

fn ranking(model: String, body: &Value) -> Result<Box<dyn Job>, Failure> {
    check_members(body, &["query", "documents", "top_n", "api_version"])?;
    let documents = body["documents"].as_array().into_iter().flatten();
    let documents: Vec<String> = documents.filter_map(Value::as_str).map(str::to_owned).collect();
    let query = body["query"].as_str().unwrap_or_default().to_owned();
    if query.is_empty() || documents.is_empty() {
        return Err(model_error("Malformed input request: #: required key [query] or [documents] not found"));
    }
    let top = body["top_n"].as_u64().and_then(|top| usize::try_from(top).ok()).unwrap_or(documents.len());
    Ok(Box::new(Ranking { model, query, documents, top }))
}

impl Job for Ranking {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        &self.query
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let ranked = rank(bench.plain, &self.documents, self.top).into_iter();
        let results = ranked.map(|(index, score)| json!({"index": index, "relevance_score": score}));
        let body = json!({"results": results.collect::<Value>()});
        let search_units = self.documents.len().div_ceil(PER_UNIT) as u64;
        Ok(Made::json(&body, Usage { search_units, ..Usage::default() }, false))
    }
}
