//! What an answer says, whole or piece by piece.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::citations::Citation;
use super::errors;
use super::usage::Counts;
use crate::canonical::{Event, FinishReason, ReasoningDetail};
use crate::error::ProviderError;

/// Contents whose place is kept; an answer has two or three.
const CONTENTS: usize = 1_024;

/// A whole answer.
#[derive(Debug, Deserialize)]
struct Answer {
    id: Option<String>,
    message: Option<Message>,
    finish_reason: Option<String>,
    usage: Option<Counts>,
    logprobs: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<Vec<Content>>,
    tool_plan: Option<String>,
    tool_calls: Option<Vec<Call>>,
    citations: Option<Vec<Value>>,
}

/// Text or a thought; in streams a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    text: Option<String>,
    thinking: Option<String>,
}

/// A call; in streams a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Call {
    pub(super) id: Option<String>,
    pub(super) function: Option<Function>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
}

/// The probabilities of a few tokens that make a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    text: Option<String>,
    logprobs: Option<Vec<f64>>,
}

/// The events of a whole answer.
///
/// # Errors
/// [`ProviderError`] when the body is an error after all, or no answer.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| errors::inside(body))?;
    let Some(native) = answer.finish_reason else { return Err(errors::inside(body)) };
    let mut events = vec![Event::Start { id: answer.id, model: None, system_fingerprint: None }];
    let mut reader = Reader::default();
    let message = answer.message.unwrap_or_default();
    let contents = message.content.unwrap_or_default();
    for content in &contents {
        Reader::thought(content.thinking.clone(), &mut events);
    }
    // Before the text, which they go out with.
    for chunk in answer.logprobs.into_iter().flatten() {
        reader.logprobs(&of(Some(chunk)), &mut events);
    }
    reader.plan(message.tool_plan, &mut events);
    for (content, index) in contents.into_iter().zip(0..) {
        reader.begin_content(index);
        reader.plan(content.text, &mut events);
    }
    for (call, index) in message.tool_calls.into_iter().flatten().zip(0..) {
        reader.begin_call(index, call, &mut events);
        reader.end_call(index);
    }
    for citation in message.citations.into_iter().flatten() {
        reader.citation(&of(Some(citation)), &mut events);
    }
    events.extend(answer.usage.and_then(|counts| counts.usage()).map(Event::Usage));
    events.push(finish(native, None)?);
    Ok(events)
}

/// How an answer ends.
///
/// # Errors
/// [`ProviderError`] when it ends because something failed.
pub(super) fn finish(native: String, error: Option<&str>) -> Result<Event, ProviderError> {
    let reason = match native.as_str() {
        "MAX_TOKENS" | "ERROR_LIMIT" => FinishReason::Length,
        "TOOL_CALL" => FinishReason::ToolCalls,
        "ERROR_TOXIC" => FinishReason::ContentFilter,
        "ERROR" | "TIMEOUT" | "USER_CANCEL" => {
            let message = error.unwrap_or("the provider ended its answer with an error");
            return Err(errors::said(message, Some(native)));
        }
        _ => FinishReason::Stop,
    };
    Ok(Event::Finish { choice: 0, reason, native })
}

/// What came so far, as far as later pieces depend on it.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Characters of text that a client got.
    length: u64,
    /// The length at which each content began, by its index.
    begins: BTreeMap<u64, u64>,
    /// Calls by the provider's index; the place of one among them is its public index.
    calls: Vec<CallState>,
}

#[derive(Debug)]
struct CallState {
    index: u64,
    /// Arguments that may turn out to be `null`, which stands for none.
    held: Option<String>,
}

impl Reader {
    pub(super) fn begin_content(&mut self, index: u64) {
        if self.begins.len() < CONTENTS {
            self.begins.entry(index).or_insert(self.length);
        }
    }

    pub(super) fn content(&mut self, content: Content, events: &mut Vec<Event>) {
        Self::thought(content.thinking, events);
        self.plan(content.text, events);
    }

    fn thought(text: Option<String>, events: &mut Vec<Event>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let detail = ReasoningDetail { content: Some(text), ..ReasoningDetail::default() };
            events.push(Event::Reasoning { choice: 0, detail });
        }
    }

    /// What the model says of its plan is text like any other.
    pub(super) fn plan(&mut self, text: Option<String>, events: &mut Vec<Event>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.length += text.chars().count() as u64;
            events.push(Event::Text { choice: 0, text });
        }
    }

    pub(super) fn begin_call(&mut self, index: u64, call: Call, events: &mut Vec<Event>) {
        self.calls.push(CallState { index, held: Some(String::new()) });
        let function = call.function.unwrap_or_default();
        events.push(Event::ToolCall {
            choice: 0,
            index: u32::try_from(self.calls.len() - 1).unwrap_or(u32::MAX),
            id: call.id,
            name: function.name,
            arguments: String::new(),
        });
        self.arguments(index, function.arguments, events);
    }

    /// The next piece of a call's arguments.
    pub(super) fn arguments(&mut self, index: u64, piece: Option<String>, events: &mut Vec<Event>) {
        let Some(mut piece) = piece.filter(|piece| !piece.is_empty()) else { return };
        let Some(place) = self.calls.iter().rposition(|call| call.index == index) else { return };
        if let Some(held) = self.calls.get_mut(place).and_then(|call| call.held.take()) {
            piece.insert_str(0, &held);
            if "null".starts_with(&piece) {
                self.hold(place, piece);
                return;
            }
        }
        events.push(Event::ToolCall {
            choice: 0,
            index: u32::try_from(place).unwrap_or(u32::MAX),
            id: None,
            name: None,
            arguments: piece,
        });
    }

    fn hold(&mut self, place: usize, piece: String) {
        if let Some(call) = self.calls.get_mut(place) {
            call.held = Some(piece);
        }
    }

    /// Whatever is still held of the call's arguments says nothing.
    pub(super) fn end_call(&mut self, index: u64) {
        self.calls.iter_mut().filter(|call| call.index == index).for_each(|call| call.held = None);
    }

    pub(super) fn citation(&self, citation: &Citation, events: &mut Vec<Event>) {
        let begin = self.begins.get(&citation.content_index()).copied().unwrap_or(0);
        citation.annotations(if citation.is_of_plan() { 0 } else { begin }, events);
    }

    pub(super) fn logprobs(&mut self, chunk: &Chunk, events: &mut Vec<Event>) {
        let (Some(token), Some(logprobs)) = (&chunk.text, &chunk.logprobs) else { return };
        let logprob: f64 = logprobs.iter().sum();
        let entry = json!({"token": token, "logprob": logprob, "bytes": null, "top_logprobs": []});
        let content = json!({"content": [entry], "refusal": null});
        let members: Map<String, Value> = Map::from_iter([("logprobs".to_owned(), content)]);
        events.push(Event::ChoiceExtra { choice: 0, members });
    }
}

/// A member in the form that is expected of it; nothing where it has another.
pub(super) fn of<T: Default + DeserializeOwned>(member: Option<Value>) -> T {
    member.and_then(|member| serde_json::from_value(member).ok()).unwrap_or_default()
}
