//! `:predict`: embeddings of texts, pictures of `imagen` models.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answer::Usage;
use crate::failure::Failure;
use crate::job::{Bench, Job, Made};
use crate::picture;
use crate::prepare::Arrived;
use crate::seed::hash_text;
use crate::vector;

const DIMENSIONS: u64 = 768;
const MOST: usize = 250;
const MOST_PICTURES: u64 = 4;

struct Predict {
    model: String,
    texts: Vec<String>,
    dimensions: u64,
    pictures: Option<u64>,
}

/// # Errors
/// [`Failure`] as Vertex would answer.
pub(crate) fn predict(arrived: &Arrived, body: &Value) -> Result<Box<dyn Job>, Failure> {
    let model = arrived.call.address.model.clone().unwrap_or_default();
    let instances = body["instances"].as_array().map_or(&[][..], Vec::as_slice);
    if instances.is_empty() || instances.len() > MOST {
        return Err(Failure::bad("Invalid instances: between 1 and 250 instances are required."));
    }
    let pictures = model.starts_with("imagen");
    let name = if pictures { "prompt" } else { "content" };
    let texts: Vec<String> =
        instances.iter().filter_map(|instance| instance[name].as_str()).map(str::to_owned).collect();
    if texts.len() < instances.len() {
        return Err(Failure::bad(format!("Invalid instances: every instance needs `{name}`.")));
    }
    let parameters = &body["parameters"];
    let count = parameters["sampleCount"].as_u64().unwrap_or(1).clamp(1, MOST_PICTURES);
    let dimensions = parameters["outputDimensionality"].as_u64().unwrap_or(DIMENSIONS);
    Ok(Box::new(Predict { model, texts, dimensions, pictures: pictures.then_some(count) }))
}

impl Job for Predict {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        if let Some(count) = self.pictures {
            return Ok(self.pictures(count));
        }
        let mut prompt = 0;
        let mut characters = 0;
        let mut predictions = Vec::new();
        for text in &self.texts {
            let tokens = bench.tokenizer.count(text);
            prompt += tokens;
            characters += text.chars().filter(|character| !character.is_whitespace()).count() as u64;
            let mut embeddings = json!({"values": vector::unit_value(text, self.dimensions, false)});
            if bench.shows_usage() {
                embeddings["statistics"] = json!({"token_count": tokens, "truncated": false});
            }
            predictions.push(json!({"embeddings": embeddings}));
        }
        let mut body = json!({"predictions": predictions});
        if bench.shows_usage() {
            body["metadata"] = json!({"billableCharacterCount": characters});
        }
        let usage = Usage { prompt, characters, ..Usage::default() };
        Ok(Made::json(&body, usage, bench.shows_usage()))
    }
}

impl Predict {
    fn pictures(&self, count: u64) -> Made {
        let picture = |number: u64| {
            let png = picture::png(hash_text(self.text()) ^ number, picture::SIDE, picture::SIDE);
            json!({"mimeType": "image/png", "bytesBase64Encoded": STANDARD.encode(png)})
        };
        let body = json!({"predictions": (0..count).map(picture).collect::<Value>()});
        Made::json(&body, Usage { images: count, ..Usage::default() }, false)
    }
}
