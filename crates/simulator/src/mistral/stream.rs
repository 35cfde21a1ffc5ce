//! An answer as chunks: the last one of a choice says everything that is left.

use serde_json::{Value, json};

use super::{call, error_body, finish_word, usage};
use crate::answer::{Answer, Finish, words};
use crate::failure::Failure;
use crate::seed::Dice;
use crate::stamp::Stamp;
use crate::steps::Step;
use crate::wire::{Encode, data_event};

const PADDING: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

pub(super) struct Encoder {
    answer: Answer,
    stamp: Stamp,
    /// Calls of each choice, which leave together.
    calls: Vec<Vec<Value>>,
    /// Choices that still go on; the last finish carries the usage.
    open: usize,
    padding: Dice,
}

impl Encoder {
    pub(super) fn new(answer: &Answer, stamp: &Stamp) -> Self {
        let open = answer.completions.len();
        let padding = Dice::new(stamp.seed);
        Self { answer: answer.clone(), stamp: stamp.clone(), calls: vec![Vec::new(); open], open, padding }
    }

    fn chunk(&mut self, choice: usize, delta: &Value, finish: Option<&str>, padded: bool) -> Vec<u8> {
        let mut chunk = json!({
            "id": self.stamp.response_id,
            "object": "chat.completion.chunk",
            "created": self.stamp.seconds(),
            "model": self.stamp.model,
            "choices": [{"index": choice, "delta": delta, "finish_reason": finish}],
        });
        if padded {
            let length = 1 + self.padding.index(PADDING.len());
            chunk["p"] = json!(PADDING[..length]);
        }
        if finish.is_some() && self.open == 0 && self.answer.shows_usage {
            chunk["usage"] = usage(&self.answer.usage, &self.stamp);
        }
        data_event(&chunk)
    }

    fn open(&mut self) -> Vec<u8> {
        let first = json!({"role": "assistant", "content": ""});
        (0..self.calls.len()).flat_map(|choice| self.chunk(choice, &first, None, false)).collect()
    }

    fn finish(&mut self, choice: usize, finish: &Finish) -> Vec<u8> {
        self.open = self.open.saturating_sub(1);
        let word = finish_word(&self.answer, finish).to_owned();
        let calls = std::mem::take(&mut self.calls[choice]);
        let delta = if calls.is_empty() { json!({"content": ""}) } else { json!({"tool_calls": calls}) };
        self.chunk(choice, &delta, Some(&word), true)
    }
}

impl Encode for Encoder {
    fn encode(&mut self, step: &Step, _tokens: u64) -> Vec<u8> {
        match step {
            Step::Open => self.open(),
            Step::Thought { choice, text } => {
                let thinking = json!([{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]);
                self.chunk(*choice, &json!({"content": thinking}), None, true)
            }
            Step::Text { choice, text } => self.chunk(*choice, &json!({"content": text}), None, true),
            Step::CallEnd { choice, index, call: made } => {
                let call = call(&self.stamp, *choice, *index, &made.name, &words(&made.pieces));
                self.calls[*choice].push(call);
                Vec::new()
            }
            Step::Finish { choice, finish } => self.finish(*choice, finish),
            Step::Close => b"data: [DONE]\n\n".to_vec(),
            _ => Vec::new(),
        }
    }

    fn fail(&mut self, failure: &Failure) -> Vec<u8> {
        data_event(&error_body(failure))
    }
}
