//! A streamed answer.

use super::answer::{self, Reader};
use super::errors;
use super::wire::Response;
use crate::canonical::Event;
use crate::codec::StreamDecoder;
use crate::error::ProviderError;
use crate::sse;

#[derive(Debug, Default)]
pub(super) struct Decoder {
    frames: sse::Decoder,
    /// The whole body, when it turns out to be JSON and no stream of events.
    whole: Option<Vec<u8>>,
    has_begun: bool,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    reader: Reader,
    /// The answer failed, or all of it is out.
    is_over: bool,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        if !self.has_begun {
            let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else { return };
            self.has_begun = true;
            self.whole = matches!(first, b'{' | b'[').then(Vec::new);
        }
        let state = &mut self.state;
        match &mut self.whole {
            Some(whole) if whole.len() + bytes.len() <= sse::EVENT_LIMIT => whole.extend_from_slice(bytes),
            Some(_) => state.fail(ProviderError::broken("the provider's answer is too long"), events),
            None => {
                if let Err(error) = self.frames.push(bytes, |_, data| state.take(data, events)) {
                    state.fail(ProviderError::broken(&error.to_string()), events);
                }
            }
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let state = &mut self.state;
        match self.whole.take() {
            Some(whole) => state.take(&whole, events),
            None => {
                self.frames.end(|_, data| state.take(data, events));
                let stray = self.frames.stray().trim_ascii();
                if !stray.is_empty() {
                    state.fail(errors::inside(stray), events);
                }
            }
        }
        state.end(events);
    }
}

impl State {
    fn take(&mut self, data: &[u8], events: &mut Vec<Event>) {
        match answer::responses(data) {
            Ok(responses) => responses.into_iter().for_each(|response| self.read(response, events)),
            Err(error) => self.fail(error, events),
        }
    }

    fn read(&mut self, response: Response<'_>, events: &mut Vec<Event>) {
        if !self.is_over
            && let Err(error) = self.reader.take(response, events)
        {
            self.fail(error, events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        if !self.is_over
            && let Err(error) = self.reader.end(events)
        {
            self.fail(error, events);
        }
        self.is_over = true;
    }

    /// Of several failures the first counts.
    fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_over, true) {
            events.push(Event::Failure(error));
        }
    }
}
