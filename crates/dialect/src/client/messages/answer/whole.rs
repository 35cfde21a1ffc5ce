//! Writes an answer that is not streamed: one message at the end.

use serde::Serialize;
use serde_json::{Map, Value};

use super::block::{Step, finished};
use super::compose::Composer;
use super::ending::UsageBody;
use crate::canonical::Event;
use crate::client::messages::error;
use crate::client::wire::append;
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};

/// The writer of one whole answer.
pub(super) struct Whole {
    envelope: Envelope,
    composer: Composer,
    content: Vec<Value>,
    open: Map<String, Value>,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    provider: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    content: &'a [Value],
    #[serde(flatten)]
    ending: Value,
    usage: UsageBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_management: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
}

#[derive(Serialize)]
struct Failed<'a> {
    #[serde(flatten)]
    error: error::Body<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageBody<'a>>,
}

impl Whole {
    pub(super) fn new(envelope: Envelope, composer: Composer) -> Self {
        Self { envelope, composer, content: Vec::new(), open: Map::new(), steps: Vec::new() }
    }

    fn take_steps(&mut self) {
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Open(block) => self.open = block.empty(),
                Step::Delta(delta) => delta.add_to(&mut self.open),
                Step::Close => self.content.push(finished(std::mem::take(&mut self.open))),
                Step::Whole(block) => self.content.push(Value::Object(block)),
            }
        }
    }
}

impl AnswerEncoder for Whole {
    fn event(&mut self, event: Event, _out: &mut Vec<u8>) {
        self.composer.event(event, &mut self.steps);
        self.take_steps();
    }

    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>) {
        self.composer.end(&mut self.steps);
        self.take_steps();
        let ending = &self.composer.ending;
        let body = Body {
            id: &self.envelope.id,
            kind: "message",
            role: "assistant",
            model: &self.envelope.model,
            provider: &self.envelope.provider,
            simulated: self.envelope.simulated,
            content: &self.content,
            ending: ending.delta(),
            usage: ending.usage(&bill.usage, Some(bill)),
            context_management: ending.context_management(),
            openrouter_metadata: self.envelope.routing.as_ref(),
        };
        append(out, &body);
    }

    /// The status is out and says that all is well; the body says that it is not.
    fn fail(&mut self, error: &PublicError, bill: Option<&Bill>, out: &mut Vec<u8>) {
        let ending = &self.composer.ending;
        let usage = bill.map(|bill| ending.usage(&bill.usage, Some(bill)));
        append(out, &Failed { error: error::Body::of(error, Some(&self.envelope.id)), usage });
    }
}
