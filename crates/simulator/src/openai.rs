//! OpenAI's dialects, and the many servers that share their shape: chat completions here, the others below.

mod completions;
mod embeddings;
mod errors;
mod images;
mod logprobs;
mod parse;
mod responses;
mod speech;
mod stream;
mod transcriptions;
mod unary;
mod usage;
mod vendor;

pub(crate) use completions::Completions;
pub(crate) use embeddings::{Input, embeddings, inputs};
pub(crate) use images::{image_edits, images};
pub(crate) use parse::{format, parse, stop, tokens_of_effort, tool_choice, tools, turns};
pub(crate) use responses::Responses;
pub(crate) use speech::speech;
pub(crate) use transcriptions::transcriptions;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use errors::error_body;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::answer::{Answer, Finish};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::seed::{ALPHANUMERIC, Dice};
use crate::stamp::Stamp;
use crate::wire::{Encode, Wire, bearer, header, put};

/// Chat completions.
pub(crate) struct Chat;

impl Wire for Chat {
    fn parse(&self, arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
        parse(arrived, body)
    }

    fn body(&self, ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
        unary::body(ask, answer, stamp)
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
        unknown_model(404, model)
    }

    fn too_long(&self, tokens: u64, most: u64) -> Failure {
        Failure::bad(format!(
            "This model's maximum context length is {most} tokens. However, your messages resulted in {tokens} tokens. \
             Please reduce the length of the messages."
        ))
        .code("context_length_exceeded")
        .param("messages")
    }

    fn response_id(&self, dice: &mut Dice) -> String {
        format!("chatcmpl-{}", dice.word(29, ALPHANUMERIC))
    }

    fn headers(&self, headers: &mut HeaderMap, stamp: &Stamp, left: Left) {
        usual_headers(headers, stamp, left);
    }

    fn failure_headers(&self, headers: &mut HeaderMap, failure: &Failure) {
        wait(headers, failure);
    }
}

fn key(headers: &HeaderMap) -> Option<String> {
    bearer(headers).or_else(|| header(headers, "api-key").map(str::to_owned))
}

fn bad_key(key: Option<&str>) -> Failure {
    let message = if key.is_none() {
        "You didn't provide an API key."
    } else {
        "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys."
    };
    Failure::new(401, message).code("invalid_api_key")
}

fn unknown_model(status: u16, model: &str) -> Failure {
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    Failure::new(status, message).code("model_not_found")
}

fn usual_headers(headers: &mut HeaderMap, stamp: &Stamp, left: Left) {
    put(headers, "openai-processing-ms", "42");
    put(headers, "openai-version", "2020-10-01");
    put(headers, "x-ratelimit-limit-requests", &Left::REQUESTS.to_string());
    put(headers, "x-ratelimit-limit-tokens", &Left::TOKENS.to_string());
    put(headers, "x-ratelimit-remaining-requests", &left.requests.to_string());
    put(headers, "x-ratelimit-remaining-tokens", &left.tokens.to_string());
    put(headers, "x-ratelimit-reset-requests", &format!("{}ms", left.reset));
    put(headers, "x-ratelimit-reset-tokens", &format!("{}ms", left.reset));
    put(headers, "x-request-id", &stamp.request_id);
}

fn wait(headers: &mut HeaderMap, failure: &Failure) {
    if let Some(seconds) = failure.retry_after {
        put(headers, "retry-after", &format!("{}", seconds.ceil()));
        put(headers, "retry-after-ms", &format!("{}", (seconds * 1000.0).round()));
    }
}

/// How long a spoken answer can be referred to.
const SOUND_SECONDS: u64 = 3600;

fn sound_id(stamp: &Stamp, choice: usize) -> String {
    stamp.part_id("audio_", choice)
}

/// A picture in a message, as OpenRouter and those who follow it say it.
fn image(png: &[u8]) -> Value {
    let url = format!("data:image/png;base64,{}", STANDARD.encode(png));
    json!({"type": "image_url", "image_url": {"url": url}, "index": 0})
}

fn finish_word<'a>(answer: &'a Answer, finish: &Finish) -> &'a str {
    if let Some(word) = &answer.finish {
        return word;
    }
    match finish {
        Finish::Stop | Finish::Sequence(_) | Finish::Refusal => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
    }
}
