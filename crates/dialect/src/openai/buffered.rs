//! Answers that are read whole although they come in pieces.

use crate::canonical::Event;
use crate::codec::StreamDecoder;
use crate::error::ProviderError;

/// Bytes that an answer may have: ten large images in base64.
const LIMIT: usize = 256 * 1024 * 1024;

/// Keeps the whole body and reads it at its end.
pub(super) struct Buffered {
    decode: fn(&[u8]) -> Result<Vec<Event>, ProviderError>,
    body: Vec<u8>,
    has_failed: bool,
}

impl Buffered {
    pub(super) fn new(decode: fn(&[u8]) -> Result<Vec<Event>, ProviderError>) -> Self {
        Self { decode, body: Vec::new(), has_failed: false }
    }
}

impl StreamDecoder for Buffered {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        if self.has_failed {
            return;
        }
        if self.body.len() + bytes.len() > LIMIT {
            self.has_failed = true;
            self.body = Vec::new();
            let message = format!("the provider's answer is longer than {LIMIT} bytes");
            events.push(Event::Failure(ProviderError::broken(&message)));
            return;
        }
        self.body.extend_from_slice(bytes);
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        if self.has_failed {
            return;
        }
        match (self.decode)(&std::mem::take(&mut self.body)) {
            Ok(answer) => events.extend(answer),
            Err(error) => events.push(Event::Failure(error)),
        }
    }
}
