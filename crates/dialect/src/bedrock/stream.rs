//! A streamed answer.

use super::answer::{self, Reader};
use super::errors;
use super::family::Family;
use super::frames::{self, Frame};
use super::wire;
use crate::canonical::Event;
use crate::codec::StreamDecoder;
use crate::error::ProviderError;
use crate::sse::EVENT_LIMIT;

#[derive(Debug)]
pub(super) struct Decoder {
    frames: frames::Decoder,
    /// The whole body, when it turns out to be JSON and no stream of events.
    whole: Option<Vec<u8>>,
    has_begun: bool,
    family: Family,
    state: State,
}

#[derive(Debug)]
struct State {
    reader: Reader,
    has_started: bool,
    /// The model has stopped; what it used has not been told.
    finish: Option<Event>,
    is_counted: bool,
    /// Nothing more may come: the answer is complete or it failed.
    is_over: bool,
}

impl Decoder {
    pub(super) fn new(family: Family) -> Self {
        let state = State {
            reader: Reader::new(family),
            has_started: false,
            finish: None,
            is_counted: false,
            is_over: false,
        };
        Self { frames: frames::Decoder::default(), whole: None, has_begun: false, family, state }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        if let (false, Some(first)) = (self.has_begun, bytes.first()) {
            self.has_begun = true;
            self.whole = (*first == b'{').then(Vec::new);
        }
        let state = &mut self.state;
        match &mut self.whole {
            Some(whole) if whole.len() + bytes.len() <= EVENT_LIMIT => whole.extend_from_slice(bytes),
            Some(_) => state.fail(ProviderError::broken("the provider's answer is too long"), events),
            None => {
                if let Err(error) = self.frames.push(bytes, |frame| state.take(frame, events)) {
                    state.fail(error, events);
                }
            }
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let state = &mut self.state;
        if let Some(whole) = self.whole.take().filter(|_| !state.is_over) {
            match answer::decode(&whole, self.family) {
                Ok(read) => {
                    events.extend(read);
                    state.is_over = true;
                }
                Err(error) => state.fail(error, events),
            }
        }
        state.fail(cut_short(state.has_started || self.frames.is_cut()), events);
    }
}

/// A stream ended before its answer did.
pub(super) fn cut_short(has_started: bool) -> ProviderError {
    ProviderError::broken(match has_started {
        true => "the provider's answer was cut short",
        false => "the provider sent no answer",
    })
}

impl State {
    fn take(&mut self, frame: Frame, events: &mut Vec<Event>) {
        if self.is_over {
            return;
        }
        let read = match frame {
            Frame::Exception { kind, said } => Err(errors::exception(&kind, &said)),
            Frame::Event { kind, payload } => match serde_json::from_slice(&payload) {
                Ok(event) => self.read(&kind, event, events),
                Err(_) => Err(ProviderError::broken("the provider sent an event that cannot be read")),
            },
        };
        if let Err(error) = read {
            self.fail(error, events);
        }
    }

    fn read(
        &mut self,
        kind: &str,
        event: wire::Event<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), ProviderError> {
        let index = event.content_block_index;
        match kind {
            "messageStart" if self.has_started => {}
            "messageStart" => {
                self.has_started = true;
                events.push(answer::start());
            }
            "contentBlockStart" => {
                if let Some(start) = event.start {
                    self.reader.start(index, start, events);
                }
            }
            "contentBlockDelta" => {
                if let Some(delta) = event.delta {
                    self.reader.delta(index, delta, events)?;
                }
            }
            "contentBlockStop" => self.reader.stop(index, events),
            "messageStop" => {
                self.finish = Some(self.reader.finish(event.stop_reason.unwrap_or_default(), events));
                self.complete(events);
            }
            "metadata" => {
                events.extend(event.service_tier.and_then(|tier| tier.kind).map(Event::ServiceTier));
                events.extend(event.usage.and_then(|counts| counts.usage()).map(Event::Usage));
                self.is_counted = true;
                self.complete(events);
            }
            _ => {}
        }
        Ok(())
    }

    fn complete(&mut self, events: &mut Vec<Event>) {
        if let Some(finish) = self.finish.take_if(|_| self.is_counted) {
            events.push(finish);
            self.is_over = true;
        }
    }

    /// Of several failures the first counts.
    fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_over, true) {
            events.push(Event::Failure(error));
        }
    }
}
