//! `/api/embed`, and `/api/embeddings` of before.

use serde_json::{Value, json};

use crate::answer::Usage;
use crate::failure::Failure;
use crate::job::{Bench, Job, Made};
use crate::openai::{Input, inputs};
use crate::vector;

const DIMENSIONS: u64 = 768;

struct Embed {
    model: String,
    inputs: Vec<Input>,
    dimensions: u64,
    /// One prompt, one vector, no counts.
    old: bool,
}

/// # Errors
/// [`Failure`] as Ollama would answer.
pub(crate) fn embed(body: &Value) -> Result<Box<dyn Job>, Failure> {
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Err(Failure::bad("model is required"));
    };
    let old = body["input"].is_null() && body["prompt"].is_string();
    let input = if old { &body["prompt"] } else { &body["input"] };
    if !input.is_string() && input.as_array().is_none_or(|list| !list.iter().all(Value::is_string)) {
        return Err(Failure::bad("invalid input type"));
    }
    Ok(Box::new(Embed {
        model: model.to_owned(),
        inputs: inputs(input),
        dimensions: body["dimensions"].as_u64().unwrap_or(DIMENSIONS),
        old,
    }))
}

impl Job for Embed {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        self.inputs.first().map_or("", |input| &input.text)
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let prompt: u64 = self.inputs.iter().map(|input| input.count(bench.tokenizer)).sum();
        let vectors = self.inputs.iter().map(|input| vector::unit_value(&input.text, self.dimensions, false));
        let usage = Usage { prompt, ..Usage::default() };
        if self.old {
            let vector = vectors.into_iter().next().unwrap_or(json!([]));
            return Ok(Made::json(&json!({"embedding": vector}), usage, false));
        }
        let mut body = json!({"model": self.model, "embeddings": vectors.collect::<Value>()});
        if bench.shows_usage() {
            body["total_duration"] = json!(14_143_917);
            body["load_duration"] = json!(1_019_500);
            body["prompt_eval_count"] = json!(prompt);
        }
        Ok(Made::json(&body, usage, bench.shows_usage()))
    }
}
