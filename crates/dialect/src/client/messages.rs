//! Not served yet.

use bytes::Bytes;

use super::{AnswerEncoder, Envelope, Peek, PublicError};
use crate::canonical::{Request, Task};
use crate::error::BadRequest;

pub(super) fn peek(_body: &[u8]) -> Result<Peek, BadRequest> {
    Err(BadRequest::new("messages are not served yet"))
}

pub(super) fn decode(_body: &Bytes) -> Result<Request, BadRequest> {
    Err(BadRequest::new("messages are not served yet"))
}

pub(super) fn answer(envelope: Envelope, _task: Option<&Task>, _stream: bool) -> Box<dyn AnswerEncoder> {
    Box::new(super::chat::Whole::new(envelope))
}

pub(super) fn error(error: &PublicError) -> Vec<u8> {
    super::chat::error(error)
}
