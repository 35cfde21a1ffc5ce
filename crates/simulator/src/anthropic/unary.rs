//! An answer in one body.

use serde_json::{Value, json};

use super::{call_prefix, citation, sign, stop_details, stop_reason, stop_sequence, usage};
use crate::answer::{Answer, Finish};
use crate::ask::Ask;
use crate::stamp::Stamp;

pub(super) fn body(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
    let mut content = Vec::new();
    let mut finish = &Finish::Stop;
    if let Some(completion) = answer.completions.first() {
        finish = &completion.finish;
        if !completion.thoughts.is_empty() {
            let thoughts = completion.thinking();
            let shown = if ask.shows_thoughts() { thoughts.as_str() } else { "" };
            content.push(json!({"type": "thinking", "thinking": shown, "signature": sign(&thoughts)}));
        }
        // A refusal says nothing.
        if !completion.text.is_empty() && *finish != Finish::Refusal {
            let mut block = json!({"type": "text", "text": completion.words()});
            if let Some(citation) = citation(ask, completion) {
                block["citations"] = json!([citation]);
            }
            content.push(block);
        }
        for (index, call) in completion.calls.iter().enumerate().filter(|(_, call)| call.complete) {
            let id = stamp.call_id(call_prefix(stamp), 0, index);
            content.push(json!({"type": "tool_use", "id": id, "name": call.name, "input": call.arguments}));
        }
    }
    let mut body = json!({
        "model": stamp.model,
        "id": stamp.response_id,
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": stop_reason(answer, finish),
        "stop_sequence": stop_sequence(finish),
        "stop_details": stop_details(finish),
    });
    if answer.shows_usage {
        let mut usage = usage(&answer.usage, answer.usage.completion);
        if answer.usage.reasoning > 0 {
            usage["output_tokens_details"] = json!({"thinking_tokens": answer.usage.reasoning});
        }
        body["usage"] = usage;
    }
    body
}
