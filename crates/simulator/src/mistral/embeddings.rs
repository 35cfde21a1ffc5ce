//! Embeddings.

use serde_json::{Value, json};

use super::extra;
use super::shape::EMBEDDINGS;
use crate::answer::Usage;
use crate::failure::Failure;
use crate::job::{Bench, Job, Made};
use crate::openai::{Input, inputs};
use crate::strict::stranger;
use crate::vector;

const DIMENSIONS: u64 = 1024;
/// Of the code embeddings, whose length may be chosen.
const CODE_DIMENSIONS: u64 = 1536;
const LONGEST: u64 = 3072;

struct Embeddings {
    model: String,
    inputs: Vec<Input>,
    dimensions: u64,
    dtype: String,
    base64: bool,
}

/// # Errors
/// [`Failure`] as Mistral would answer.
pub(crate) fn embeddings(body: &Value) -> Result<Box<dyn Job>, Failure> {
    if let Some(way) = stranger(body, &EMBEDDINGS) {
        return Err(extra(&way));
    }
    let field = |name: &str| body[name].as_str().filter(|value| !value.is_empty()).map(str::to_owned);
    let Some(model) = field("model") else {
        return Err(Failure::new(422, "Field required").code("missing").param("model"));
    };
    let texts = body["input"].is_string()
        || body["input"].as_array().is_some_and(|list| list.iter().all(Value::is_string));
    let inputs = inputs(&body["input"]);
    if !texts || inputs.is_empty() {
        return Err(Failure::new(422, "Input should be a valid string").code("string_type").param("input"));
    }
    let coder = model.starts_with("codestral");
    let dimensions = body["output_dimension"].as_u64();
    if !coder && dimensions.is_some() {
        return Err(Failure::bad("This model does not support output_dimension.").code("3051"));
    }
    if dimensions.is_some_and(|length| length > LONGEST) {
        return Err(Failure::bad("output_dimension must be at most 3072.").code("3051"));
    }
    Ok(Box::new(Embeddings {
        dimensions: dimensions.unwrap_or(if coder { CODE_DIMENSIONS } else { DIMENSIONS }),
        dtype: field("output_dtype").unwrap_or_else(|| "float".to_owned()),
        base64: body["encoding_format"] == "base64",
        model,
        inputs,
    }))
}

impl Job for Embeddings {
    fn model(&self) -> &str {
        &self.model
    }

    fn text(&self) -> &str {
        self.inputs.first().map_or("", |input| &input.text)
    }

    fn make(&self, bench: &Bench<'_>) -> Result<Made, Failure> {
        let prompt: u64 = self.inputs.iter().map(|input| input.count(bench.tokenizer)).sum();
        let vector = |text: &str| match self.dtype.as_str() {
            "float" => vector::unit_value(text, self.dimensions, self.base64),
            _ => json!(vector::bytes(text, self.dimensions)),
        };
        let data: Vec<Value> = self
            .inputs
            .iter()
            .enumerate()
            .map(|(index, input)| {
                json!({"object": "embedding", "index": index, "embedding": vector(&input.text)})
            })
            .collect();
        let mut body =
            json!({"id": bench.stamp.response_id, "object": "list", "data": data, "model": self.model});
        if bench.shows_usage() {
            body["usage"] = json!({"prompt_tokens": prompt, "total_tokens": prompt, "completion_tokens": 0,
                "prompt_tokens_details": null});
        }
        Ok(Made::json(&body, Usage { prompt, ..Usage::default() }, bench.shows_usage()))
    }
}
