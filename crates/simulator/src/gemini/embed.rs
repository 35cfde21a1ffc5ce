//! `embedContent` and `batchEmbedContents`.

use serde_json::{Value, json};

use super::keys::camel;
use crate::answer::Usage;
use crate::failure::Failure;
use crate::job::{Bench, Job, Made};
use crate::prepare::Arrived;
use crate::vector;

const DIMENSIONS: u64 = 3072;
const MOST: usize = 100;

struct Embed {
    model: String,
    /// Texts with the length of their vectors.
    inputs: Vec<(String, u64)>,
    batch: bool,
}

/// # Errors
/// [`Failure`] as Gemini would answer.
pub(crate) fn embed(arrived: &Arrived, body: &Value) -> Result<Box<dyn Job>, Failure> {
    let address = &arrived.call.address;
    let model = address.model.clone().unwrap_or_default();
    let body = camel(body);
    let batch = address.method == "batchEmbedContents";
    let one = [body.clone()];
    let requests = if batch { body["requests"].as_array().map_or(&[][..], Vec::as_slice) } else { &one };
    if requests.is_empty() || requests.len() > MOST {
        return Err(Failure::bad(
            "* BatchEmbedContentsRequest.requests: at least 1 and at most 100 requests\n",
        ));
    }
    let mut inputs = Vec::new();
    for request in requests {
        if batch && request["model"] != format!("models/{model}") {
            return Err(Failure::bad(
                "* BatchEmbedContentsRequest.requests[0].model: the model of every request must be that of the path\n",
            ));
        }
        let Some(parts) = request["content"]["parts"].as_array().filter(|parts| !parts.is_empty()) else {
            return Err(Failure::bad("* EmbedContentRequest.content: contents is not specified\n"));
        };
        let text: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        // Vertex has a place of its own for wishes.
        let length = request["outputDimensionality"]
            .as_u64()
            .or_else(|| request["embedContentConfig"]["outputDimensionality"].as_u64());
        inputs.push((text.join("\n"), length.unwrap_or(DIMENSIONS)));
    }
    Ok(Box::new(Embed { model, inputs, batch }))
}

impl Job for Embed {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        self.inputs.first().map_or("", |(text, _)| text)
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let prompt: u64 = self.inputs.iter().map(|(text, _)| bench.tokenizer.count(text)).sum();
        let usage = Usage { prompt, ..Usage::default() };
        let mut vectors = self
            .inputs
            .iter()
            .map(|(text, length)| json!({"values": vector::unit_value(text, *length, false)}));
        if self.batch {
            return Ok(Made::json(&json!({"embeddings": vectors.collect::<Value>()}), usage, false));
        }
        let mut body = json!({"embedding": vectors.next()});
        // The older models count nothing.
        let counts = bench.shows_usage() && !self.model.ends_with("-001");
        if counts {
            body["usageMetadata"] = json!({"promptTokenCount": prompt, "totalTokenCount": prompt,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}]});
        }
        Ok(Made::json(&body, usage, counts))
    }
}
