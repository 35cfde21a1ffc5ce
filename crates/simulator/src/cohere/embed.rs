//! Embeddings.

use serde_json::{Map, Value, json};

use super::extra;
use super::shape::EMBED;
use crate::answer::Usage;
use crate::failure::Failure;
use crate::job::{Bench, Job, Made};
use crate::strict::stranger;
use crate::tokens::Tokenizer;
use crate::vector;

const DIMENSIONS: u64 = 1536;
const OLD_DIMENSIONS: u64 = 1024;
const MOST: usize = 96;
/// What an image costs.
const IMAGE: u64 = 1000;
const INPUT_TYPES: [&str; 5] = ["search_document", "search_query", "classification", "clustering", "image"];

/// Texts and images to embed.
pub(crate) struct Texts {
    pub(crate) texts: Vec<String>,
    pub(crate) images: Vec<String>,
    pub(crate) types: Vec<String>,
    pub(crate) dimensions: u64,
}

impl Texts {
    /// # Errors
    /// [`Failure`] as Cohere would answer.
    pub(crate) fn read(model: &str, body: &Value) -> Result<Self, Failure> {
        let Some(kind) = body["input_type"].as_str() else {
            let message = "valid input_type must be provided with the provided model";
            return Err(Failure::bad(format!("invalid request: {message}")));
        };
        if !INPUT_TYPES.contains(&kind) {
            return Err(Failure::bad(format!("invalid request: input_type '{kind}' is not valid")));
        }
        let mut texts = strings(&body["texts"]);
        let mut images = strings(&body["images"]);
        for part in body["inputs"].as_array().into_iter().flatten() {
            for content in part["content"].as_array().into_iter().flatten() {
                texts.extend(content["text"].as_str().map(str::to_owned));
                let url = content["image_url"]["url"].as_str().or_else(|| content["image_url"].as_str());
                images.extend(url.map(str::to_owned));
            }
        }
        if texts.is_empty() && images.is_empty() {
            return Err(Failure::bad("invalid request: one of texts, images or inputs must be provided"));
        }
        if texts.len() > MOST {
            return Err(Failure::bad(format!(
                "invalid request: total number of texts must be at most {MOST}"
            )));
        }
        let usual = if model.contains("v4") { DIMENSIONS } else { OLD_DIMENSIONS };
        let types = strings(&body["embedding_types"]);
        Ok(Self { texts, images, types, dimensions: body["output_dimension"].as_u64().unwrap_or(usual) })
    }

    pub(crate) fn tokens(&self, tokenizer: &Tokenizer) -> u64 {
        self.texts.iter().map(|text| tokenizer.count(text)).sum()
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The vectors of every type that is asked for.
pub(crate) fn vectors(asked: &Texts, usual: &str) -> Value {
    let types: Vec<&str> =
        if asked.types.is_empty() { vec![usual] } else { asked.types.iter().map(String::as_str).collect() };
    let all = || asked.texts.iter().chain(&asked.images);
    let of_type = |kind: &str| -> Value {
        match kind {
            "float" => all().map(|text| vector::unit_value(text, asked.dimensions, false)).collect(),
            "base64" => all().map(|text| vector::unit_value(text, asked.dimensions, true)).collect(),
            // Eight to a byte.
            "binary" | "ubinary" => {
                all().map(|text| json!(vector::bytes(text, asked.dimensions / 8))).collect()
            }
            _ => all().map(|text| json!(vector::bytes(text, asked.dimensions))).collect(),
        }
    };
    Value::Object(types.into_iter().map(|kind| (kind.to_owned(), of_type(kind))).collect::<Map<_, _>>())
}

struct Embed {
    model: String,
    asked: Texts,
}

/// # Errors
/// [`Failure`] as Cohere would answer.
pub(crate) fn embed(body: &Value) -> Result<Box<dyn Job>, Failure> {
    if let Some(way) = stranger(body, &EMBED) {
        return Err(extra(&way));
    }
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Err(Failure::bad("invalid request: model is required"));
    };
    Ok(Box::new(Embed { model: model.to_owned(), asked: Texts::read(model, body)? }))
}

impl Job for Embed {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        self.asked.texts.first().map_or("", String::as_str)
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let text = self.asked.tokens(bench.tokenizer);
        let images = self.asked.images.len() as u64;
        let mut meta = json!({"api_version": {"version": "2"}});
        if bench.shows_usage() {
            meta["billed_units"] = json!({"input_tokens": text, "image_tokens": images * IMAGE});
            if images > 0 {
                meta["billed_units"]["images"] = json!(images);
            }
        }
        let mut body = json!({"id": bench.stamp.response_id, "texts": self.asked.texts,
            "embeddings": vectors(&self.asked, "float"), "meta": meta, "response_type": "embeddings_by_type"});
        if images > 0 {
            let about = self.asked.images.iter();
            let about = about.map(|_| json!({"width": 64, "height": 64, "format": "png", "bit_depth": 24}));
            body["images"] = about.collect();
        }
        let usage = Usage {
            prompt: text + images * IMAGE,
            media: images * IMAGE,
            billed_prompt: text,
            ..Usage::default()
        };
        Ok(Made::json(&body, usage, bench.shows_usage()))
    }
}
