//! Answers that are read whole although they come in pieces.

use crate::canonical::Event;
use crate::codec::StreamDecoder;
use crate::error::ProviderError;

/// Bytes that an answer may have: ten large images in base64.
const LIMIT: usize = 256 * 1024 * 1024;

/// Keeps the whole body and reads it at its end.
pub(crate) struct Collected {
    decode: fn(&[u8]) -> Result<Vec<Event>, ProviderError>,
    body: Vec<u8>,
    is_over: bool,
}

impl Collected {
    pub(crate) fn boxed(decode: fn(&[u8]) -> Result<Vec<Event>, ProviderError>) -> Box<dyn StreamDecoder> {
        Box::new(Self { decode, body: Vec::new(), is_over: false })
    }
}

impl StreamDecoder for Collected {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        if self.is_over {
            return;
        }
        if self.body.len() + bytes.len() > LIMIT {
            self.is_over = true;
            self.body = Vec::new();
            let message = format!("the provider's answer is longer than {LIMIT} bytes");
            events.push(Event::Failure(ProviderError::broken(&message)));
            return;
        }
        self.body.extend_from_slice(bytes);
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        match (self.decode)(&std::mem::take(&mut self.body)) {
            Ok(answer) => events.extend(answer),
            Err(error) => events.push(Event::Failure(error)),
        }
    }
}
