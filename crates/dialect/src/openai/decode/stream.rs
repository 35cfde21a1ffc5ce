//! The reader of one streamed answer.

use super::super::errors;
use super::super::quirks::Quirks;
use super::state::State;
use super::wire::Completion;
use crate::canonical::Event;
use crate::codec::StreamDecoder;
use crate::error::ProviderError;
use crate::sse;

pub(in super::super) struct Stream {
    frames: sse::Decoder,
    answer: Answer,
}

struct Answer {
    state: State,
    /// `[DONE]` came.
    is_done: bool,
}

impl Stream {
    pub(in super::super) fn new(quirks: Quirks<'_>) -> Self {
        Self { frames: sse::Decoder::default(), answer: Answer { state: State::new(quirks), is_done: false } }
    }
}

impl Answer {
    fn take(&mut self, data: &[u8], events: &mut Vec<Event>) {
        let data = data.trim_ascii();
        if self.is_done || data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            self.is_done = true;
            return;
        }
        match serde_json::from_slice::<Completion>(data) {
            Ok(completion) if completion.is_bare() => {
                if let Some(error) = errors::bare(data) {
                    self.state.fail(error, events);
                }
            }
            Ok(completion) => self.state.take(completion, events),
            Err(_) => self.state.fail(errors::unreadable(data), events),
        }
    }

    /// Whether each choice has a finish, or the end was announced and something was said.
    fn is_whole(&self) -> bool {
        self.state.is_finished() || (self.is_done && self.state.has_content())
    }

    /// What came outside of the framing tells why an answer is not whole, if anything did.
    fn end(&mut self, stray: &[u8], events: &mut Vec<Event>) {
        self.state.flush(events);
        if !self.is_whole()
            && !self.state.has_begun()
            && let Ok(completion) = serde_json::from_slice::<Completion>(stray)
        {
            self.state.take(completion, events);
            self.state.flush(events);
        }
        if self.state.has_failed() {
            return;
        }
        if self.is_whole() {
            self.state.finish(events);
            return;
        }
        let error = match stray.trim_ascii() {
            b"" if self.is_done => ProviderError::broken("the provider ended its answer without content"),
            b"" => ProviderError::broken("the provider's answer was cut short"),
            stray => errors::unreadable(stray),
        };
        self.state.fail(error, events);
    }
}

impl StreamDecoder for Stream {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let answer = &mut self.answer;
        if let Err(error) = self.frames.push(bytes, |_, data| answer.take(data, events)) {
            self.answer.state.fail(ProviderError::broken(&error.to_string()), events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let answer = &mut self.answer;
        self.frames.end(|_, data| answer.take(data, events));
        self.answer.end(self.frames.stray(), events);
    }
}
