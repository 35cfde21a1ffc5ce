//! Gemini's `generateContent`.

mod embed;
mod encode;
mod keys;
mod parse;
mod shape;

pub(crate) use embed::embed;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::seed::{ALPHANUMERIC, Dice, hash_text};
use crate::stamp::Stamp;
use crate::steps::Grouping;
use crate::wire::{Encode, Wire, bearer, header, put};

/// `generateContent` and `streamGenerateContent`.
pub(crate) struct GenerateContent;

impl Wire for GenerateContent {
    fn parse(&self, arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
        parse::parse(body, &arrived.call.address)
    }

    fn body(&self, ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
        encode::body(ask, answer, stamp)
    }

    fn encoder(&self, ask: &Ask, answer: &Answer, stamp: &Stamp, events: bool) -> Box<dyn Encode> {
        Box::new(encode::Encoder::new(ask, answer, stamp, events))
    }

    fn error_body(&self, failure: &Failure, _stamp: &Stamp) -> Value {
        error_body(failure)
    }

    fn key(&self, headers: &HeaderMap, query: &str) -> Option<String> {
        let own = header(headers, "x-goog-api-key")
            .or_else(|| query.split('&').find_map(|pair| pair.strip_prefix("key=")));
        own.map(str::to_owned).or_else(|| bearer(headers))
    }

    fn bad_key(&self, key: Option<&str>) -> Failure {
        match key {
            None => Failure::new(
                403,
                "Method doesn't allow unregistered callers (callers without established identity).",
            ),
            Some(_) => {
                Failure::bad("API key not valid. Please pass a valid API key.").code("API_KEY_INVALID")
            }
        }
    }

    fn unknown_model(&self, model: &str) -> Failure {
        let message = format!(
            "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels \
             to see the list of available models and their supported methods."
        );
        Failure::new(404, message)
    }

    fn too_long(&self, tokens: u64, most: u64) -> Failure {
        Failure::bad(format!(
            "The input token count ({tokens}) exceeds the maximum number of tokens allowed ({most})."
        ))
    }

    fn grouping(&self) -> Grouping {
        Grouping(16, 32)
    }

    fn content_type(&self, stream: bool, events: bool) -> &'static str {
        if stream && events { "text/event-stream" } else { "application/json; charset=UTF-8" }
    }

    fn response_id(&self, dice: &mut Dice) -> String {
        format!("{}-A", dice.word(21, ALPHANUMERIC))
    }

    fn headers(&self, headers: &mut HeaderMap, _stamp: &Stamp, _left: Left) {
        put(headers, "server-timing", "gfet4t7; dur=42");
    }

    // How long to wait is in the body only.
    fn failure_headers(&self, _headers: &mut HeaderMap, _failure: &Failure) {}
}

/// The signature of a call: it must come back on the same part.
fn sign_call(name: &str) -> String {
    let mut dice = Dice::new(hash_text(name));
    let bytes: Vec<u8> = (0..9).flat_map(|_| dice.roll().to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

fn status_word(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        status if status >= 500 => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

pub(crate) fn error_body(failure: &Failure) -> Value {
    let mut details = Vec::new();
    let mut word = status_word(failure.status);
    if failure.code.as_deref() == Some("API_KEY_INVALID") {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }));
    } else if failure.code.as_deref() == Some("CREDENTIALS_MISSING") {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "CREDENTIALS_MISSING",
            "domain": "googleapis.com",
            "metadata": {"service": "aiplatform.googleapis.com"},
        }));
    } else if let Some(code) = &failure.code {
        word = code;
    }
    if failure.status == 429 {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}],
        }));
    }
    // There is no Retry-After here: the body says it.
    if let Some(seconds) = failure.retry_after {
        details.push(
            json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}),
        );
    }
    let mut error = json!({"code": failure.status, "message": failure.message, "status": word});
    if !details.is_empty() {
        error["details"] = json!(details);
    }
    json!({"error": error})
}
