//! Probabilities of the tokens that were said.

use serde_json::{Value, json};

use crate::seed::{Dice, hash_text};
use crate::tokens::Tokenizer;

/// The probabilities of a text's tokens, each with so many alternatives, the token itself first.
pub(super) fn of(text: &str, most: usize) -> Value {
    let content: Vec<Value> = Tokenizer::split(text)
        .iter()
        .map(|piece| {
            let alternatives: Vec<Value> = alternatives(&piece.text, most)
                .iter()
                .map(|(token, logprob)| entry(token, *logprob))
                .collect();
            let mut said = entry(&piece.text, logprob(&piece.text));
            said["top_logprobs"] = json!(alternatives);
            said
        })
        .collect();
    json!({"content": content, "refusal": null})
}

fn entry(token: &str, logprob: f64) -> Value {
    json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()})
}

/// Between -0.5 and 0.
pub(super) fn logprob(token: &str) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let distance = Dice::new(hash_text(token)).below(500_000) as f64;
    -distance / 1_000_000.0
}

/// The token and others that might have come, the likeliest first.
pub(super) fn alternatives(token: &str, most: usize) -> Vec<(String, f64)> {
    (0..most)
        .map(|rank| match rank {
            0 => (token.to_owned(), logprob(token)),
            _ => {
                #[allow(clippy::cast_precision_loss, reason = "small numbers")]
                let distance = rank as f64;
                (format!("{token}{rank}"), logprob(token) - 1.5 * distance)
            }
        })
        .collect()
}
