//! Writes responses and their items.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};

use super::super::logprobs;
use crate::answer::{Answer, Call, Completion, Finish, Usage, words};
use crate::ask::Ask;
use crate::seed::hash_text;
use crate::stamp::Stamp;

/// How sealed thoughts begin.
const SEAL: &str = "gAAAAABsim";

/// Thoughts that only the simulator reads.
pub(super) fn seal(thoughts: &str) -> String {
    let mut bytes = hash_text(thoughts).to_be_bytes().to_vec();
    bytes.extend(thoughts.as_bytes().iter().map(|byte| byte ^ 0x5a));
    format!("{SEAL}{}", URL_SAFE.encode(bytes))
}

/// The thoughts in a seal, if it is one.
pub(super) fn unseal(sealed: &str) -> Option<String> {
    let bytes = URL_SAFE.decode(sealed.strip_prefix(SEAL)?).ok()?;
    let thoughts = bytes.get(8..)?.iter().map(|byte| byte ^ 0x5a).collect();
    String::from_utf8(thoughts).ok()
}

/// A response in a state, with its output so far.
pub(super) fn response(ask: &Ask, stamp: &Stamp, status: &str, output: &[Value]) -> Value {
    let mut response = json!({
        "id": stamp.response_id,
        "object": "response",
        "created_at": stamp.seconds(),
        "status": status,
        "error": null,
        "incomplete_details": null,
        "model": stamp.model,
        "output": output,
        "usage": null,
    });
    for (name, value) in ask.echo.as_object().into_iter().flatten() {
        response[name] = value.clone();
    }
    response
}

/// The response at its end.
pub(super) fn complete(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
    let (status, reason) = status(answer);
    let mut response = response(ask, stamp, status, &items(ask, answer, stamp));
    if status == "completed" {
        response["completed_at"] = json!(stamp.seconds());
    }
    if let Some(reason) = reason {
        response["incomplete_details"] = json!({"reason": reason});
    }
    if answer.shows_usage {
        response["usage"] = usage(&answer.usage, stamp);
    }
    response
}

/// The status, and why it is incomplete. A script's finish is a status, or the reason of being incomplete.
pub(super) fn status(answer: &Answer) -> (&str, Option<&str>) {
    let length = answer.completions.first().is_some_and(|completion| completion.finish == Finish::Length);
    match answer.finish.as_deref() {
        Some(status @ ("completed" | "failed")) => (status, None),
        Some(reason) => ("incomplete", Some(reason)),
        None if length => ("incomplete", Some("max_output_tokens")),
        None => ("completed", None),
    }
}

fn usage(usage: &Usage, stamp: &Stamp) -> Value {
    let mut object = json!({
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.completion,
    });
    if stamp.quirks.cache_writes {
        object["input_tokens_details"]["cache_write_tokens"] = json!(usage.cache_write_5m);
    }
    object
}

fn items(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Vec<Value> {
    let mut items = Vec::new();
    let Some(completion) = answer.completions.first() else { return items };
    let state = if completion.finish == Finish::Length { "incomplete" } else { "completed" };
    if !completion.thoughts.is_empty() {
        items.push(reasoning(ask, &completion.thinking(), stamp));
    }
    if !completion.text.is_empty() {
        items.push(message(ask, completion, stamp, state));
    }
    for (index, call) in completion.calls.iter().enumerate() {
        let state = if call.complete { "completed" } else { "incomplete" };
        items.push(function_call(call, &words(&call.pieces), stamp, index, state));
    }
    items
}

/// A reasoning item: a summary where OpenAI summarises, the thoughts where others show them.
pub(super) fn reasoning(ask: &Ask, thoughts: &str, stamp: &Stamp) -> Value {
    let shown = !thoughts.is_empty() && ask.shows_thoughts();
    let mut item = json!({"id": reasoning_id(stamp), "type": "reasoning", "summary": []});
    if shown && stamp.quirks.openai {
        item["summary"] = json!([{"type": "summary_text", "text": thoughts}]);
    } else if shown {
        item["content"] = json!([{"type": "reasoning_text", "text": thoughts}]);
    }
    if ask.reasoning.is_some_and(|reasoning| reasoning.sealed) {
        item["encrypted_content"] = json!(seal(thoughts));
    }
    item
}

fn message(ask: &Ask, completion: &Completion, stamp: &Stamp, state: &str) -> Value {
    let part = part(ask, &completion.words(), completion.finish == Finish::Refusal);
    json!({"id": message_id(stamp), "type": "message", "status": state, "content": [part], "role": "assistant"})
}

/// The one part of a message.
pub(super) fn part(ask: &Ask, text: &str, refusal: bool) -> Value {
    if refusal {
        return json!({"type": "refusal", "refusal": text});
    }
    let said = ask.logprobs.filter(|_| !text.is_empty());
    let logprobs = said.map_or(json!([]), |most| logprobs::of(text, most)["content"].take());
    json!({"type": "output_text", "annotations": [], "logprobs": logprobs, "text": text})
}

pub(super) fn function_call(call: &Call, arguments: &str, stamp: &Stamp, index: usize, state: &str) -> Value {
    json!({"id": call_item_id(stamp, index), "type": "function_call", "status": state, "arguments": arguments,
        "call_id": stamp.call_id("call_", 0, index), "name": call.name})
}

pub(super) fn reasoning_id(stamp: &Stamp) -> String {
    stamp.part_id("rs_", 0)
}

pub(super) fn message_id(stamp: &Stamp) -> String {
    stamp.part_id("msg_", 1)
}

pub(super) fn call_item_id(stamp: &Stamp, index: usize) -> String {
    stamp.part_id("fc_", 2 + index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seals_open_here_only() {
        assert_eq!(unseal(&seal("I think.")), Some("I think.".to_owned()));
        assert_eq!(unseal("gAAAAABelse"), None);
    }
}
