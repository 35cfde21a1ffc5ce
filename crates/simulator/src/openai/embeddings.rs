//! Embeddings.

use serde_json::{Value, json};

use crate::answer::Usage;
use crate::failure::Failure;
use crate::job::{Bench, Job, Made};
use crate::tokens::Tokenizer;
use crate::vector;

/// Usual length of a vector.
const DIMENSIONS: u64 = 1536;
/// Most inputs at once.
const INPUTS: usize = 2048;

/// Something to embed: a text, or tokens whose number is known.
pub(crate) struct Input {
    pub(crate) text: String,
    pub(crate) tokens: Option<u64>,
}

impl Input {
    pub(crate) fn count(&self, tokenizer: &Tokenizer) -> u64 {
        self.tokens.unwrap_or_else(|| tokenizer.count(&self.text))
    }
}

struct Embeddings {
    model: String,
    inputs: Vec<Input>,
    dimensions: u64,
    base64: bool,
}

/// # Errors
/// [`Failure`] as OpenAI would answer.
pub(crate) fn embeddings(body: &Value) -> Result<Box<dyn Job>, Failure> {
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Err(Failure::bad("you must provide a model parameter"));
    };
    let inputs = inputs(&body["input"]);
    if inputs.is_empty() || inputs.len() > INPUTS || inputs.iter().any(|input| input.text.is_empty()) {
        return Err(Failure::bad("'$.input' is invalid. Please check the API reference.").param("input"));
    }
    let base64 = match body["encoding_format"].as_str() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            let message = format!("Invalid value: '{other}'. Supported values are: 'float' and 'base64'.");
            return Err(Failure::bad(message).param("encoding_format").code("invalid_value"));
        }
    };
    let dimensions = body["dimensions"].as_u64().unwrap_or(DIMENSIONS);
    Ok(Box::new(Embeddings { model: model.to_owned(), inputs, dimensions, base64 }))
}

/// A text, several, tokens, or several lists of tokens.
pub(crate) fn inputs(input: &Value) -> Vec<Input> {
    let tokens = |list: &Value, count: usize| Input { text: list.to_string(), tokens: Some(count as u64) };
    match input {
        Value::String(text) => vec![Input { text: text.clone(), tokens: None }],
        Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_number) => {
            vec![tokens(input, list.len())]
        }
        Value::Array(list) => list
            .iter()
            .map(|item| match item {
                Value::Array(numbers) => tokens(item, numbers.len()),
                _ => Input { text: item.as_str().unwrap_or_default().to_owned(), tokens: None },
            })
            .collect(),
        _ => Vec::new(),
    }
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
        if prompt > bench.context_tokens {
            return Err(Failure::bad(format!(
                "This model's maximum context length is {} tokens, however you requested {prompt} tokens ({prompt} in your \
                 prompt; 0 for the completion). Please reduce your prompt; or completion length.",
                bench.context_tokens
            )));
        }
        let data: Vec<Value> = self
            .inputs
            .iter()
            .enumerate()
            .map(|(index, input)| {
                let vector = vector::unit_value(&input.text, self.dimensions, self.base64);
                json!({"object": "embedding", "index": index, "embedding": vector})
            })
            .collect();
        let mut body = json!({"object": "list", "data": data, "model": self.model});
        if bench.shows_usage() {
            body["usage"] = json!({"prompt_tokens": prompt, "total_tokens": prompt});
        }
        Ok(Made::json(&body, Usage { prompt, ..Usage::default() }, bench.shows_usage()))
    }
}
