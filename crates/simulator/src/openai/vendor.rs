//! What others who share OpenAI's shape add to it, or leave out.

use serde_json::{Value, json};

use super::usage::usage;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::quirks::Vendor;
use crate::seed::{ALPHANUMERIC, Dice, hash_text};
use crate::stamp::Stamp;
use crate::wire::{data_event, named_event};

/// Where a chunk stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Middle,
    /// The end of a choice; `last`: of the last one.
    Finish {
        last: bool,
    },
    /// What follows the choices.
    Usage,
}

/// What comes before the first chunk.
pub(super) fn prelude(stamp: &Stamp) -> Vec<u8> {
    match stamp.quirks.vendor {
        Vendor::OpenRouter => b": OPENROUTER PROCESSING\n\n".to_vec(),
        Vendor::DeepSeek => b": keep-alive\n\n".to_vec(),
        Vendor::Azure => {
            data_event(&json!({"choices": [], "created": 0, "id": "", "model": "", "object": "",
            "prompt_filter_results": prompt_filter()}))
        }
        _ => Vec::new(),
    }
}

/// Whether the stream says that it is done.
pub(super) fn says_done(stamp: &Stamp) -> bool {
    !matches!(stamp.quirks.vendor, Vendor::Cerebras | Vendor::Perplexity)
}

/// The choices of the chunk that says the usage: none, but for OpenRouter.
pub(super) fn usage_choices(answer: &Answer, stamp: &Stamp) -> Value {
    if stamp.quirks.vendor != Vendor::OpenRouter {
        return json!([]);
    }
    let finish = answer.completions.first().map(|completion| &completion.finish);
    let word = finish.map(|finish| super::finish_word(answer, finish));
    json!([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": word, "logprobs": null}])
}

/// Makes a chunk the vendor's.
pub(super) fn dress_chunk(chunk: &mut Value, answer: &Answer, stamp: &Stamp, place: Place) {
    dress(chunk, stamp);
    match stamp.quirks.vendor {
        Vendor::Groq => groq_chunk(chunk, answer, stamp, place),
        Vendor::Together => each_choice(chunk, together_choice),
        Vendor::OpenRouter => each_choice(chunk, openrouter_choice),
        Vendor::Azure => each_choice(chunk, |choice| {
            let filters = if choice["finish_reason"].is_string() { filters() } else { json!({}) };
            choice["content_filter_results"] = filters;
        }),
        Vendor::Vllm => each_choice(chunk, |choice| choice["stop_reason"] = Value::Null),
        // What was used so far is in every chunk; here it is the end's from the start.
        Vendor::Perplexity if answer.shows_usage => chunk["usage"] = usage(&answer.usage, stamp),
        Vendor::Xai => each_choice(chunk, |choice| {
            if let Some(fields) = choice.as_object_mut() {
                fields.retain(|name, value| name != "finish_reason" || !value.is_null());
            }
        }),
        _ => {}
    }
}

/// Makes an answer in one body the vendor's.
pub(super) fn dress_body(body: &mut Value, stamp: &Stamp) {
    dress(body, stamp);
    match stamp.quirks.vendor {
        Vendor::Groq => body["x_groq"] = json!({"id": stamp.request_id, "seed": 25_406_097}),
        Vendor::Together => {
            body["prompt"] = json!([]);
            each_choice(body, |choice| choice["seed"] = json!(BIG_SEED));
        }
        Vendor::OpenRouter => each_choice(body, |choice| {
            choice["native_finish_reason"] = choice["finish_reason"].clone();
            openrouter_reasoning(&mut choice["message"]);
        }),
        Vendor::Azure => {
            body["prompt_filter_results"] = prompt_filter();
            each_choice(body, |choice| choice["content_filter_results"] = filters());
        }
        Vendor::Vllm => each_choice(body, |choice| choice["stop_reason"] = Value::Null),
        _ => {}
    }
}

/// An error in a stream.
pub(super) fn spoken_error(failure: &Failure, body: &Value, stamp: &Stamp) -> Vec<u8> {
    match stamp.quirks.vendor {
        // It has a name, and nothing follows it.
        Vendor::Groq => {
            let mut body = body.clone();
            body["error"]["status_code"] = json!(failure.status);
            named_event("error", &body)
        }
        // It is a chunk with an error.
        Vendor::OpenRouter => {
            let mut chunk = json!({"id": stamp.response_id, "object": "chat.completion.chunk",
                "created": stamp.seconds(), "model": stamp.model, "provider": PROVIDER,
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": "error",
                    "native_finish_reason": "error", "logprobs": null}]});
            chunk["error"] = body["error"].clone();
            let mut bytes = data_event(&chunk);
            bytes.extend_from_slice(b"data: [DONE]\n\n");
            bytes
        }
        _ => data_event(body),
    }
}

/// Who answers behind OpenRouter.
const PROVIDER: &str = "Simulator";
/// More than a double holds exactly.
const BIG_SEED: u64 = 4_892_505_926_413_923_001;

fn dress(object: &mut Value, stamp: &Stamp) {
    match stamp.quirks.vendor {
        Vendor::OpenRouter => object["provider"] = json!(PROVIDER),
        Vendor::Perplexity => object["citations"] = json!(["https://example.com/simulated"]),
        _ => {}
    }
}

fn each_choice(object: &mut Value, change: impl FnMut(&mut Value)) {
    object["choices"].as_array_mut().into_iter().flatten().for_each(change);
}

fn groq_chunk(chunk: &mut Value, answer: &Answer, stamp: &Stamp, place: Place) {
    match place {
        Place::First => chunk["x_groq"] = json!({"id": stamp.request_id}),
        Place::Finish { last: true } => {
            chunk["x_groq"] = json!({"id": stamp.request_id});
            if answer.shows_usage {
                chunk["x_groq"]["usage"] = usage(&answer.usage, stamp);
                chunk["usage"] = usage(&answer.usage, stamp);
            }
        }
        Place::Usage => chunk["service_tier"] = json!("on_demand"),
        Place::Middle | Place::Finish { .. } => each_choice(chunk, |choice| {
            if choice["delta"]["reasoning"].is_string() {
                choice["delta"]["channel"] = json!("analysis");
            }
        }),
    }
}

/// Every delta has a role, a number and its text once more.
fn together_choice(choice: &mut Value) {
    choice["delta"]["role"] = json!("assistant");
    if let Some(text) = choice["delta"]["content"].as_str().map(str::to_owned) {
        choice["delta"]["token_id"] = json!(Dice::new(hash_text(&text)).below(128_000));
        choice["text"] = json!(text);
    }
}

fn openrouter_choice(choice: &mut Value) {
    choice["native_finish_reason"] = choice["finish_reason"].clone();
    choice["delta"]["role"] = json!("assistant");
    openrouter_reasoning(&mut choice["delta"]);
}

/// Thoughts once more, with what they are.
fn openrouter_reasoning(message: &mut Value) {
    if let Some(text) = message["reasoning"].as_str().map(str::to_owned) {
        message["reasoning_details"] =
            json!([{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]);
    }
}

fn filters() -> Value {
    let safe = json!({"filtered": false, "severity": "safe"});
    json!({"hate": safe, "self_harm": safe, "sexual": safe, "violence": safe})
}

fn prompt_filter() -> Value {
    let mut results = filters();
    results["jailbreak"] = json!({"filtered": false, "detected": false});
    json!([{"prompt_index": 0, "content_filter_results": results}])
}

/// What the vendor refuses that others take.
///
/// # Errors
/// [`Failure`] as the vendor would answer.
pub(super) fn check(body: &Value, vendor: Vendor) -> Result<(), Failure> {
    let bad = |message: &str| Err(Failure::bad(message));
    let several = body["n"].as_u64().is_some_and(|count| count > 1);
    let pictured = body["messages"].as_array().into_iter().flatten().any(|message| {
        message["content"].as_array().into_iter().flatten().any(|part| part["type"] == "image_url")
    });
    match vendor {
        Vendor::Groq if several => bad("'n' : number must be at most 1"),
        Vendor::Groq if body["logprobs"] == true => bad("`logprobs` is not supported with this model"),
        Vendor::DeepSeek if pictured => bad(
            "Failed to deserialize the JSON body into the target type: unknown variant `image_url`, expected `text`",
        ),
        Vendor::DeepSeek if body["response_format"]["type"] == "json_schema" => {
            bad("This response_format type is unavailable now")
        }
        _ => Ok(()),
    }
}

/// The id of a call: not every vendor's begins as OpenAI's.
pub(super) fn call_id(stamp: &Stamp, choice: usize, index: usize) -> String {
    let mut dice = stamp.call_dice(choice, index);
    match stamp.quirks.vendor {
        Vendor::DeepSeek => format!("call_{index:02}_{}", dice.word(20, ALPHANUMERIC)),
        Vendor::Groq => dice.word(9, b"0123456789abcdefghijklmnopqrstuvwxyz"),
        _ => stamp.call_id("call_", choice, index),
    }
}
