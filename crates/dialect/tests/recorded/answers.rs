//! What an answer of any dialect folds to, and what must hold of it.

use std::collections::BTreeMap;

use dialect::canonical::{Event, FinishReason, Operation, ReasoningDetail, ReasoningKind};
use dialect::client::{Bill, Dialect, Envelope};
use dialect::codec::{Adapter, Target, adapter};
use dialect::error::ProviderError;
use pricing::Usage;
use serde_json::{Map, Value, json};

use crate::cases::Case;

/// An answer with its pieces put together.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) id: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) texts: BTreeMap<u32, String>,
    pub(crate) refusal: String,
    /// By choice and block: the pieces of one block concatenate.
    pub(crate) reasoning: BTreeMap<(u32, u32), ReasoningDetail>,
    /// By choice and index: id, name, arguments.
    pub(crate) calls: BTreeMap<(u32, u32), (String, String, String)>,
    pub(crate) images: Vec<String>,
    pub(crate) extras: Vec<Map<String, Value>>,
    /// What only one dialect can say.
    pub(crate) natives: Vec<Value>,
    pub(crate) finishes: BTreeMap<u32, (FinishReason, String)>,
    pub(crate) usage: Option<Usage>,
    pub(crate) tier: Option<String>,
    pub(crate) failure: Option<ProviderError>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        self.texts.values().map(String::as_str).collect()
    }

    pub(crate) fn thoughts(&self) -> String {
        self.reasoning.values().filter_map(ReasoningDetail::text).collect()
    }
}

pub(crate) fn fold(events: Vec<Event>) -> Answer {
    let mut answer = Answer::default();
    for event in events {
        assert!(answer.failure.is_none(), "{event:?} came after a failure");
        match event {
            Event::Start { id, model, .. } => (answer.id, answer.model) = (id, model),
            Event::Text { choice, text } => answer.texts.entry(choice).or_default().push_str(&text),
            Event::Refusal { text, .. } => answer.refusal.push_str(&text),
            Event::Reasoning { choice, detail } => fold_reasoning(&mut answer, choice, detail),
            Event::ToolCall { choice, index, id, name, arguments } => {
                let call = answer.calls.entry((choice, index)).or_default();
                call.0.push_str(&id.unwrap_or_default());
                call.1.push_str(&name.unwrap_or_default());
                call.2.push_str(&arguments);
            }
            Event::Image { url, .. } => answer.images.push(url),
            Event::Extra { members, .. } | Event::ChoiceExtra { members, .. } => answer.extras.push(members),
            Event::Native { value, .. } => answer.natives.push(value),
            Event::Finish { choice, reason, native } => {
                assert!(answer.finishes.insert(choice, (reason, native)).is_none(), "two ends of one choice");
            }
            Event::Usage(usage) => answer.usage = Some(usage),
            Event::ServiceTier(tier) => answer.tier = Some(tier),
            Event::Failure(error) => answer.failure = Some(error),
            other => panic!("{other:?} is no part of a conversation"),
        }
    }
    answer
}

fn fold_reasoning(answer: &mut Answer, choice: u32, detail: ReasoningDetail) {
    assert!(detail.format.is_some(), "reasoning without a format cannot be sent back");
    let block = answer.reasoning.entry((choice, detail.index)).or_insert_with(|| ReasoningDetail {
        kind: detail.kind,
        index: detail.index,
        id: detail.id.clone(),
        format: detail.format.clone(),
        ..ReasoningDetail::default()
    });
    assert_eq!(block.kind, detail.kind, "one block of two kinds");
    assert!(detail.kind != ReasoningKind::Encrypted || block.content.is_none(), "a signature in pieces");
    append(&mut block.content, detail.content);
    append(&mut block.signature, detail.signature);
}

fn append(text: &mut Option<String>, more: Option<String>) {
    if let Some(more) = more {
        text.get_or_insert_default().push_str(&more);
    }
}

pub(crate) fn dialect(name: &str) -> &'static dyn Adapter {
    with_target(|target| adapter(name, Operation::Chat, Dialect::Chat, target)).unwrap()
}

/// Runs `body` with a target that the recordings say nothing about.
pub(crate) fn with_target<T>(body: impl FnOnce(&Target<'_>) -> T) -> T {
    let quirks = Map::new();
    body(&Target {
        model: "author/model",
        provider: "provider",
        provider_model: "model",
        max_output: None,
        supported_parameters: &[],
        service_tier: "",
        quirks: &quirks,
    })
}

/// The events of a whole body.
pub(crate) fn events(adapter: &dyn Adapter, case: &Case) -> Result<Vec<Event>, ProviderError> {
    if !case.is_stream {
        return with_target(|target| adapter.decode(&case.response, target));
    }
    Ok(streamed_events(adapter, [&case.response[..]]))
}

/// Streams `pieces` through a fresh decoder.
fn streamed_events<'a>(adapter: &dyn Adapter, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut events = Vec::new();
    let mut decoder = with_target(|target| adapter.stream(target));
    pieces.into_iter().for_each(|piece| decoder.push(piece, &mut events));
    decoder.end(&mut events);
    events
}

fn streamed<'a>(adapter: &dyn Adapter, pieces: impl IntoIterator<Item = &'a [u8]>) -> Answer {
    fold(streamed_events(adapter, pieces))
}

/// Streams a body whole, byte by byte and in two pieces cut at every byte; all must agree.
pub(crate) fn streamed_every_way(adapter: &dyn Adapter, case: &Case) -> Answer {
    let body = &case.response[..];
    let whole = streamed(adapter, [body]);
    assert_eq!(streamed(adapter, body.chunks(1)), whole, "{} byte by byte", case.name);
    for at in 0..=body.len() {
        let (one, two) = body.split_at(at);
        assert_eq!(streamed(adapter, [one, two]), whole, "{} cut at {at}", case.name);
    }
    whole
}

/// Cuts a stream off after every byte: what is left is the same answer, or one that is known to have failed.
pub(crate) fn cut_off_everywhere(adapter: &dyn Adapter, case: &Case) {
    let whole = streamed(adapter, [&case.response[..]]);
    for at in 0..case.response.len() {
        let cut = streamed(adapter, [&case.response[..at]]);
        assert!(cut.failure.is_some() || cut == whole, "{} cut off after {at} bytes", case.name);
        assert!(cut.failure.is_none() || cut.finishes.is_empty(), "{} cut off after {at} bytes", case.name);
    }
}

/// Damages a body in every place, in turn with bytes that mean something: nothing panics, and a failure is
/// the last event.
pub(crate) fn damaged_everywhere(adapter: &dyn Adapter, case: &Case) {
    for (at, byte) in (0..case.response.len()).zip(b"\"{}[]:,0n\n\r \\".iter().cycle()) {
        let mut body = case.response.clone();
        body[at] = *byte;
        let events = streamed_events(adapter, [&body[..]]);
        let failed = events.iter().position(|event| matches!(event, Event::Failure(_)));
        assert!(failed.is_none_or(|at| at + 1 == events.len()), "{} damaged at {at}", case.name);
        drop(with_target(|target| adapter.decode(&body, target)));
    }
}

/// What comes back to the provider in the next turn: the answer goes to a client as a chat message, and the
/// client sends it as it got it, with a result for every call.
pub(crate) fn sent_back(adapter: &dyn Adapter, events: Vec<Event>) -> Value {
    let message = chat_message(events);
    let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
    let results =
        calls.iter().map(|call| json!({"role": "tool", "tool_call_id": call["id"], "content": "done"}));
    let mut messages = vec![json!({"role": "user", "content": "Go"}), message];
    messages.extend(results);
    let body = json!({"model": "author/model", "messages": messages}).to_string();
    let request = Dialect::Chat.decode(&body.into()).unwrap();
    let encoded = with_target(|target| adapter.encode(&request, target)).unwrap();
    serde_json::from_slice(&encoded.body).unwrap()
}

/// The message of an answer that is not streamed.
fn chat_message(events: Vec<Event>) -> Value {
    let mut out = Vec::new();
    let mut encoder = Dialect::Chat.answer(Envelope::default(), None, false);
    events.into_iter().for_each(|event| encoder.event(event, &mut out));
    encoder.finish(&Bill::default(), &mut out);
    serde_json::from_slice::<Value>(&out).unwrap()["choices"][0]["message"].take()
}

/// What the publisher found must be found.
pub(crate) fn check_native(case: &Case, answer: &Answer) {
    let native = &case.native;
    let length = |name: &str| native[name].as_u64().unwrap_or(0);
    let characters = |text: &str| text.chars().count() as u64;
    assert_eq!(characters(&answer.text()), length("text_chars"), "text of {}", case.name);
    if native["reasoning_chars"].is_u64() {
        assert_eq!(characters(&answer.thoughts()), length("reasoning_chars"), "thoughts of {}", case.name);
    }
    let start = native["text_start"].as_str().unwrap_or_default();
    assert!(answer.text().starts_with(start), "text of {}", case.name);
    let listed = native["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(answer.calls.len(), listed.len(), "calls of {}", case.name);
    for ((id, name, arguments), listed) in answer.calls.values().zip(listed) {
        assert_eq!(listed["name"], *name, "{}", case.name);
        let parsed: Value = serde_json::from_str(arguments).unwrap();
        let expected = match listed["arguments"].as_str().unwrap() {
            "" => Value::Object(Map::new()),
            text => serde_json::from_str(text).unwrap(),
        };
        assert_eq!(parsed, expected, "arguments of {}", case.name);
        assert!(!id.is_empty() && id.len() <= 64, "id `{id}` of {}", case.name);
    }
    let mut finishes: Vec<_> = answer.finishes.values().map(|(_, native)| native.as_str()).collect();
    finishes.dedup();
    let listed = native["finish"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(finishes.iter().all(|native| listed.iter().any(|listed| listed == native)), "{}", case.name);
}
