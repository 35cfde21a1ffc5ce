//! An answer as named events.

use serde_json::{Value, json};

use super::{call, citation, error_body, finish_word, usage};
use crate::answer::{Answer, Finish};
use crate::ask::Ask;
use crate::failure::Failure;
use crate::stamp::Stamp;
use crate::steps::Step;
use crate::wire::{Encode, named_event};

/// What content is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Thinking,
    Text,
}

pub(super) struct Encoder {
    ask: Ask,
    answer: Answer,
    stamp: Stamp,
    open: Option<Content>,
    /// Contents begun so far.
    begun: usize,
    text: String,
    cited: bool,
}

impl Encoder {
    pub(super) fn new(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Self {
        Self {
            ask: ask.clone(),
            answer: answer.clone(),
            stamp: stamp.clone(),
            open: None,
            begun: 0,
            text: String::new(),
            cited: false,
        }
    }

    fn start(&self) -> Vec<u8> {
        let message =
            json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
        event("message-start", json!({"id": self.stamp.response_id, "delta": {"message": message}}))
    }

    fn said(&mut self, content: Content, text: &str) -> Vec<u8> {
        let name = if content == Content::Thinking { "thinking" } else { "text" };
        let mut bytes = Vec::new();
        if self.open != Some(content) {
            bytes = self.end();
            let empty = json!({"type": name, name: ""});
            bytes.extend(self.content("content-start", &empty));
            self.open = Some(content);
            self.begun += 1;
        }
        let index = self.begun - 1;
        let delta = json!({"message": {"content": {name: text}}});
        bytes.extend(event("content-delta", json!({"index": index, "delta": delta})));
        bytes
    }

    fn content(&self, name: &str, content: &Value) -> Vec<u8> {
        event(name, json!({"index": self.begun, "delta": {"message": {"content": content}}}))
    }

    fn end(&mut self) -> Vec<u8> {
        match self.open.take() {
            Some(_) => event("content-end", json!({"index": self.begun - 1})),
            None => Vec::new(),
        }
    }

    fn text(&mut self, text: &str) -> Vec<u8> {
        let completion = self.answer.completions.first();
        if completion.is_some_and(|completion| !completion.calls.is_empty()) {
            return event("tool-plan-delta", json!({"delta": {"message": {"tool_plan": text}}}));
        }
        let cited = completion.and_then(|completion| completion.citation);
        let mut bytes = self.said(Content::Text, text);
        self.text.push_str(text);
        if let Some(cited) = cited
            && !self.cited
            && self.text.chars().count() >= cited.end
        {
            self.cited = true;
            let citation = citation(&self.ask, cited, &self.text, self.begun - 1);
            let delta = json!({"message": {"citations": citation}});
            bytes.extend(event("citation-start", json!({"index": 0, "delta": delta})));
            bytes.extend(event("citation-end", json!({"index": 0})));
        }
        bytes
    }

    fn finish(&mut self, finish: &Finish) -> Vec<u8> {
        let mut bytes = self.end();
        let mut delta = json!({"finish_reason": finish_word(&self.answer, finish)});
        if self.answer.shows_usage {
            delta["usage"] = usage(&self.answer.usage);
        }
        bytes.extend(event("message-end", json!({"delta": delta})));
        bytes
    }
}

impl Encode for Encoder {
    fn encode(&mut self, step: &Step, _tokens: u64) -> Vec<u8> {
        match step {
            Step::Open => self.start(),
            Step::Thought { text, .. } => self.said(Content::Thinking, text),
            Step::Text { text, .. } => self.text(text),
            Step::Call { index, name, .. } => {
                let mut bytes = self.end();
                let call = call(&self.stamp, *index, name, "");
                let delta = json!({"message": {"tool_calls": call}});
                bytes.extend(event("tool-call-start", json!({"index": index, "delta": delta})));
                bytes
            }
            // A call without arguments has no delta.
            Step::Arguments { text, .. } if text == "{}" => Vec::new(),
            Step::Arguments { index, text, .. } => {
                let delta = json!({"message": {"tool_calls": {"function": {"arguments": text}}}});
                event("tool-call-delta", json!({"index": index, "delta": delta}))
            }
            Step::CallEnd { index, .. } => event("tool-call-end", json!({"index": index})),
            Step::Finish { finish, .. } => self.finish(finish),
            Step::Close => b"data: [DONE]\n\n".to_vec(),
            _ => Vec::new(),
        }
    }

    /// The end, for the reason that something failed, and what failed.
    fn fail(&mut self, failure: &Failure) -> Vec<u8> {
        let message = error_body(failure, &self.stamp)["message"].take();
        event("message-end", json!({"delta": {"finish_reason": "ERROR", "error": message}}))
    }
}

/// An event whose data names it again.
fn event(name: &str, fields: Value) -> Vec<u8> {
    let mut data = fields;
    data["type"] = json!(name);
    named_event(name, &data)
}
