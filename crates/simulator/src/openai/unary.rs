//! An answer in one body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::usage::usage;
use super::{SOUND_SECONDS, finish_word, image, logprobs, sound_id, vendor};
use crate::answer::{Answer, Completion, Finish, words};
use crate::ask::Ask;
use crate::quirks::Thoughts;
use crate::stamp::Stamp;

pub(super) fn body(ask: &Ask, answer: &Answer, stamp: &Stamp) -> Value {
    let choices: Vec<Value> = answer
        .completions
        .iter()
        .enumerate()
        .map(|(index, completion)| {
            json!({
                "index": index,
                "message": message(ask, completion, stamp, index),
                "logprobs": logprobs(ask, completion),
                "finish_reason": finish_word(answer, &completion.finish),
            })
        })
        .collect();
    let mut body = json!({
        "id": stamp.response_id,
        "object": "chat.completion",
        "created": stamp.seconds(),
        "model": stamp.model,
        "choices": choices,
        "service_tier": ask.tier,
        "system_fingerprint": "fp_simulated",
    });
    if answer.shows_usage {
        body["usage"] = usage(&answer.usage, stamp);
    }
    vendor::dress_body(&mut body, stamp);
    body
}

fn logprobs(ask: &Ask, completion: &Completion) -> Value {
    ask.logprobs.map_or(Value::Null, |most| logprobs::of(&completion.words(), most))
}

fn message(ask: &Ask, completion: &Completion, stamp: &Stamp, choice: usize) -> Value {
    let refused = completion.finish == Finish::Refusal;
    let text = completion.words();
    let said = !text.is_empty() || completion.calls.is_empty();
    let mut message = json!({
        "role": "assistant",
        "content": if refused || !said { Value::Null } else { json!(text) },
        "refusal": if refused { json!(text) } else { Value::Null },
        "annotations": [],
    });
    if let Thoughts::Field(field) = stamp.quirks.thoughts
        && !completion.thoughts.is_empty()
    {
        message[field] = json!(completion.thinking());
    }
    if completion.spoken
        && let Some(sound) = ask.sound
    {
        message["content"] = Value::Null;
        message["audio"] = json!({"id": sound_id(stamp, choice), "data": STANDARD.encode(sound.speak(&text)),
            "expires_at": stamp.seconds() + SOUND_SECONDS, "transcript": text});
    }
    if let Some(png) = &completion.picture {
        message["images"] = json!([image(png)]);
    }
    if !completion.calls.is_empty() {
        let calls: Vec<Value> = completion
            .calls
            .iter()
            .enumerate()
            .map(|(index, call)| {
                json!({
                    "id": vendor::call_id(stamp, choice, index),
                    "type": "function",
                    "function": {"name": call.name, "arguments": words(&call.pieces)},
                })
            })
            .collect();
        message["tool_calls"] = json!(calls);
    }
    message
}
