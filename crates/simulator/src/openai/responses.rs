//! OpenAI's responses, stateless: nothing is kept between two of them.

mod input;
mod output;
mod parse;
mod stream;

use http::HeaderMap;
use serde_json::{Value, json};

use super::{bad_key, error_body, errors, key, unknown_model, usual_headers, wait};
use crate::answer::Answer;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::seed::{Dice, HEX};
use crate::stamp::Stamp;
use crate::wire::{Encode, Wire};

/// Responses.
pub(crate) struct Responses;

impl Wire for Responses {
    fn parse(&self, arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
        parse::parse(arrived, body)
    }

    fn body(&self, ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
        output::complete(ask, answer, stamp)
    }

    fn encoder(&self, ask: &Ask, answer: &Answer, stamp: &Stamp, _events: bool) -> Box<dyn Encode> {
        Box::new(stream::Encoder::new(ask, answer, stamp))
    }

    fn error_body(&self, failure: &Failure, stamp: &Stamp) -> Value {
        error_body(failure, stamp)
    }

    fn refined(&self, failure: Failure, stamp: &Stamp) -> Failure {
        errors::refined(failure, stamp)
    }

    fn key(&self, headers: &HeaderMap, _query: &str) -> Option<String> {
        key(headers)
    }

    fn bad_key(&self, key: Option<&str>) -> Failure {
        bad_key(key)
    }

    fn unknown_model(&self, model: &str) -> Failure {
        unknown_model(400, model)
    }

    fn too_long(&self, _tokens: u64, _most: u64) -> Failure {
        let message =
            "Your input exceeds the context window of this model. Please adjust your input and try again.";
        Failure::bad(message).code("context_length_exceeded").param("input")
    }

    fn response_id(&self, dice: &mut Dice) -> String {
        format!("resp_{}", dice.word(50, HEX))
    }

    fn headers(&self, headers: &mut HeaderMap, stamp: &Stamp, left: Left) {
        usual_headers(headers, stamp, left);
    }

    fn failure_headers(&self, headers: &mut HeaderMap, failure: &Failure) {
        wait(headers, failure);
    }
}

/// The error of a response that failed, and of the event before it.
fn spoken_error(failure: &Failure) -> Value {
    let error = &errors::usual(failure)["error"];
    let code = if error["code"].is_null() { &error["type"] } else { &error["code"] };
    json!({"code": code, "message": error["message"]})
}
