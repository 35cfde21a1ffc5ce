//! The reader of one streamed answer.

use serde_json::Value;
use serde_json::value::RawValue;

use super::super::super::errors;
use super::super::errors::inside;
use super::items::{PartKind, Place, logprobs};
use super::state::State;
use super::wire::{Frame, Response, read};
use crate::canonical::Event;
use crate::codec::{StreamDecoder, Target};
use crate::error::ProviderError;
use crate::sse;

pub(in super::super) struct Stream {
    frames: sse::Decoder,
    state: State,
}

impl Stream {
    pub(in super::super) fn new(target: &Target<'_>) -> Self {
        Self { frames: sse::Decoder::default(), state: State::new(target) }
    }
}

fn take(state: &mut State, data: &[u8], events: &mut Vec<Event>) {
    let data = data.trim_ascii();
    if state.is_over() || data.is_empty() || data == b"[DONE]" {
        return;
    }
    match serde_json::from_slice::<Frame<'_>>(data) {
        Ok(frame) => take_frame(state, &frame, data, events),
        Err(_) => state.fail(errors::unreadable(data), events),
    }
}

fn take_frame(state: &mut State, frame: &Frame<'_>, data: &[u8], events: &mut Vec<Event>) {
    let Some(kind) = frame.kind.as_str() else {
        if let Some(error) = errors::bare(data) {
            state.fail(error, events);
        }
        return;
    };
    let index = frame.output_index.as_u64();
    let of = |kind| {
        let at = if kind == PartKind::Summary { &frame.summary_index } else { &frame.content_index };
        Place { item: index, kind, at: at.as_u64().unwrap_or_default() }
    };
    let text = |raw: Option<&RawValue>| read::<String>(raw).unwrap_or_default();
    match kind.strip_prefix("response.").unwrap_or(kind) {
        "created" | "in_progress" | "queued" => {
            if let Some(response) = response(frame) {
                state.start(&response, events);
            }
        }
        "output_item.added" => {
            if let Some(item) = read(frame.item) {
                state.item_added(index, &item, events);
            }
        }
        "output_item.done" => {
            if let Some(item) = read(frame.item) {
                state.item_done(index, item, events);
            }
        }
        "output_text.delta" => {
            events.extend(logprobs(read(frame.logprobs)));
            state.push(of(PartKind::Text), &text(frame.delta), events);
        }
        "output_text.done" => state.complete(of(PartKind::Text), &text(frame.text), events),
        "output_text.annotation.added" => {
            if let Some(annotation) = read(frame.annotation) {
                state.annotate(of(PartKind::Text), annotation, events);
            }
        }
        "refusal.delta" => state.push(of(PartKind::Refusal), &text(frame.delta), events),
        "refusal.done" => state.complete(of(PartKind::Refusal), &text(frame.refusal), events),
        "reasoning_text.delta" => state.push(of(PartKind::Thought), &text(frame.delta), events),
        "reasoning_text.done" => state.complete(of(PartKind::Thought), &text(frame.text), events),
        "reasoning_summary_text.delta" => state.push(of(PartKind::Summary), &text(frame.delta), events),
        "reasoning_summary_text.done" => state.complete(of(PartKind::Summary), &text(frame.text), events),
        "function_call_arguments.delta" => state.arguments(index, &text(frame.delta), events),
        "function_call_arguments.done" => state.arguments_are(index, &text(frame.arguments), events),
        told @ ("completed" | "incomplete" | "failed" | "cancelled") => match response(frame) {
            Some(response) => state.end(response, told, events),
            None => state.fail(errors::unreadable(data), events),
        },
        "error" => {
            let error = read::<Value>(frame.error).or_else(|| serde_json::from_slice(data).ok());
            state.fail(inside(&error.unwrap_or_default()), events);
        }
        _ => {}
    }
}

fn response<'a>(frame: &Frame<'a>) -> Option<Response<'a>> {
    serde_json::from_str(frame.response?.get()).ok()
}

impl StreamDecoder for Stream {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let state = &mut self.state;
        if let Err(error) = self.frames.push(bytes, |_, data| take(state, data, events)) {
            self.state.fail(ProviderError::broken(&error.to_string()), events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let state = &mut self.state;
        self.frames.end(|_, data| take(state, data, events));
        if self.state.is_over() {
            return;
        }
        let error = match self.frames.stray().trim_ascii() {
            b"" => ProviderError::broken("the provider's answer was cut short"),
            stray => errors::unreadable(stray),
        };
        self.state.fail(error, events);
    }
}
