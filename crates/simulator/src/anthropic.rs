//! Anthropic's messages.

mod parse;
mod shape;
mod stream;
mod unary;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use serde_json::{Value, json};

use crate::answer::{Answer, Completion, Finish, Usage};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::route::Host;
use crate::seed::{ALPHANUMERIC, Dice, hash_text};
use crate::stamp::Stamp;
use crate::steps::Grouping;
use crate::wire::{Encode, Wire, bearer, header, put};

/// Messages.
pub(crate) struct Messages;

impl Wire for Messages {
    fn parse(&self, arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
        parse::parse(arrived, body)
    }

    fn body(&self, ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
        unary::body(ask, answer, stamp)
    }

    fn encoder(&self, ask: &Ask, answer: &Answer, stamp: &Stamp, _events: bool) -> Box<dyn Encode> {
        Box::new(stream::Encoder::new(ask, answer, stamp))
    }

    fn error_body(&self, failure: &Failure, stamp: &Stamp) -> Value {
        json!({
            "type": "error",
            "error": {"type": error_type(failure), "message": failure.message},
            "request_id": stamp.request_id,
        })
    }

    fn key(&self, headers: &HeaderMap, _query: &str) -> Option<String> {
        header(headers, "x-api-key").map(str::to_owned).or_else(|| bearer(headers))
    }

    fn bad_key(&self, key: Option<&str>) -> Failure {
        let message = if key.is_none() { "x-api-key header is required" } else { "invalid x-api-key" };
        Failure::new(401, message)
    }

    fn unknown_model(&self, model: &str) -> Failure {
        Failure::new(404, format!("model: {model}"))
    }

    fn too_long(&self, tokens: u64, most: u64) -> Failure {
        Failure::bad(format!("prompt is too long: {tokens} tokens > {most} maximum"))
    }

    fn grouping(&self) -> Grouping {
        Grouping(3, 10)
    }

    fn response_id(&self, dice: &mut Dice) -> String {
        format!("msg_01{}", dice.word(22, ALPHANUMERIC))
    }

    fn request_id(&self, dice: &mut Dice) -> String {
        format!("req_01{}", dice.word(22, ALPHANUMERIC))
    }

    fn headers(&self, headers: &mut HeaderMap, stamp: &Stamp, left: Left) {
        put(headers, "request-id", &stamp.request_id);
        if stamp.host == Host::Own {
            limits(headers, stamp, left);
        }
    }

    fn failure_headers(&self, headers: &mut HeaderMap, failure: &Failure) {
        let retry = failure.status == 409 || failure.status == 429 || failure.status >= 500;
        put(headers, "x-should-retry", if retry { "true" } else { "false" });
        if let Some(seconds) = failure.retry_after {
            put(headers, "retry-after", &format!("{}", seconds.ceil()));
        }
    }
}

fn limits(headers: &mut HeaderMap, stamp: &Stamp, left: Left) {
    let reset = stamp.rfc3339(left.reset);
    for kind in ["requests", "tokens", "input-tokens", "output-tokens"] {
        let (limit, remaining) =
            if kind == "requests" { (Left::REQUESTS, left.requests) } else { (Left::TOKENS, left.tokens) };
        for (what, value) in
            [("limit", limit.to_string()), ("remaining", remaining.to_string()), ("reset", reset.clone())]
        {
            let name = HeaderName::try_from(format!("anthropic-ratelimit-{kind}-{what}"));
            if let (Ok(name), Ok(value)) = (name, value.parse()) {
                headers.insert(name, value);
            }
        }
    }
}

/// How ids of calls begin.
fn call_prefix(stamp: &Stamp) -> &'static str {
    match stamp.host {
        Host::Own => "toolu_",
        Host::Vertex => "toolu_vrtx_01",
        Host::Bedrock => "toolu_bdrk_01",
    }
}

fn stop_reason<'a>(answer: &'a Answer, finish: &Finish) -> &'a str {
    if let Some(word) = &answer.finish {
        return word;
    }
    match finish {
        Finish::Stop => "end_turn",
        Finish::Sequence(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
        Finish::Refusal => "refusal",
    }
}

fn stop_sequence(finish: &Finish) -> Value {
    if let Finish::Sequence(sequence) = finish { json!(sequence) } else { Value::Null }
}

fn stop_details(finish: &Finish) -> Value {
    if *finish == Finish::Refusal {
        json!({"type": "refusal", "category": null, "explanation": "This request was refused by the simulator."})
    } else {
        Value::Null
    }
}

/// Usage with the cached parts beside `input_tokens`, which excludes them.
fn usage(usage: &Usage, output: u64) -> Value {
    let written = usage.cache_write_5m + usage.cache_write_1h;
    json!({
        "input_tokens": usage.prompt - usage.cache_read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h},
        "output_tokens": output,
        "service_tier": "standard",
        "inference_geo": "not_available",
    })
}

/// What the text takes from a document, if it takes anything.
fn citation(ask: &Ask, completion: &Completion) -> Option<Value> {
    let cited = completion.citation?;
    let document = ask.documents.get(cited.document)?;
    let length = cited.end - cited.start;
    let words: String = completion.words().chars().skip(cited.start).take(length).collect();
    Some(json!({"type": "char_location", "cited_text": words, "document_index": cited.document,
        "document_title": document.native, "start_char_index": 0, "end_char_index": length, "file_id": null}))
}

/// The signature of thoughts: whoever sends them back must send them unchanged.
pub(crate) fn sign(thoughts: &str) -> String {
    let mut dice = Dice::new(hash_text(thoughts));
    let bytes: Vec<u8> = (0..12).flat_map(|_| dice.roll().to_le_bytes()).collect();
    format!("Sim{}", STANDARD.encode(bytes))
}

fn error_type(failure: &Failure) -> &str {
    failure.code.as_deref().unwrap_or(match failure.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        status if status >= 500 => "api_error",
        _ => "invalid_request_error",
    })
}

/// The error event of a stream, which names no request.
fn error_event(failure: &Failure) -> Value {
    json!({"type": "error", "error": {"details": null, "type": error_type(failure), "message": failure.message}})
}
