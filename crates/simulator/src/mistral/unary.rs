//! An answer in one body.

use serde_json::{Value, json};

use super::{call, finish_word, usage};
use crate::answer::{Answer, Completion, words};
use crate::stamp::Stamp;

pub(super) fn body(answer: &Answer, stamp: &Stamp) -> Value {
    let choices: Vec<Value> = answer
        .completions
        .iter()
        .enumerate()
        .map(|(index, completion)| {
            json!({"index": index, "finish_reason": finish_word(answer, &completion.finish),
                "message": message(completion, stamp, index)})
        })
        .collect();
    let mut body = json!({"id": stamp.response_id, "created": stamp.seconds(), "model": stamp.model,
        "object": "chat.completion", "choices": choices});
    if answer.shows_usage {
        body["usage"] = usage(&answer.usage, stamp);
    }
    body
}

fn message(completion: &Completion, stamp: &Stamp, choice: usize) -> Value {
    let text = completion.words();
    let content = if completion.thoughts.is_empty() {
        json!(text)
    } else {
        let thinking = json!({"type": "thinking", "closed": true,
            "thinking": [{"type": "text", "text": completion.thinking()}]});
        let said = (!text.is_empty()).then(|| json!({"type": "text", "text": text}));
        json!(std::iter::once(thinking).chain(said).collect::<Vec<_>>())
    };
    let calls: Vec<Value> = completion
        .calls
        .iter()
        .enumerate()
        .map(|(index, made)| call(stamp, choice, index, &made.name, &words(&made.pieces)))
        .collect();
    let calls = if calls.is_empty() { Value::Null } else { json!(calls) };
    json!({"role": "assistant", "tool_calls": calls, "content": content})
}
