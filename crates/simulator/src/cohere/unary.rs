//! An answer in one body.

use serde_json::{Value, json};

use super::{call, citation, finish_word, usage};
use crate::answer::{Answer, Completion, Finish, words};
use crate::ask::Ask;
use crate::stamp::Stamp;

pub(super) fn body(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
    let nothing = Completion::default();
    let completion = answer.completions.first().unwrap_or(&nothing);
    let mut body = json!({"id": stamp.response_id, "message": message(ask, completion, stamp),
        "finish_reason": finish_word(answer, &completion.finish)});
    if answer.shows_usage {
        body["usage"] = usage(&answer.usage);
    }
    body
}

fn message(ask: &Ask, completion: &Completion, stamp: &Stamp) -> Value {
    let text = completion.words();
    let mut message = json!({"role": "assistant"});
    let mut content = Vec::new();
    if !completion.thoughts.is_empty() {
        content.push(json!({"type": "thinking", "thinking": completion.thinking()}));
    }
    if !completion.calls.is_empty() {
        let calls = completion.calls.iter().enumerate();
        let calls = calls.map(|(index, made)| call(stamp, index, &made.name, &words(&made.pieces)));
        message["tool_calls"] = calls.collect();
        message["tool_plan"] = json!(text);
    } else if !text.is_empty() || completion.finish == Finish::Stop {
        content.push(json!({"type": "text", "text": text}));
    }
    if let Some(cited) = completion.citation {
        message["citations"] = json!([citation(ask, cited, &text, content.len() - 1)]);
    }
    if !content.is_empty() {
        message["content"] = json!(content);
    }
    message
}
