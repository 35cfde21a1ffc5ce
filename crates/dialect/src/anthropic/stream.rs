//! A streamed answer.

use super::answer::{Reader, Unreadable};
use super::errors;
use super::wire::{Delta, Message, Wire};
use crate::canonical::Event;
use crate::codec::StreamDecoder;
use crate::error::ProviderError;
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
            Ok(wire) => {
                if let Err(unreadable) = self.read(wire, data, events) {
                    self.fail(unreadable.into(), events);
                }
            }
            Err(_) => self.fail(Unreadable::Form.into(), events),
        }
    }

    fn read(&mut self, wire: Wire<'_>, data: &[u8], events: &mut Vec<Event>) -> Result<(), Unreadable> {
        match wire.kind.as_deref().unwrap_or("error") {
            "message_start" => self.start(wire.message, events),
            "content_block_start" => {
                self.has_content = true;
                if let Some(block) = wire.content_block {
                    self.reader.block_start(wire.index, block, events)?;
                }
            }
            "content_block_delta" => {
                if let Some(delta) = wire.delta {
                    self.reader.block_delta(wire.index, delta, events)?;
                }
            }
            "content_block_stop" => self.reader.block_stop(wire.index, events),
            "message_delta" => self.message_delta(wire, events)?,
            "message_stop" => self.stop(events),
            "error" => self.fail(errors::inside(data), events),
            _ => {}
        }
        Ok(())
    }

    /// A start may be repeated before anything else; after that it is another answer.
    fn start(&mut self, message: Option<Message<'_>>, events: &mut Vec<Event>) {
        if self.has_content {
            self.fail(ProviderError::broken("the provider began a second answer inside the first"), events);
            return;
        }
        let Some(mut message) = message else { return };
        let is_first = !std::mem::replace(&mut self.has_started, true);
        if is_first {
            events.push(message.start());
        }
        self.reader.counts.merge(message.usage.unwrap_or_default());
        if is_first {
            events.extend(self.reader.counts.prompt().map(Event::Usage));
        }
    }

    fn message_delta(&mut self, wire: Wire<'_>, events: &mut Vec<Event>) -> Result<(), Unreadable> {
        self.reader.counts.merge(wire.usage.unwrap_or_default());
        if let Some(delta) = wire.delta {
            let mut delta: Delta<'_> = serde_json::from_str(delta.get())?;
            if let Some(reason) = delta.stop_reason.take() {
                let ending = delta.ending(wire.context_management);
                self.finish = Some(self.reader.finish(reason, ending, events));
            }
        }
        if self.finish.is_some() {
            self.reader.counted(events);
        }
        Ok(())
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

impl From<Unreadable> for ProviderError {
    fn from(unreadable: Unreadable) -> Self {
        Self::broken(match unreadable {
            Unreadable::Form => "the provider sent an event that cannot be read",
            Unreadable::Length => "the provider sent a block that is too long",
        })
    }
}
