//! A streamed answer.

use std::borrow::Cow;

use serde::Deserialize;

use super::answer::{Block, Delta, Message, Reader};
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
    has_content: bool,
    /// The model has stopped; the provider has not said that this is all.
    finish: Option<Event>,
    /// Nothing more may come: the answer is complete or it failed.
    is_over: bool,
}

/// An event of any kind: members that it does not have are absent.
#[derive(Debug, Deserialize)]
struct Wire<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "or_default")]
    index: u32,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    content_block: Option<Block<'a>>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    usage: Option<Counts>,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let Self { frames, state } = self;
        if let Err(error) = frames.push(bytes, |name, data| state.take(name, data, events)) {
            state.fail(ProviderError::broken(&error.to_string()), events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let Self { frames, state } = self;
        frames.end(|name, data| state.take(name, data, events));
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
    fn take(&mut self, name: &str, data: &[u8], events: &mut Vec<Event>) {
        if self.is_over {
            return;
        }
        if name == "error" {
            self.fail(errors::inside(data), events);
            return;
        }
        match serde_json::from_slice::<Wire<'_>>(data) {
            Ok(wire) => self.read(wire, data, events),
            Err(_) => {
                self.fail(ProviderError::broken("the provider sent an event that cannot be read"), events)
            }
        }
    }

    fn read(&mut self, wire: Wire<'_>, data: &[u8], events: &mut Vec<Event>) {
        match wire.kind.as_deref().unwrap_or("error") {
            "message_start" => self.start(wire.message, events),
            "content_block_start" => {
                self.has_content = true;
                if let Some(block) = wire.content_block {
                    self.reader.block_start(wire.index, block, events);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = wire.delta {
                    self.reader.block_delta(wire.index, delta, events);
                }
            }
            "content_block_stop" => self.reader.block_stop(wire.index, events),
            "message_delta" => self.message_delta(wire.delta, wire.usage, events),
            "message_stop" => self.stop(events),
            "error" => self.fail(errors::inside(data), events),
            _ => {}
        }
    }

    /// A start may be repeated before anything else; after that it is another answer.
    fn start(&mut self, message: Option<Message<'_>>, events: &mut Vec<Event>) {
        if self.has_content {
            self.fail(ProviderError::broken("the provider began a second answer inside the first"), events);
            return;
        }
        let Some(mut message) = message else { return };
        if !std::mem::replace(&mut self.has_started, true) {
            events.push(message.start());
        }
        self.reader.counts.merge(message.usage.unwrap_or_default());
    }

    fn message_delta(&mut self, delta: Option<Delta<'_>>, usage: Option<Counts>, events: &mut Vec<Event>) {
        self.reader.counts.merge(usage.unwrap_or_default());
        if let Some((reason, details)) =
            delta.and_then(|delta| Some((delta.stop_reason?, delta.stop_details)))
        {
            self.finish = Some(self.reader.finish(reason, details, events));
        }
        if self.finish.is_some() {
            self.reader.counted(events);
        }
    }

    fn stop(&mut self, events: &mut Vec<Event>) {
        self.is_over = true;
        match self.finish.take() {
            Some(finish) => events.push(finish),
            None => events.push(Event::Failure(ProviderError::broken(
                "the provider ended its answer without a reason",
            ))),
        }
    }

    /// Of several failures the first counts.
    fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_over, true) {
            events.push(Event::Failure(error));
        }
    }
}
