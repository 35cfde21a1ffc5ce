//! Reads a chat request.

use serde_json::Value;

use super::extra;
use super::shape::CHAT;
use crate::ask::{Ask, Caching, Reasoning};
use crate::failure::Failure;
use crate::openai::{format, stop, tokens_of_effort, tool_choice, tools, turns};
use crate::strict::stranger;

/// Length of the ids of calls.
const ID: usize = 9;

/// # Errors
/// [`Failure`] as Mistral would answer.
pub(super) fn parse(body: &Value) -> Result<Ask, Failure> {
    if let Some(way) = stranger(body, &CHAT) {
        return Err(extra(&way));
    }
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Err(missing("model"));
    };
    let Some(messages) = body["messages"].as_array() else { return Err(missing("messages")) };
    check(body, messages)?;
    let mut ask = Ask::new(model);
    ask.turns = turns(body).map_err(plain)?;
    for (turn, message) in ask.turns.iter_mut().zip(messages) {
        turn.extra.push_str(&thoughts(&message["content"]));
    }
    ask.stream = body["stream"] == true;
    ask.tools = tools(&body["tools"]).map_err(plain)?;
    ask.tool_choice = tool_choice(&body["tool_choice"]);
    ask.parallel = body["parallel_tool_calls"] != false;
    ask.format = format(&body["response_format"]);
    ask.max_tokens = body["max_tokens"].as_u64();
    ask.stop = stop(&body["stop"]);
    ask.choices = usize::try_from(body["n"].as_u64().unwrap_or(1)).unwrap_or(1);
    ask.seed = body["random_seed"].as_i64();
    ask.reasoning = reasoning(body, model);
    ask.caching = Caching::Automatic { step: 16, writes: false };
    Ok(ask)
}

fn missing(name: &str) -> Failure {
    Failure::new(422, "Field required").code("missing").param(name)
}

fn order(message: impl Into<String>) -> Failure {
    Failure::bad(message).code("3230")
}

/// What is refused elsewhere too, in Mistral's words.
fn plain(failure: Failure) -> Failure {
    order(failure.message)
}

fn check(body: &Value, messages: &[Value]) -> Result<(), Failure> {
    if body["logprobs"] == true {
        return Err(Failure::bad("Logprobs are not enabled for this model").code("3051"));
    }
    if body["temperature"].as_f64().is_some_and(|value| !(0.0..=1.5).contains(&value)) {
        let message = "Input should be less than or equal to 1.5";
        return Err(Failure::new(422, message).code("less_than_equal").param("temperature"));
    }
    let ids = messages.iter().flat_map(|message| {
        let calls = message["tool_calls"].as_array().into_iter().flatten();
        calls.map(|call| &call["id"]).chain([&message["tool_call_id"]])
    });
    for id in ids.filter_map(Value::as_str) {
        if id.len() != ID || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let message = format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.");
            return Err(Failure::bad(message).code("3280"));
        }
    }
    let last = messages.last().map_or("", |message| message["role"].as_str().unwrap_or_default());
    let prefix = messages.last().is_some_and(|message| message["prefix"] == true);
    match last {
        "user" | "tool" => Ok(()),
        "assistant" if prefix => Ok(()),
        other => Err(order(format!(
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got {other}"
        ))),
    }
}

/// The thoughts that a message brings back.
fn thoughts(content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten().filter(|part| part["type"] == "thinking");
    let chunks = parts.flat_map(|part| part["thinking"].as_array().into_iter().flatten());
    chunks.filter_map(|chunk| chunk["text"].as_str()).collect()
}

/// Magistral always reasons, others when they are asked to.
fn reasoning(body: &Value, model: &str) -> Option<Reasoning> {
    let own = model.starts_with("magistral") || body["prompt_mode"] == "reasoning";
    let tokens = body["reasoning_effort"].as_str().map_or(if own { 64 } else { 0 }, tokens_of_effort);
    (tokens > 0).then_some(Reasoning::shown(tokens, true))
}
