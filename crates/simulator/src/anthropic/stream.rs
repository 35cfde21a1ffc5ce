//! An answer as named events.

use serde_json::{Value, json};

use super::{call_prefix, citation, error_event, sign, stop_details, stop_reason, stop_sequence, usage};
use crate::answer::{Answer, Finish};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::stamp::Stamp;
use crate::steps::Step;
use crate::wire::{Encode, named_event as event};

/// What block is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Thinking,
    Text,
    Call,
}

pub(super) struct Encoder {
    answer: Answer,
    stamp: Stamp,
    shows_thoughts: bool,
    /// What the text cites; said when the text is.
    citation: Option<Value>,
    open: Option<Block>,
    /// Blocks begun so far.
    begun: usize,
}

impl Encoder {
    pub(super) fn new(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Self {
        let shows_thoughts = ask.shows_thoughts();
        let citation = answer.completions.first().and_then(|completion| citation(ask, completion));
        Self { answer: answer.clone(), stamp: stamp.clone(), shows_thoughts, citation, open: None, begun: 0 }
    }

    fn message_start(&self) -> Vec<u8> {
        let mut message = json!({
            "model": self.stamp.model,
            "id": self.stamp.response_id,
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "stop_details": null,
        });
        if self.answer.shows_usage {
            message["usage"] = usage(&self.answer.usage, 1);
        }
        event("message_start", &json!({"type": "message_start", "message": message}))
    }

    /// Begins a block unless it is the open one; the first one is followed by a ping.
    fn begin(&mut self, block: Block, content: &Value) -> Vec<u8> {
        if self.open == Some(block) && block != Block::Call {
            return Vec::new();
        }
        let mut bytes = self.end();
        let start = json!({"type": "content_block_start", "index": self.begun, "content_block": content});
        bytes.extend(event("content_block_start", &start));
        if self.begun == 0 {
            bytes.extend(event("ping", &json!({"type": "ping"})));
        }
        self.open = Some(block);
        self.begun += 1;
        bytes
    }

    fn end(&mut self) -> Vec<u8> {
        match self.open.take() {
            Some(_) => {
                let stop = json!({"type": "content_block_stop", "index": self.begun - 1});
                event("content_block_stop", &stop)
            }
            None => Vec::new(),
        }
    }

    fn delta(&self, delta: &Value) -> Vec<u8> {
        let index = self.begun.saturating_sub(1);
        event("content_block_delta", &json!({"type": "content_block_delta", "index": index, "delta": delta}))
    }

    fn call(&mut self, index: usize, name: &str) -> Vec<u8> {
        let id = self.stamp.call_id(call_prefix(&self.stamp), 0, index);
        let content = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
        let mut bytes = self.begin(Block::Call, &content);
        bytes.extend(self.delta(&json!({"type": "input_json_delta", "partial_json": ""})));
        bytes
    }

    /// Arguments without fields are said by saying nothing.
    fn arguments(&self, text: &str) -> Vec<u8> {
        if text == "{}" {
            return Vec::new();
        }
        self.delta(&json!({"type": "input_json_delta", "partial_json": text}))
    }

    fn message_delta(&mut self, finish: &Finish) -> Vec<u8> {
        let mut bytes = self.end();
        let mut delta = json!({
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason(&self.answer, finish), "stop_sequence": stop_sequence(finish),
                "stop_details": stop_details(finish)},
        });
        if self.answer.shows_usage {
            let total = &self.answer.usage;
            let written = total.cache_write_5m + total.cache_write_1h;
            let mut usage = json!({
                "input_tokens": total.prompt - total.cache_read - written,
                "cache_creation_input_tokens": written,
                "cache_read_input_tokens": total.cache_read,
                "output_tokens": total.completion,
            });
            if total.reasoning > 0 {
                usage["output_tokens_details"] = json!({"thinking_tokens": total.reasoning});
            }
            delta["usage"] = usage;
        }
        bytes.extend(event("message_delta", &delta));
        bytes
    }

    fn refuses(&self) -> bool {
        self.answer.completions.first().is_some_and(|completion| completion.finish == Finish::Refusal)
    }
}

impl Encode for Encoder {
    fn encode(&mut self, step: &Step, _tokens: u64) -> Vec<u8> {
        match step {
            Step::Open => self.message_start(),
            Step::Thought { text, .. } => {
                let mut bytes = self
                    .begin(Block::Thinking, &json!({"type": "thinking", "thinking": "", "signature": ""}));
                if self.shows_thoughts {
                    bytes.extend(self.delta(&json!({"type": "thinking_delta", "thinking": text})));
                }
                bytes
            }
            Step::ThoughtsEnd { thoughts, .. } => {
                let mut bytes = self.delta(&json!({"type": "signature_delta", "signature": sign(thoughts)}));
                bytes.extend(self.end());
                bytes
            }
            Step::Text { .. } if self.refuses() => Vec::new(),
            Step::Text { text, .. } => {
                let mut empty = json!({"type": "text", "text": ""});
                if self.citation.is_some() {
                    empty["citations"] = json!([]);
                }
                let mut bytes = self.begin(Block::Text, &empty);
                bytes.extend(self.delta(&json!({"type": "text_delta", "text": text})));
                bytes
            }
            Step::Call { index, name, .. } => self.call(*index, name),
            Step::Arguments { text, .. } => self.arguments(text),
            Step::CallEnd { .. } => self.end(),
            Step::Finish { finish, .. } => {
                let cited = self.citation.take().filter(|_| self.open == Some(Block::Text));
                let mut bytes = cited.map_or_else(Vec::new, |citation| {
                    self.delta(&json!({"type": "citations_delta", "citation": citation}))
                });
                bytes.extend(self.message_delta(finish));
                bytes
            }
            Step::Close => event("message_stop", &json!({"type": "message_stop"})),
            Step::Sound { .. } | Step::Picture { .. } => Vec::new(),
        }
    }

    fn fail(&mut self, failure: &Failure) -> Vec<u8> {
        event("error", &error_event(failure))
    }
}
