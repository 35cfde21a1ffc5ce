//! What each wire shape provides.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::seed::{Dice, HEX};
use crate::stamp::Stamp;
use crate::steps::{Grouping, Step};

/// Writes the steps of a stream.
pub(crate) trait Encode: Send {
    /// The bytes of a step; empty when it says nothing in this dialect. `tokens` is what the step carries.
    fn encode(&mut self, step: &Step, tokens: u64) -> Vec<u8>;

    /// An error inside the stream that has begun. It takes the place of the bytes encoded last.
    fn fail(&mut self, failure: &Failure) -> Vec<u8>;
}

/// How a provider speaks: reads requests, writes answers and errors.
pub(crate) trait Wire: Sync {
    /// # Errors
    /// [`Failure`] as the provider would answer.
    fn parse(&self, arrived: &Arrived, body: &Value) -> Result<Ask, Failure>;

    /// An answer that is not streamed.
    fn body(&self, ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value;

    /// `events` tells server-sent events from one JSON array, where there is a choice.
    fn encoder(&self, ask: &Ask, answer: &Answer, stamp: &Stamp, events: bool) -> Box<dyn Encode>;

    fn error_body(&self, failure: &Failure, stamp: &Stamp) -> Value;

    /// A failure as this very provider of the shape would have it.
    fn refined(&self, failure: Failure, _stamp: &Stamp) -> Failure {
        failure
    }

    /// The key of a request.
    fn key(&self, headers: &HeaderMap, _query: &str) -> Option<String> {
        bearer(headers)
    }

    /// Refuses what no key can make good, such as a missing signature.
    ///
    /// # Errors
    /// [`Failure`] as the provider would answer.
    fn admit(&self, _arrived: &Arrived) -> Result<(), Failure> {
        Ok(())
    }

    /// What a missing or wrong key is answered with.
    fn bad_key(&self, key: Option<&str>) -> Failure;

    fn unknown_model(&self, model: &str) -> Failure;

    fn too_long(&self, tokens: u64, most: u64) -> Failure;

    /// How many tokens one chunk carries.
    fn grouping(&self) -> Grouping {
        Grouping(1, 1)
    }

    fn content_type(&self, stream: bool, _events: bool) -> &'static str {
        if stream { "text/event-stream; charset=utf-8" } else { "application/json" }
    }

    fn response_id(&self, dice: &mut Dice) -> String;

    fn request_id(&self, dice: &mut Dice) -> String {
        format!("req_{}", dice.word(32, HEX))
    }

    /// Adds the headers that the provider sends with every answer.
    fn headers(&self, headers: &mut HeaderMap, stamp: &Stamp, left: Left);

    /// Adds the headers that the provider sends with errors.
    fn failure_headers(&self, headers: &mut HeaderMap, failure: &Failure) {
        if let Some(seconds) = failure.retry_after {
            put(headers, "retry-after", &format!("{}", seconds.ceil()));
        }
    }
}

/// The value of a header, when it is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|value| !value.is_empty())
}

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    let token = header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    token.map(str::trim).filter(|token| !token.is_empty()).map(str::to_owned)
}

/// Sets a header unless its value cannot be one.
pub(crate) fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// A server-sent event with a name.
pub(crate) fn named_event(name: &str, data: &Value) -> Vec<u8> {
    format!("event: {name}\ndata: {data}\n\n").into_bytes()
}

/// A server-sent event without a name.
pub(crate) fn data_event(data: &Value) -> Vec<u8> {
    format!("data: {data}\n\n").into_bytes()
}
