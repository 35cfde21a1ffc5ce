//! A streamed answer.

use serde::Deserialize;
use serde_json::Value;

use super::answer::{Call, Chunk, Reader, finish, of};
use super::citations::Citation;
use super::errors;
use super::usage::Counts;
use crate::canonical::Event;
use crate::codec::StreamDecoder;
use crate::error::ProviderError;
use crate::raw::or_default;
use crate::sse;

#[derive(Debug, Default)]
pub(super) struct Decoder {
    frames: sse::Decoder,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    reader: Reader,
    has_started: bool,
    /// Nothing more may come: the answer is complete or it failed.
    is_over: bool,
}

/// An event of any kind: members that it does not have are absent.
#[derive(Debug, Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    index: u64,
    #[serde(default, deserialize_with = "or_default")]
    delta: Delta,
    logprobs: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta {
    message: Option<Message>,
    finish_reason: Option<String>,
    usage: Option<Counts>,
    error: Option<Value>,
}

/// What a message gains. Each member is a list in the first event and a single thing in the others, so it is
/// read when its event tells which.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<Value>,
    tool_plan: Option<String>,
    tool_calls: Option<Value>,
    citations: Option<Value>,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let Self { frames, state } = self;
        if let Err(error) = frames.push(bytes, |_, data| state.take(data, events)) {
            state.fail(ProviderError::broken(&error.to_string()), events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let Self { frames, state } = self;
        frames.end(|_, data| state.take(data, events));
        let stray = frames.stray().trim_ascii();
        let failure = match (stray.is_empty(), state.has_started) {
            (false, _) => errors::inside(stray),
            (true, true) => ProviderError::broken("the provider's answer was cut short"),
            (true, false) => ProviderError::broken("the provider sent no answer"),
        };
        state.fail(failure, events);
    }
}

impl State {
    fn take(&mut self, data: &[u8], events: &mut Vec<Event>) {
        if self.is_over || data.trim_ascii() == b"[DONE]" {
            return;
        }
        match serde_json::from_slice::<Wire>(data) {
            Ok(wire) if wire.kind.is_some() => self.read(wire, events),
            _ => self.fail(errors::inside(data), events),
        }
    }

    fn read(&mut self, wire: Wire, events: &mut Vec<Event>) {
        let message = wire.delta.message.unwrap_or_default();
        match wire.kind.as_deref().unwrap_or_default() {
            "message-start" if !self.has_started => {
                self.has_started = true;
                events.push(Event::Start { id: wire.id, model: None, system_fingerprint: None });
            }
            "content-start" => {
                self.reader.begin_content(wire.index);
                self.reader.content(of(message.content), events);
            }
            "content-delta" => {
                self.reader.content(of(message.content), events);
                self.reader.logprobs(&of::<Chunk>(wire.logprobs), events);
            }
            "tool-plan-delta" => self.reader.plan(message.tool_plan, events),
            "tool-call-start" => self.reader.begin_call(wire.index, of(message.tool_calls), events),
            "tool-call-delta" => {
                let call: Call = of(message.tool_calls);
                self.reader.arguments(
                    wire.index,
                    call.function.and_then(|function| function.arguments),
                    events,
                );
            }
            "tool-call-end" => self.reader.end_call(wire.index),
            "citation-start" => self.reader.citation(&of::<Citation>(message.citations), events),
            "message-end" => {
                self.end(wire.delta.finish_reason, wire.delta.usage, wire.delta.error.as_ref(), events)
            }
            _ => {}
        }
    }

    fn end(
        &mut self,
        native: Option<String>,
        counts: Option<Counts>,
        error: Option<&Value>,
        events: &mut Vec<Event>,
    ) {
        events.extend(counts.and_then(|counts| counts.usage()).map(Event::Usage));
        let error = error.filter(|error| !error.is_null());
        let message = error.map(|error| error.as_str().or(error["message"].as_str()).unwrap_or_default());
        let native = native.unwrap_or_else(|| if error.is_some() { "ERROR" } else { "COMPLETE" }.to_owned());
        match finish(native, message) {
            Ok(finish) => {
                self.is_over = true;
                events.push(finish);
            }
            Err(failure) => self.fail(failure, events),
        }
    }

    fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_over, true) {
            events.push(Event::Failure(error));
        }
    }
}
