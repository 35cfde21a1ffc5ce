//! Writes answers and lines of answers.

use serde_json::{Value, json};

use super::error_body;
use crate::answer::{Answer, Call, Finish};
use crate::failure::Failure;
use crate::stamp::Stamp;
use crate::steps::Step;
use crate::wire::Encode;

fn done_reason<'a>(answer: &'a Answer, finish: &Finish) -> &'a str {
    if let Some(word) = &answer.finish {
        return word;
    }
    // Calls end with stop as well.
    if *finish == Finish::Length { "length" } else { "stop" }
}

fn call_object(call: &Call, stamp: &Stamp, index: usize) -> Value {
    json!({"id": stamp.call_id("call_", 0, index),
        "function": {"index": index, "name": call.name, "arguments": call.arguments}})
}

/// Adds what the last line says.
fn finish(line: &mut Value, answer: &Answer, finish: &Finish) {
    line["done"] = json!(true);
    line["done_reason"] = json!(done_reason(answer, finish));
    if answer.shows_usage {
        let usage = &answer.usage;
        line["total_duration"] = json!(200_000_000 + usage.completion * 10_000_000);
        line["load_duration"] = json!(20_000_000);
        line["prompt_eval_count"] = json!(usage.prompt);
        line["prompt_eval_duration"] = json!(80_000_000);
        line["eval_count"] = json!(usage.completion);
        line["eval_duration"] = json!(usage.completion * 10_000_000);
    }
}

pub(super) fn body(answer: &Answer, stamp: &Stamp) -> Value {
    let mut message = json!({"role": "assistant", "content": ""});
    let mut end = &Finish::Stop;
    if let Some(completion) = answer.completions.first() {
        end = &completion.finish;
        message["content"] = json!(completion.words());
        if !completion.thoughts.is_empty() {
            message["thinking"] = json!(completion.thinking());
        }
        let complete = completion.calls.iter().enumerate().filter(|(_, call)| call.complete);
        let calls: Vec<Value> = complete.map(|(index, call)| call_object(call, stamp, index)).collect();
        if !calls.is_empty() {
            message["tool_calls"] = json!(calls);
        }
    }
    let mut body = json!({"model": stamp.model, "created_at": stamp.rfc3339(0), "message": message});
    finish(&mut body, answer, end);
    body
}

pub(super) struct Encoder {
    answer: Answer,
    stamp: Stamp,
    lines: u64,
}

impl Encoder {
    pub(super) fn new(answer: &Answer, stamp: &Stamp) -> Self {
        Self { answer: answer.clone(), stamp: stamp.clone(), lines: 0 }
    }

    fn line(&mut self, message: &Value) -> Value {
        self.lines += 1;
        json!({"model": self.stamp.model, "created_at": self.stamp.rfc3339(self.lines), "message": message, "done": false})
    }
}

impl Encode for Encoder {
    fn encode(&mut self, step: &Step, _tokens: u64) -> Vec<u8> {
        let line = match step {
            Step::Thought { text, .. } => {
                self.line(&json!({"role": "assistant", "content": "", "thinking": text}))
            }
            Step::Text { text, .. } => self.line(&json!({"role": "assistant", "content": text})),
            Step::CallEnd { index, call, .. } if call.complete => {
                let calls = [call_object(call, &self.stamp, *index)];
                self.line(&json!({"role": "assistant", "content": "", "tool_calls": calls}))
            }
            Step::Finish { finish: end, .. } => {
                let mut line = self.line(&json!({"role": "assistant", "content": ""}));
                finish(&mut line, &self.answer, end);
                line
            }
            _ => return Vec::new(),
        };
        format!("{line}\n").into_bytes()
    }

    fn fail(&mut self, failure: &Failure) -> Vec<u8> {
        format!("{}\n", error_body(failure)).into_bytes()
    }
}
