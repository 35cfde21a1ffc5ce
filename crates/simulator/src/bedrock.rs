//! Amazon Bedrock: Converse, and the embeddings of `invoke`.

mod canonical;
mod claude;
mod frame;
mod invoke;
mod parse;
mod shape;
mod signature;
mod stream;
mod unary;

pub(crate) use claude::Invoke;
pub(crate) use invoke::invoke;

use http::HeaderMap;
use serde_json::{Value, json};

use crate::answer::{Answer, Finish, Usage};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::seed::{ALPHANUMERIC, Dice};
use crate::stamp::{Stamp, uuid};
use crate::steps::Grouping;
use crate::wire::{Encode, Wire, bearer, put};

/// Converse and its stream.
pub(crate) struct Converse;

impl Wire for Converse {
    fn parse(&self, arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
        parse::parse(&arrived.call.address, body)
    }

    fn body(&self, ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
        unary::body(ask, answer, stamp)
    }

    fn encoder(&self, ask: &Ask, answer: &Answer, stamp: &Stamp, _events: bool) -> Box<dyn Encode> {
        Box::new(stream::Encoder::new(ask, answer, stamp))
    }

    fn error_body(&self, failure: &Failure, _stamp: &Stamp) -> Value {
        json!({"message": failure.message})
    }

    fn key(&self, headers: &HeaderMap, _query: &str) -> Option<String> {
        key(headers)
    }

    fn admit(&self, arrived: &Arrived) -> Result<(), Failure> {
        signature::admit(arrived)
    }

    fn bad_key(&self, _key: Option<&str>) -> Failure {
        bad_key()
    }

    fn unknown_model(&self, _model: &str) -> Failure {
        unknown_model()
    }

    fn too_long(&self, _tokens: u64, _most: u64) -> Failure {
        model_error(
            "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again.",
        )
    }

    fn grouping(&self) -> Grouping {
        Grouping(1, 5)
    }

    fn content_type(&self, stream: bool, _events: bool) -> &'static str {
        if stream { "application/vnd.amazon.eventstream" } else { "application/json" }
    }

    fn response_id(&self, dice: &mut Dice) -> String {
        // Converse names no answer but in a header.
        uuid(dice)
    }

    fn request_id(&self, dice: &mut Dice) -> String {
        uuid(dice)
    }

    fn headers(&self, headers: &mut HeaderMap, stamp: &Stamp, _left: Left) {
        put(headers, "x-amzn-requestid", &stamp.request_id);
    }

    fn failure_headers(&self, headers: &mut HeaderMap, failure: &Failure) {
        failure_headers(headers, failure);
    }
}

fn key(headers: &HeaderMap) -> Option<String> {
    bearer(headers).or_else(|| signature::access_key(headers))
}

fn bad_key() -> Failure {
    Failure::new(403, "The security token included in the request is invalid.")
        .code("UnrecognizedClientException")
}

fn unknown_model() -> Failure {
    Failure::bad("The provided model identifier is invalid.")
}

/// There is no Retry-After here.
fn failure_headers(headers: &mut HeaderMap, failure: &Failure) {
    let kind = format!("{}:http://internal.amazon.com/coral/com.amazon.bedrock/", error_type(failure));
    put(headers, "x-amzn-errortype", &kind);
}

/// What the model behind the service refuses.
fn model_error(message: &str) -> Failure {
    Failure::bad(format!("The model returned the following errors: {message}"))
}

/// A member that is not known.
fn extra(way: &[String]) -> Failure {
    let (name, place) = way.split_last().map_or(("", &[][..]), |(name, place)| (name.as_str(), place));
    let place: String = place.iter().map(|step| format!("/{step}")).collect();
    let pointer = if place.is_empty() { "#".to_owned() } else { format!("#{place}") };
    model_error(&format!(
        "Malformed input request: {pointer}: extraneous key [{name}] is not permitted, please reformat your input and try \
         again."
    ))
}

fn error_type(failure: &Failure) -> &str {
    failure.code.as_deref().unwrap_or(match failure.status {
        403 | 401 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 | 529 => "ServiceUnavailableException",
        status if status >= 500 => "InternalServerException",
        _ => "ValidationException",
    })
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
        Finish::Refusal => "content_filtered",
    }
}

/// Usage with the cached parts beside `inputTokens`, which excludes them.
fn usage(usage: &Usage, ask: &Ask) -> Value {
    let written = usage.cache_write_5m + usage.cache_write_1h;
    let mut object = json!({
        "inputTokens": usage.prompt - usage.cache_read - written,
        "outputTokens": usage.completion,
        "serverToolUsage": {},
        "totalTokens": usage.prompt + usage.completion,
    });
    let marked = ask.tools_mark.is_some() || ask.turns.iter().any(|turn| turn.mark.is_some());
    if marked {
        for (name, tokens) in [("cacheRead", usage.cache_read), ("cacheWrite", written)] {
            object[format!("{name}InputTokens")] = json!(tokens);
            object[format!("{name}InputTokenCount")] = json!(tokens);
        }
    }
    if written > 0 {
        let parts = [("5m", usage.cache_write_5m), ("1h", usage.cache_write_1h)];
        let details = parts.into_iter().filter(|(_, tokens)| *tokens > 0);
        object["cacheDetails"] =
            details.map(|(ttl, tokens)| json!({"ttl": ttl, "inputTokens": tokens})).collect();
    }
    object
}

fn tool_use_id(stamp: &Stamp, index: usize) -> String {
    format!("tooluse_{}", stamp.call_dice(0, index).word(22, ALPHANUMERIC))
}
