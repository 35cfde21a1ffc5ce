//! `invoke` for Claude: the dialect of its maker in Amazon's envelope.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Value, json};

use super::unary::latency;
use super::{bad_key, failure_headers, frame, key, signature, unknown_model};
use crate::answer::Answer;
use crate::anthropic::Messages;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::limits::Left;
use crate::prepare::Arrived;
use crate::seed::Dice;
use crate::stamp::{Stamp, uuid};
use crate::steps::{Grouping, Step};
use crate::wire::{Encode, Wire, put};

/// `invoke` and `invoke-with-response-stream`.
pub(crate) struct Invoke;

impl Wire for Invoke {
    fn parse(&self, arrived: &Arrived, body: &Value) -> Result<Ask, Failure> {
        Messages.parse(arrived, body)
    }

    fn body(&self, ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
        Messages.body(ask, answer, stamp)
    }

    fn encoder(&self, ask: &Ask, answer: &Answer, stamp: &Stamp, events: bool) -> Box<dyn Encode> {
        let inner = Messages.encoder(ask, answer, stamp, events);
        Box::new(Encoder { inner, answer: answer.clone(), padding: Dice::new(stamp.seed) })
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

    fn too_long(&self, tokens: u64, most: u64) -> Failure {
        Messages.too_long(tokens, most)
    }

    fn grouping(&self) -> Grouping {
        Messages.grouping()
    }

    fn content_type(&self, stream: bool, _events: bool) -> &'static str {
        if stream { "application/vnd.amazon.eventstream" } else { "application/json" }
    }

    fn response_id(&self, dice: &mut Dice) -> String {
        Messages.response_id(dice)
    }

    fn request_id(&self, dice: &mut Dice) -> String {
        uuid(dice)
    }

    fn headers(&self, headers: &mut HeaderMap, stamp: &Stamp, _left: Left) {
        put(headers, "x-amzn-requestid", &stamp.request_id);
        put(headers, "x-amzn-bedrock-content-type", "application/json");
    }

    fn failure_headers(&self, headers: &mut HeaderMap, failure: &Failure) {
        failure_headers(headers, failure);
    }
}

struct Encoder {
    inner: Box<dyn Encode>,
    answer: Answer,
    padding: Dice,
}

impl Encoder {
    /// An event of the maker's in a frame. The last one says what Amazon has measured.
    fn framed(&mut self, data: &str) -> Vec<u8> {
        let mut data = data.to_owned();
        if let Ok(mut event) = serde_json::from_str::<Value>(&data)
            && event["type"] == "message_stop"
        {
            let usage = &self.answer.usage;
            event["amazon-bedrock-invocationMetrics"] = json!({"inputTokenCount": usage.prompt - usage.cache_read,
                "outputTokenCount": usage.completion, "invocationLatency": latency(&self.answer),
                "firstByteLatency": 200});
            data = event.to_string();
        }
        frame::padded("chunk", json!({"bytes": STANDARD.encode(data)}), &mut self.padding)
    }
}

impl Encode for Encoder {
    fn encode(&mut self, step: &Step, tokens: u64) -> Vec<u8> {
        let events = String::from_utf8(self.inner.encode(step, tokens)).unwrap_or_default();
        let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
        // Nothing keeps a frame alive.
        let said = data.filter(|data| *data != r#"{"type":"ping"}"#);
        said.flat_map(|data| self.framed(data)).collect()
    }

    fn fail(&mut self, failure: &Failure) -> Vec<u8> {
        frame::failure(failure)
    }
}
