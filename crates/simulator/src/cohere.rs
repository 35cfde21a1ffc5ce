//! Cohere's second API: chat, embeddings, ranking.

mod embed;
mod parse;
mod rerank;
mod shape;
mod stream;
mod unary;

pub(crate) use embed::{Texts, embed, vectors};
pub(crate) use rerank::{rank, rerank};

use http::HeaderMap;
use serde_json::{Value, json};

use crate::answer::{Answer, Citation, Finish, Usage};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::seed::{Dice, HEX};
use crate::stamp::{Stamp, uuid};
use crate::wire::{Encode, Wire, put};

/// Chat.
pub(crate) struct Chat;

impl Wire for Chat {
    fn parse(&self, _arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
        parse::parse(body)
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

    fn bad_key(&self, key: Option<&str>) -> Failure {
        let message = if key.is_none() {
            "no api key supplied"
        } else {
            "Incorrect API key provided: ***********. You can find your API key at https://dashboard.cohere.com/api-keys."
        };
        Failure::new(401, message)
    }

    fn unknown_model(&self, model: &str) -> Failure {
        let message = format!(
            "model '{model}' not found, make sure the correct model ID was used and that you have access to the model."
        );
        Failure::new(404, message)
    }

    fn too_long(&self, tokens: u64, most: u64) -> Failure {
        let over = tokens.saturating_sub(most);
        Failure::bad(format!(
            "too many tokens: size limit exceeded by {over} tokens. Try using shorter or fewer inputs. The limit for this \
             model is {most} tokens."
        ))
        .code("TOO_MANY_TOKENS")
    }

    fn content_type(&self, stream: bool, _events: bool) -> &'static str {
        if stream { "text/event-stream" } else { "application/json" }
    }

    fn response_id(&self, dice: &mut Dice) -> String {
        uuid(dice)
    }

    fn request_id(&self, dice: &mut Dice) -> String {
        dice.word(32, HEX)
    }

    fn headers(&self, headers: &mut HeaderMap, stamp: &Stamp, left: Left) {
        put(headers, "x-debug-trace-id", &stamp.request_id);
        put(headers, "x-endpoint-monthly-call-limit", "1000");
        put(headers, "x-trial-endpoint-call-limit", "20");
        put(headers, "x-trial-endpoint-call-remaining", &(left.requests % 20).to_string());
    }
}

fn error_body(failure: &Failure, stamp: &Stamp) -> Value {
    let mut body = json!({"id": stamp.response_id, "message": failure.message});
    if let Some(kind) = &failure.code {
        body["error_type"] = json!(kind);
    }
    body
}

/// A member that is not known.
fn extra(way: &[String]) -> Failure {
    let name = way.join(".");
    Failure::new(422, format!("unknown field: parameter '{name}' is not a valid field"))
}

fn finish_word<'a>(answer: &'a Answer, finish: &Finish) -> &'a str {
    if let Some(word) = &answer.finish {
        return word;
    }
    match finish {
        Finish::Stop | Finish::Refusal => "COMPLETE",
        Finish::Sequence(_) => "STOP_SEQUENCE",
        Finish::Length => "MAX_TOKENS",
        Finish::Calls => "TOOL_CALL",
    }
}

/// What is billed is less than what was read and written.
fn usage(usage: &Usage) -> Value {
    let mut tokens = json!({"input_tokens": usage.prompt, "output_tokens": usage.completion});
    if usage.reasoning > 0 {
        tokens["reasoning_tokens"] = json!(usage.reasoning);
    }
    if usage.media > 0 {
        tokens["image_tokens"] = json!(usage.media);
    }
    json!({"billed_units": {"input_tokens": usage.billed_prompt, "output_tokens": usage.billed_completion},
        "tokens": tokens, "cached_tokens": usage.cache_read})
}

/// The name and twelve characters.
fn call_id(stamp: &Stamp, index: usize, name: &str) -> String {
    let alphabet = b"0123456789abcdefghijklmnopqrstuvwxyz";
    format!("{name}_{}", stamp.call_dice(0, index).word(12, alphabet))
}

fn call(stamp: &Stamp, index: usize, name: &str, arguments: &str) -> Value {
    json!({"id": call_id(stamp, index, name), "type": "function",
        "function": {"name": name, "arguments": arguments}})
}

/// What in the text comes from which document. `content` is the place of the text among the contents.
fn citation(ask: &Ask, cited: Citation, text: &str, content: usize) -> Value {
    let words: String = text.chars().skip(cited.start).take(cited.end - cited.start).collect();
    let source = ask.documents.get(cited.document);
    let sources: Vec<Value> = source
        .map(|document| json!({"type": "document", "id": document.id, "document": document.native}))
        .into_iter()
        .collect();
    json!({"start": cited.start, "end": cited.end, "text": words, "sources": sources, "type": "TEXT_CONTENT",
        "content_index": content})
}
