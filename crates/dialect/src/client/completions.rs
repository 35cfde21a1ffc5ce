//! Not served yet.

use bytes::Bytes;

use super::{AnswerEncoder, Envelope, Peek};
use crate::canonical::{Request, Task};
use crate::error::BadRequest;

pub(super) fn peek(_body: &[u8]) -> Result<Peek, BadRequest> {
    Err(BadRequest::new("completions are not served yet"))
}

pub(super) fn decode(_body: &Bytes) -> Result<Request, BadRequest> {
    Err(BadRequest::new("completions are not served yet"))
}

pub(super) fn answer(envelope: Envelope, _task: Option<&Task>, _stream: bool) -> Box<dyn AnswerEncoder> {
    Box::new(super::chat::Whole::new(envelope))
}
