//! Not served yet.

use bytes::Bytes;

use super::{AnswerEncoder, Envelope, Peek};
use crate::canonical::SpeechRequest;
use crate::error::BadRequest;

pub(super) fn peek(_body: &[u8]) -> Result<Peek, BadRequest> {
    Err(BadRequest::new("speech are not served yet"))
}

pub(super) fn decode(_body: &Bytes) -> Result<SpeechRequest, BadRequest> {
    Err(BadRequest::new("speech are not served yet"))
}

pub(super) fn answer(envelope: Envelope) -> Box<dyn AnswerEncoder> {
    Box::new(super::chat::Whole::new(envelope))
}
