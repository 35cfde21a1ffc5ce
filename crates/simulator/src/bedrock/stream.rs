//! An answer as frames.

use serde_json::{Value, json};

use super::unary::{latency, signs};
use super::{frame, stop_reason, tool_use_id, usage};
use crate::answer::Answer;
use crate::anthropic::sign;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::seed::Dice;
use crate::stamp::Stamp;
use crate::steps::Step;
use crate::wire::Encode;

/// What block is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Reasoning,
    Text,
    Call,
}

pub(super) struct Encoder {
    ask: Ask,
    answer: Answer,
    stamp: Stamp,
    open: Option<Block>,
    /// Blocks begun so far.
    begun: usize,
    padding: Dice,
}

impl Encoder {
    pub(super) fn new(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Self {
        Self {
            ask: ask.clone(),
            answer: answer.clone(),
            stamp: stamp.clone(),
            open: None,
            begun: 0,
            padding: Dice::new(stamp.seed),
        }
    }

    fn event(&mut self, kind: &'static str, fields: Value) -> Vec<u8> {
        frame::padded(kind, fields, &mut self.padding)
    }

    /// Makes this the open block. Only calls say that they begin.
    fn begin(&mut self, block: Block) -> Vec<u8> {
        if self.open == Some(block) && block != Block::Call {
            return Vec::new();
        }
        let bytes = self.end();
        self.open = Some(block);
        self.begun += 1;
        bytes
    }

    fn end(&mut self) -> Vec<u8> {
        match self.open.take() {
            Some(_) => {
                let index = self.begun - 1;
                self.event("contentBlockStop", json!({"contentBlockIndex": index}))
            }
            None => Vec::new(),
        }
    }

    fn delta(&mut self, delta: &Value) -> Vec<u8> {
        let index = self.begun.saturating_sub(1);
        self.event("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}))
    }

    fn call(&mut self, index: usize, name: &str) -> Vec<u8> {
        let mut bytes = self.begin(Block::Call);
        let id = tool_use_id(&self.stamp, index);
        let start = json!({"toolUse": {"name": name, "toolUseId": id}});
        let place = self.begun - 1;
        bytes.extend(self.event("contentBlockStart", json!({"contentBlockIndex": place, "start": start})));
        bytes
    }

    fn metadata(&mut self) -> Vec<u8> {
        let mut payload = json!({"metrics": {"latencyMs": latency(&self.answer)}});
        if self.answer.shows_usage {
            payload["usage"] = usage(&self.answer.usage, &self.ask);
        }
        self.event("metadata", payload)
    }
}

impl Encode for Encoder {
    fn encode(&mut self, step: &Step, _tokens: u64) -> Vec<u8> {
        match step {
            Step::Open => self.event("messageStart", json!({"role": "assistant"})),
            Step::Thought { text, .. } => {
                let mut bytes = self.begin(Block::Reasoning);
                bytes.extend(self.delta(&json!({"reasoningContent": {"text": text}})));
                bytes
            }
            Step::ThoughtsEnd { thoughts } => {
                let mut bytes = Vec::new();
                if signs(&self.stamp) {
                    let signature = sign(thoughts);
                    bytes = self.delta(&json!({"reasoningContent": {"signature": signature}}));
                }
                bytes.extend(self.end());
                bytes
            }
            Step::Text { text, .. } => {
                let mut bytes = self.begin(Block::Text);
                bytes.extend(self.delta(&json!({"text": text})));
                bytes
            }
            Step::Call { index, name, .. } => self.call(*index, name),
            Step::Arguments { text, .. } => self.delta(&json!({"toolUse": {"input": text}})),
            Step::CallEnd { .. } => self.end(),
            Step::Finish { finish, .. } => {
                let mut bytes = self.end();
                let reason = stop_reason(&self.answer, finish).to_owned();
                bytes.extend(self.event("messageStop", json!({"stopReason": reason})));
                bytes
            }
            Step::Close => self.metadata(),
            Step::Sound { .. } | Step::Picture { .. } => Vec::new(),
        }
    }

    fn fail(&mut self, failure: &Failure) -> Vec<u8> {
        frame::failure(failure)
    }
}
