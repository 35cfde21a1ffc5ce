//! Answers that come whole where a stream of them was begun.

use crate::canonical::Event;
use crate::codec::StreamDecoder;
use crate::error::ProviderError;
use crate::sse::EVENT_LIMIT;

/// Keeps a body until its end and reads it then.
pub(crate) struct Collected<F> {
    body: Vec<u8>,
    decode: F,
    is_over: bool,
}

impl<F> Collected<F>
where
    F: Fn(&[u8]) -> Result<Vec<Event>, ProviderError> + Send + 'static,
{
    pub(crate) fn boxed(decode: F) -> Box<dyn StreamDecoder> {
        Box::new(Self { body: Vec::new(), decode, is_over: false })
    }
}

impl<F> StreamDecoder for Collected<F>
where
    F: Fn(&[u8]) -> Result<Vec<Event>, ProviderError> + Send,
{
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        if self.body.len() + bytes.len() <= EVENT_LIMIT {
            self.body.extend_from_slice(bytes);
        } else if !std::mem::replace(&mut self.is_over, true) {
            events.push(Event::Failure(ProviderError::broken("the provider's answer is too long")));
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_over, true) {
            match (self.decode)(&self.body) {
                Ok(read) => events.extend(read),
                Err(error) => events.push(Event::Failure(error)),
            }
        }
    }
}
