//! A response as numbered events.

use serde_json::{Value, json};

use super::output::{
    call_item_id, complete, function_call, message_id, part, reasoning, reasoning_id, response, status,
};
use super::spoken_error;
use crate::answer::{Answer, Call, Finish, words};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::openai::errors;
use crate::seed::{ALPHANUMERIC, Dice};
use crate::stamp::Stamp;
use crate::steps::Step;
use crate::wire::{Encode, named_event};

/// What item is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Reasoning,
    Message,
}

pub(super) struct Encoder {
    ask: Ask,
    answer: Answer,
    stamp: Stamp,
    /// The number of the next event.
    sequence: u64,
    /// What it was before the last step.
    before: u64,
    /// Items begun so far.
    begun: usize,
    open: Option<Item>,
    text: String,
    padding: Dice,
}

impl Encoder {
    pub(super) fn new(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Self {
        Self {
            ask: ask.clone(),
            answer: answer.clone(),
            stamp: stamp.clone(),
            sequence: 0,
            before: 0,
            begun: 0,
            open: None,
            text: String::new(),
            padding: Dice::new(stamp.seed),
        }
    }

    fn event(&mut self, name: &str, fields: Value) -> Vec<u8> {
        let mut data = fields;
        data["type"] = json!(name);
        data["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        named_event(name, &data)
    }

    fn state(&mut self, name: &str) -> Vec<u8> {
        let response = response(&self.ask, &self.stamp, "in_progress", &[]);
        self.event(name, json!({"response": response}))
    }

    /// An event of the open item.
    fn of_item(&mut self, name: &str, id: &str, fields: Value) -> Vec<u8> {
        let mut data = fields;
        data["item_id"] = json!(id);
        data["output_index"] = json!(self.begun.saturating_sub(1));
        self.event(name, data)
    }

    fn delta(&mut self, name: &str, id: &str, text: &str, fields: Value) -> Vec<u8> {
        let mut data = fields;
        data["delta"] = json!(text);
        if self.stamp.quirks.openai {
            let length = 1 + self.padding.index(15);
            data["obfuscation"] = json!(self.padding.word(length, ALPHANUMERIC));
        }
        self.of_item(name, id, data)
    }

    fn added(&mut self, item: &Value) -> Vec<u8> {
        self.begun += 1;
        let index = self.begun - 1;
        self.event("response.output_item.added", json!({"output_index": index, "item": item}))
    }

    fn done(&mut self, item: &Value) -> Vec<u8> {
        let index = self.begun.saturating_sub(1);
        self.event("response.output_item.done", json!({"output_index": index, "item": item}))
    }

    fn thought(&mut self, text: &str) -> Vec<u8> {
        let id = reasoning_id(&self.stamp);
        let summary = self.stamp.quirks.openai;
        let mut bytes = Vec::new();
        if self.open != Some(Item::Reasoning) {
            self.open = Some(Item::Reasoning);
            let mut empty = reasoning(&self.ask, "", &self.stamp);
            empty["status"] = json!("in_progress");
            bytes = self.added(&empty);
            if self.ask.shows_thoughts() && summary {
                let part = json!({"summary_index": 0, "part": {"type": "summary_text", "text": ""}});
                bytes.extend(self.of_item("response.reasoning_summary_part.added", &id, part));
            }
        }
        if self.ask.shows_thoughts() {
            let (name, place) = if summary {
                ("response.reasoning_summary_text.delta", json!({"summary_index": 0}))
            } else {
                ("response.reasoning_text.delta", json!({"content_index": 0}))
            };
            bytes.extend(self.delta(name, &id, text, place));
        }
        bytes
    }

    fn thoughts_end(&mut self, thoughts: &str) -> Vec<u8> {
        let id = reasoning_id(&self.stamp);
        let mut bytes = Vec::new();
        if self.ask.shows_thoughts() && self.stamp.quirks.openai {
            let text = json!({"summary_index": 0, "text": thoughts});
            bytes.extend(self.of_item("response.reasoning_summary_text.done", &id, text));
            let part = json!({"summary_index": 0, "part": {"type": "summary_text", "text": thoughts}});
            bytes.extend(self.of_item("response.reasoning_summary_part.done", &id, part));
        } else if self.ask.shows_thoughts() {
            let text = json!({"content_index": 0, "text": thoughts});
            bytes.extend(self.of_item("response.reasoning_text.done", &id, text));
        }
        bytes.extend(self.done(&reasoning(&self.ask, thoughts, &self.stamp)));
        self.open = None;
        bytes
    }

    fn refuses(&self) -> bool {
        self.answer.completions.first().is_some_and(|completion| completion.finish == Finish::Refusal)
    }

    fn said(&mut self, text: &str) -> Vec<u8> {
        let (id, refusal) = (message_id(&self.stamp), self.refuses());
        let mut bytes = Vec::new();
        if self.open != Some(Item::Message) {
            self.open = Some(Item::Message);
            let item = json!({"id": id, "type": "message", "status": "in_progress", "content": [], "role": "assistant"});
            bytes = self.added(&item);
            let part = json!({"content_index": 0, "part": part(&self.ask, "", refusal)});
            bytes.extend(self.of_item("response.content_part.added", &id, part));
        }
        self.text.push_str(text);
        let (name, place) = if refusal {
            ("response.refusal.delta", json!({"content_index": 0}))
        } else {
            let logprobs = part(&self.ask, text, false)["logprobs"].take();
            ("response.output_text.delta", json!({"content_index": 0, "logprobs": logprobs}))
        };
        bytes.extend(self.delta(name, &id, text, place));
        bytes
    }

    /// Ends the message, if one is open.
    fn text_end(&mut self) -> Vec<u8> {
        if self.open != Some(Item::Message) {
            return Vec::new();
        }
        self.open = None;
        let (id, refusal) = (message_id(&self.stamp), self.refuses());
        let part = part(&self.ask, &self.text, refusal);
        let (name, text) = if refusal {
            ("response.refusal.done", json!({"content_index": 0, "refusal": self.text}))
        } else {
            let logprobs = &part["logprobs"];
            (
                "response.output_text.done",
                json!({"content_index": 0, "text": self.text, "logprobs": logprobs}),
            )
        };
        let mut bytes = self.of_item(name, &id, text);
        let ended = json!({"content_index": 0, "part": part});
        bytes.extend(self.of_item("response.content_part.done", &id, ended));
        let state = if status(&self.answer).0 == "incomplete" { "incomplete" } else { "completed" };
        let item =
            json!({"id": id, "type": "message", "status": state, "content": [part], "role": "assistant"});
        bytes.extend(self.done(&item));
        bytes
    }

    fn call(&mut self, index: usize, name: &str) -> Vec<u8> {
        let mut bytes = self.text_end();
        let call =
            Call { name: name.to_owned(), arguments: Value::Null, pieces: Vec::new(), complete: false };
        let item = function_call(&call, "", &self.stamp, index, "in_progress");
        bytes.extend(self.added(&item));
        bytes
    }

    fn call_end(&mut self, index: usize, call: &Call) -> Vec<u8> {
        let arguments = words(&call.pieces);
        let state = if call.complete { "completed" } else { "incomplete" };
        let id = call_item_id(&self.stamp, index);
        let mut bytes = self.of_item(
            "response.function_call_arguments.done",
            &id,
            json!({"arguments": arguments, "name": call.name}),
        );
        let item = function_call(call, &arguments, &self.stamp, index, state);
        bytes.extend(self.done(&item));
        bytes
    }

    fn close(&mut self) -> Vec<u8> {
        let name = match status(&self.answer).0 {
            "completed" => "response.completed",
            "failed" => "response.failed",
            _ => "response.incomplete",
        };
        let response = complete(&self.ask, &self.answer, &self.stamp);
        self.event(name, json!({"response": response}))
    }
}

impl Encode for Encoder {
    fn encode(&mut self, step: &Step, _tokens: u64) -> Vec<u8> {
        self.before = self.sequence;
        match step {
            Step::Open => {
                let mut bytes = self.state("response.created");
                bytes.extend(self.state("response.in_progress"));
                bytes
            }
            Step::Thought { text, .. } => self.thought(text),
            Step::ThoughtsEnd { thoughts } => self.thoughts_end(thoughts),
            Step::Text { text, .. } => self.said(text),
            Step::Call { index, name, .. } => self.call(*index, name),
            Step::Arguments { index, text, .. } => {
                let id = call_item_id(&self.stamp, *index);
                self.delta("response.function_call_arguments.delta", &id, text, json!({}))
            }
            Step::CallEnd { index, call, .. } => self.call_end(*index, call),
            Step::Finish { .. } => self.text_end(),
            Step::Close => self.close(),
            Step::Sound { .. } | Step::Picture { .. } => Vec::new(),
        }
    }

    fn fail(&mut self, failure: &Failure) -> Vec<u8> {
        self.sequence = self.before;
        let error = errors::usual(failure)["error"].take();
        let mut bytes = self.event("error", json!({"error": error}));
        let mut response = response(&self.ask, &self.stamp, "failed", &[]);
        response["error"] = spoken_error(failure);
        bytes.extend(self.event("response.failed", json!({"response": response})));
        bytes
    }
}
