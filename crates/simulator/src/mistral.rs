//! Mistral's chat completions and embeddings.

mod embeddings;
mod parse;
mod shape;
mod stream;
mod unary;

pub(crate) use embeddings::embeddings;

use http::HeaderMap;
use serde_json::{Value, json};

use crate::answer::{Answer, Finish, Usage};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::seed::{ALPHANUMERIC, Dice, HEX};
use crate::stamp::{Stamp, uuid};
use crate::steps::Grouping;
use crate::wire::{Encode, Wire, put};

/// What a request that names a member too many has wrong.
const EXTRA: &str = "extra_forbidden";

/// Chat completions.
pub(crate) struct Chat;

impl Wire for Chat {
    fn parse(&self, _arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
        parse::parse(body)
    }

    fn body(&self, _ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
        unary::body(answer, stamp)
    }

    fn encoder(&self, _ask: &Ask, answer: &Answer, stamp: &Stamp, _events: bool) -> Box<dyn Encode> {
        Box::new(stream::Encoder::new(answer, stamp))
    }

    fn error_body(&self, failure: &Failure, _stamp: &Stamp) -> Value {
        error_body(failure)
    }

    fn bad_key(&self, _key: Option<&str>) -> Failure {
        Failure::new(401, "Invalid API Key")
    }

    fn unknown_model(&self, model: &str) -> Failure {
        Failure::bad(format!("Invalid model: {model}")).code("1500")
    }

    fn too_long(&self, tokens: u64, most: u64) -> Failure {
        Failure::bad(format!(
            "Prompt contains {tokens} tokens and 0 draft tokens, too large for model with {most} maximum context length"
        ))
        .code("3051")
    }

    fn grouping(&self) -> Grouping {
        Grouping(1, 4)
    }

    fn response_id(&self, dice: &mut Dice) -> String {
        dice.word(32, HEX)
    }

    fn request_id(&self, dice: &mut Dice) -> String {
        uuid(dice)
    }

    fn headers(&self, headers: &mut HeaderMap, stamp: &Stamp, left: Left) {
        put(headers, "mistral-correlation-id", &stamp.request_id);
        put(headers, "x-ratelimit-limit-tokens-minute", &Left::TOKENS.to_string());
        put(headers, "x-ratelimit-remaining-tokens-minute", &left.tokens.to_string());
        put(headers, "x-ratelimit-limit-req-minute", &Left::REQUESTS.to_string());
        put(headers, "x-ratelimit-remaining-req-minute", &left.requests.to_string());
        put(headers, "x-kong-upstream-latency", "42");
        put(headers, "x-kong-proxy-latency", "3");
    }
}

/// Four shapes: a refused key, a list of what is wrong with the members, the gateway's one line, and the rest.
fn error_body(failure: &Failure) -> Value {
    let code = failure.code.as_deref();
    match (failure.status, code) {
        (401, _) => json!({"detail": failure.message}),
        (422, code) => {
            let way = failure.param.as_deref().unwrap_or_default();
            let place: Vec<Value> = std::iter::once(json!("body"))
                .chain(way.split('.').filter(|name| !name.is_empty()).map(step))
                .collect();
            json!({"detail": [{"type": code.unwrap_or("value_error"), "loc": place, "msg": failure.message}]})
        }
        (_, Some("gateway")) => json!({"message": failure.message}),
        (status, code) => {
            let (kind, usual) = kind(status, code);
            json!({"object": "error", "message": failure.message, "type": kind, "param": null,
                "code": code.or(usual), "raw_status_code": status})
        }
    }
}

fn step(name: &str) -> Value {
    name.parse::<u64>().map_or_else(|_| json!(name), |position| json!(position))
}

fn kind(status: u16, code: Option<&str>) -> (&'static str, Option<&'static str>) {
    match (status, code) {
        (_, Some("1500")) => ("invalid_model", None),
        (_, Some("3051")) => ("invalid_request_invalid_args", None),
        (_, Some("3230")) => ("invalid_request_message_order", None),
        (_, Some("3280")) => ("invalid_function_call", None),
        (429, _) => ("rate_limited", Some("1300")),
        (503, _) => ("service_unavailable", Some("3505")),
        (status, _) if status >= 500 => ("internal_server_error", Some("1000")),
        _ => ("invalid_request_error", None),
    }
}

/// A member that is not known.
fn extra(way: &[String]) -> Failure {
    Failure::new(422, "Extra inputs are not permitted").code(EXTRA).param(&way.join("."))
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

/// The older replies, those of Magistral here, name the cached tokens otherwise.
fn usage(usage: &Usage, stamp: &Stamp) -> Value {
    let mut object = json!({"prompt_tokens": usage.prompt, "total_tokens": usage.prompt + usage.completion,
        "completion_tokens": usage.completion});
    if stamp.model.starts_with("magistral") {
        object["num_cached_tokens"] = json!(usage.cache_read);
    } else {
        object["prompt_tokens_details"] = json!({"cached_tokens": usage.cache_read});
        object["service_tier"] = json!("standard");
    }
    object
}

/// Nine characters.
fn call_id(stamp: &Stamp, choice: usize, index: usize) -> String {
    stamp.call_dice(choice, index).word(9, ALPHANUMERIC)
}

fn call(stamp: &Stamp, choice: usize, index: usize, name: &str, arguments: &str) -> Value {
    json!({"id": call_id(stamp, choice, index), "type": "function",
        "function": {"name": name, "arguments": arguments}, "index": index})
}
