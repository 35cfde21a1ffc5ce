//! Writes a streamed answer: named events.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::block::{Delta, Step, finished};
use super::compose::Composer;
use super::ending::UsageBody;
use crate::canonical::Event;
use crate::client::messages::error;
use crate::client::wire::append_named_frame;
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};

/// The writer of one streamed answer. The message starts with the first thing there is to say of it.
pub(super) struct Stream {
    envelope: Envelope,
    composer: Composer,
    has_started: bool,
    /// The running number of the next block, or of the open one.
    index: u32,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Start<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    provider: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    container: Option<()>,
    content: [(); 0],
    stop_details: Option<()>,
    stop_reason: Option<()>,
    stop_sequence: Option<()>,
    usage: UsageBody<'a>,
}

#[derive(Serialize)]
struct BlockFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_block: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<&'a Delta>,
}

#[derive(Serialize)]
struct End<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: Value,
    usage: UsageBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_management: Option<&'a Value>,
}

#[derive(Serialize)]
struct Bare<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
}

impl Stream {
    pub(super) fn new(envelope: Envelope, composer: Composer) -> Self {
        Self { envelope, composer, has_started: false, index: 0, steps: Vec::new() }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let message = Message {
            id: &self.envelope.id,
            kind: "message",
            role: "assistant",
            model: &self.envelope.model,
            provider: &self.envelope.provider,
            simulated: self.envelope.simulated,
            container: None,
            content: [],
            stop_details: None,
            stop_reason: None,
            stop_sequence: None,
            usage: self.composer.ending.usage(&self.composer.ending.counted, None),
        };
        append_named_frame(out, "message_start", &Start { kind: "message_start", message });
        append_named_frame(out, "ping", &Bare { kind: "ping", openrouter_metadata: None });
    }

    fn write_steps(&mut self, out: &mut Vec<u8>) {
        let mut steps = std::mem::take(&mut self.steps);
        for step in steps.drain(..) {
            self.start(out);
            match step {
                Step::Open(block) => self.block_start(block.empty(), out),
                Step::Delta(delta) => self.block_delta(&delta, out),
                Step::Close => self.block_stop(out),
                Step::Whole(block) => self.whole_block(block, out),
            }
        }
        self.steps = steps;
    }

    /// The input of a tool streams, also when it is there at once: that is how clients expect it.
    fn whole_block(&mut self, mut block: Map<String, Value>, out: &mut Vec<u8>) {
        let input = match block.get_mut("input") {
            Some(input @ Value::Object(_)) => std::mem::replace(input, json!({})),
            _ => json!({}),
        };
        self.block_start(block, out);
        if input.as_object().is_some_and(|members| !members.is_empty()) {
            self.block_delta(&Delta::Input { partial_json: input.to_string() }, out);
        }
        self.block_stop(out);
    }

    fn block_start(&self, block: Map<String, Value>, out: &mut Vec<u8>) {
        let kind = "content_block_start";
        let content_block = Some(finished(block));
        append_named_frame(out, kind, &BlockFrame { kind, index: self.index, content_block, delta: None });
    }

    fn block_delta(&self, delta: &Delta, out: &mut Vec<u8>) {
        let kind = "content_block_delta";
        append_named_frame(
            out,
            kind,
            &BlockFrame { kind, index: self.index, content_block: None, delta: Some(delta) },
        );
    }

    fn block_stop(&mut self, out: &mut Vec<u8>) {
        let kind = "content_block_stop";
        append_named_frame(
            out,
            kind,
            &BlockFrame { kind, index: self.index, content_block: None, delta: None },
        );
        self.index = self.index.saturating_add(1);
    }

    fn end(&self, delta: Value, bill: &Bill, out: &mut Vec<u8>) {
        let ending = &self.composer.ending;
        let usage = ending.usage(&bill.usage, Some(bill));
        let kind = "message_delta";
        append_named_frame(
            out,
            kind,
            &End { kind, delta, usage, context_management: ending.context_management() },
        );
    }
}

impl AnswerEncoder for Stream {
    fn event(&mut self, event: Event, out: &mut Vec<u8>) {
        self.composer.event(event, &mut self.steps);
        self.write_steps(out);
    }

    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>) {
        self.composer.end(&mut self.steps);
        self.write_steps(out);
        self.start(out);
        self.end(self.composer.ending.delta(), bill, out);
        let routing = self.envelope.routing.as_ref();
        append_named_frame(out, "message_stop", &Bare { kind: "message_stop", openrouter_metadata: routing });
    }

    fn fail(&mut self, error: &PublicError, bill: Option<&Bill>, out: &mut Vec<u8>) {
        if let Some(bill) = bill.filter(|_| self.has_started) {
            let none =
                json!({"container": null, "stop_details": null, "stop_reason": null, "stop_sequence": null});
            self.end(none, bill, out);
        }
        append_named_frame(out, "error", &error::Body::of(error, Some(&self.envelope.id)));
    }
}
