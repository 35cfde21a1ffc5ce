//! Work whose answers come whole, and are read whole although they come in pieces.

use http::HeaderMap;

use crate::canonical::{Event, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};

/// Bytes that an answer may have: ten large images in base64.
const LIMIT: usize = 256 * 1024 * 1024;

/// An adapter for such work.
pub(crate) struct Whole {
    pub(crate) encode: fn(&Task, &Target<'_>) -> Result<Encoded, BadRequest>,
    pub(crate) decode: fn(&[u8]) -> Result<Vec<Event>, ProviderError>,
    pub(crate) classify: fn(u16, &HeaderMap, &[u8]) -> ProviderError,
}

impl Adapter for Whole {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        (self.encode)(task, target)
    }

    fn decode(&self, body: &[u8], _target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        (self.decode)(body)
    }

    fn stream(&self, _target: &Target<'_>) -> Box<dyn StreamDecoder> {
        Collected::boxed(self.decode)
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        (self.classify)(status, headers, body)
    }
}

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
