//! What an answer says, whole or line by line.

use pricing::{Class, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::canonical::{Event, FinishReason, ReasoningDetail};
use crate::error::ProviderError;
use crate::openai;
use crate::raw;

/// An answer or a line of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    model: Option<String>,
    created_at: Option<String>,
    message: Option<Message>,
    done: Option<bool>,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    logprobs: Option<Vec<Value>>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Debug, Deserialize)]
struct Call {
    id: Option<String>,
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    arguments: Option<Box<RawValue>>,
}

/// The events of a whole answer.
///
/// # Errors
/// [`ProviderError`] when the body is an error after all, or no answer.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let (mut reader, mut events) = (Reader::default(), Vec::new());
    reader.line(body, &mut events);
    if !reader.is_over {
        reader.fail(ProviderError::broken("the provider sent an answer that cannot be read"), &mut events);
    }
    match events.pop() {
        Some(Event::Failure(error)) => Err(error),
        last => Ok(events.into_iter().chain(last).collect()),
    }
}

/// What came so far, as far as later lines depend on it.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) has_started: bool,
    /// Nothing more may come: the answer is complete or it failed.
    pub(super) is_over: bool,
    calls: u32,
}

impl Reader {
    /// Reads one line. Nothing counts after the last one.
    pub(super) fn line(&mut self, line: &[u8], events: &mut Vec<Event>) {
        if self.is_over {
            return;
        }
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            return self.fail(ProviderError::broken("the provider sent a line that cannot be read"), events);
        };
        if let Some(error) = line.error.as_ref().filter(|error| !error.is_null()) {
            return self.fail(openai::failure(&json!({"error": error})), events);
        }
        if line.message.is_none() && line.done.is_none() {
            return self.fail(ProviderError::broken("the provider sent a line that says nothing"), events);
        }
        self.start(&line, events);
        // Before the text, which they go out with.
        if let Some(logprobs) = line.logprobs.filter(|entries| !entries.is_empty()) {
            let content = json!({"content": logprobs, "refusal": null});
            let members: Map<String, Value> = Map::from_iter([("logprobs".to_owned(), content)]);
            events.push(Event::ChoiceExtra { choice: 0, members });
        }
        let seed = line.created_at.as_deref().unwrap_or_default();
        self.message(line.message.unwrap_or_default(), seed, events);
        if line.done == Some(true) {
            events.extend(usage(line.prompt_eval_count, line.eval_count).map(Event::Usage));
            self.end(line.done_reason, events);
        }
    }

    pub(super) fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_over, true) {
            events.push(Event::Failure(error));
        }
    }

    fn start(&mut self, line: &Line, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.has_started, true) {
            events.push(Event::Start { id: None, model: line.model.clone(), system_fingerprint: None });
        }
    }

    fn message(&mut self, message: Message, seed: &str, events: &mut Vec<Event>) {
        if let Some(thought) = message.thinking.filter(|text| !text.is_empty()) {
            let detail = ReasoningDetail { content: Some(thought), ..ReasoningDetail::default() };
            events.push(Event::Reasoning { choice: 0, detail });
        }
        if let Some(text) = message.content.filter(|text| !text.is_empty()) {
            events.push(Event::Text { choice: 0, text });
        }
        for call in message.tool_calls.into_iter().flatten() {
            let index = self.calls;
            self.calls = self.calls.saturating_add(1);
            let arguments = call.function.arguments.map(|json| arguments(&json)).unwrap_or_default();
            events.push(Event::ToolCall {
                choice: 0,
                index,
                id: Some(call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| made_id(seed, index))),
                name: Some(call.function.name),
                arguments,
            });
        }
    }

    fn end(&mut self, native: Option<String>, events: &mut Vec<Event>) {
        self.is_over = true;
        let native = native.unwrap_or_else(|| "stop".to_owned());
        let reason = match native.as_str() {
            "length" => FinishReason::Length,
            _ if self.calls > 0 => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        };
        events.push(Event::Finish { choice: 0, reason, native });
    }
}

/// Arguments are an object; none are null, and imitators of the server write text.
fn arguments(json: &RawValue) -> String {
    match json.get() {
        "null" => String::new(),
        text if text.starts_with('"') => serde_json::from_str(text).unwrap_or_default(),
        _ => raw::compact(json),
    }
}

/// The id of a call that has none: the same bytes make the same one, and the time they were made at tells it
/// from those of other answers.
fn made_id(seed: &str, index: u32) -> String {
    let mut hasher = Sha256::new();
    hasher.update(seed.as_bytes());
    hasher.update(index.to_be_bytes());
    let mut id = hex::encode(hasher.finalize());
    id.truncate(24);
    format!("call_{id}")
}

/// Both counts or none: half of one would pass for the whole.
fn usage(prompt: Option<u64>, completion: Option<u64>) -> Option<Usage> {
    Some(Usage::default().with(Class::Input, prompt?).with(Class::Output, completion?))
}
