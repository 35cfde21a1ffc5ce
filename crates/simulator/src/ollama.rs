//! Ollama's native dialect.

mod embed;
mod encode;
mod parse;

pub(crate) use embed::embed;

use http::HeaderMap;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::seed::{Dice, HEX};
use crate::stamp::Stamp;
use crate::wire::{Encode, Wire};

/// `/api/chat`.
pub(crate) struct Chat;

impl Wire for Chat {
    fn parse(&self, _arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
        parse::parse(body)
    }

    fn body(&self, _ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
        encode::body(answer, stamp)
    }

    fn encoder(&self, _ask: &Ask, answer: &Answer, stamp: &Stamp, _events: bool) -> Box<dyn Encode> {
        Box::new(encode::Encoder::new(answer, stamp))
    }

    fn error_body(&self, failure: &Failure, _stamp: &Stamp) -> Value {
        error_body(failure)
    }

    fn bad_key(&self, _key: Option<&str>) -> Failure {
        Failure::new(401, "unauthorized")
    }

    fn unknown_model(&self, model: &str) -> Failure {
        Failure::new(404, format!("model '{model}' not found"))
    }

    fn too_long(&self, tokens: u64, most: u64) -> Failure {
        let over = tokens.saturating_sub(most);
        Failure::bad(format!("prompt too long; exceeded max context length by {over} tokens"))
    }

    fn content_type(&self, stream: bool, _events: bool) -> &'static str {
        if stream { "application/x-ndjson" } else { "application/json; charset=utf-8" }
    }

    fn response_id(&self, dice: &mut Dice) -> String {
        // Ollama names no answer; the log needs something.
        format!("ollama-{}", dice.word(24, HEX))
    }

    fn headers(&self, _headers: &mut HeaderMap, _stamp: &Stamp, _left: Left) {}
}

fn error_body(failure: &Failure) -> Value {
    json!({"error": failure.message})
}
