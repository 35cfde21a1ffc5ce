//! OpenAI Chat Completions, as OpenRouter extends it.

use bytes::Bytes;

use super::{AnswerEncoder, Bill, Envelope, Peek, PublicError};
use crate::canonical::{Event, Request};
use crate::error::BadRequest;

pub fn peek(_body: &[u8]) -> Result<Peek, BadRequest> {
    Err(BadRequest::new("not built"))
}

pub fn decode(_body: &Bytes) -> Result<Request, BadRequest> {
    Err(BadRequest::new("not built"))
}

pub fn error(_error: &PublicError) -> Vec<u8> {
    Vec::new()
}

pub struct Stream(Envelope);

pub struct Whole(Envelope);

impl Stream {
    pub fn new(envelope: Envelope) -> Self {
        Self(envelope)
    }
}

impl Whole {
    pub fn new(envelope: Envelope) -> Self {
        Self(envelope)
    }
}

impl AnswerEncoder for Stream {
    fn event(&mut self, _event: Event, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.id.as_bytes());
    }
    fn finish(&mut self, _bill: &Bill, _out: &mut Vec<u8>) {}
    fn fail(&mut self, _error: &PublicError, _bill: Option<&Bill>, _out: &mut Vec<u8>) {}
}

impl AnswerEncoder for Whole {
    fn event(&mut self, _event: Event, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.id.as_bytes());
    }
    fn finish(&mut self, _bill: &Bill, _out: &mut Vec<u8>) {}
    fn fail(&mut self, _error: &PublicError, _bill: Option<&Bill>, _out: &mut Vec<u8>) {}
}
