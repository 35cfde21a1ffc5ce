//! An answer in one body.

use serde_json::{Value, json};

use super::{stop_reason, tool_use_id, usage};
use crate::answer::{Answer, Completion};
use crate::anthropic::sign;
use crate::ask::Ask;
use crate::stamp::Stamp;

pub(super) fn body(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
    let nothing = Completion::default();
    let completion = answer.completions.first().unwrap_or(&nothing);
    let mut body = json!({
        "metrics": {"latencyMs": latency(answer)},
        "output": {"message": {"content": content(completion, stamp), "role": "assistant"}},
        "stopReason": stop_reason(answer, &completion.finish),
    });
    if answer.shows_usage {
        body["usage"] = usage(&answer.usage, ask);
    }
    body
}

/// Milliseconds that such an answer may have taken.
pub(super) fn latency(answer: &Answer) -> u64 {
    200 + answer.usage.completion * 10
}

fn content(completion: &Completion, stamp: &Stamp) -> Vec<Value> {
    let mut content = Vec::new();
    if !completion.thoughts.is_empty() {
        let text = completion.thinking();
        let mut reasoning = json!({"reasoningText": {"text": text}});
        if signs(stamp) {
            reasoning["reasoningText"]["signature"] = json!(sign(&text));
        }
        content.push(json!({"reasoningContent": reasoning}));
    }
    if !completion.text.is_empty() {
        content.push(json!({"text": completion.words()}));
    }
    for (index, call) in completion.calls.iter().enumerate().filter(|(_, call)| call.complete) {
        content.push(json!({"toolUse": {"input": call.arguments, "name": call.name,
            "toolUseId": tool_use_id(stamp, index)}}));
    }
    content
}

/// Whether the model signs its thoughts.
pub(super) fn signs(stamp: &Stamp) -> bool {
    stamp.model.contains("anthropic")
}
