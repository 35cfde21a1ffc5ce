//! Claude in the dialect of its maker, in Amazon's envelope.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::errors;
use super::frames::{self, Frame};
use super::request::encoded;
use crate::anthropic::Anthropic;
use crate::canonical::{Event, Task};
use crate::codec::{Adapter, Encoded, StreamDecoder, Target};
use crate::error::{BadRequest, ProviderError};
use crate::resold::{self, Envelope};

const ENVELOPE: Envelope =
    Envelope { version: "bedrock-2023-05-31", without: &["model", "stream", "metadata", "service_tier"] };

/// Names the tier that is asked for, where the body is the maker's.
const SERVICE_TIER: HeaderName = HeaderName::from_static("x-amzn-bedrock-service-tier");

pub(super) struct Invoke;

impl Adapter for Invoke {
    fn encode(&self, task: &Task, target: &Target<'_>) -> Result<Encoded, BadRequest> {
        let is_stream = task.is_streamed();
        let action = if is_stream { "invoke-with-response-stream" } else { "invoke" };
        let mut encoded = encoded(target, action, resold::body(task, target, ENVELOPE)?);
        if let Ok(tier) = HeaderValue::from_str(target.service_tier)
            && !tier.is_empty()
        {
            encoded.headers.push((SERVICE_TIER, tier));
        }
        Ok(encoded)
    }

    fn decode(&self, body: &[u8], target: &Target<'_>) -> Result<Vec<Event>, ProviderError> {
        Anthropic.decode(body, target)
    }

    fn stream(&self, target: &Target<'_>) -> Box<dyn StreamDecoder> {
        let inner = Anthropic.stream(target);
        Box::new(Decoder { frames: frames::Decoder::default(), inner, is_over: false })
    }

    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> ProviderError {
        errors::classify(status, headers, body)
    }
}

/// Unwraps the maker's own stream.
struct Decoder {
    frames: frames::Decoder,
    inner: Box<dyn StreamDecoder>,
    /// The answer is complete or it failed; whatever follows means nothing.
    is_over: bool,
}

/// A frame's payload: an event of the maker's stream, in base64.
#[derive(Debug, Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    bytes: Cow<'a, str>,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let Self { frames, inner, is_over } = self;
        let mut failure = None;
        let read = frames.push(bytes, |frame| {
            if failure.is_none() && !*is_over {
                failure = unwrapped(frame).map(|event| forward(&event, inner, is_over, events)).err();
            }
        });
        if let Some(error) = failure.or(read.err()) {
            self.fail(error, events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        if !self.is_over {
            self.inner.end(events);
            self.is_over = true;
        }
    }
}

impl Decoder {
    fn fail(&mut self, error: ProviderError, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_over, true) {
            events.push(Event::Failure(error));
        }
    }
}

fn unwrapped(frame: Frame) -> Result<Vec<u8>, ProviderError> {
    let payload = match frame {
        Frame::Exception { kind, said } => return Err(errors::exception(&kind, &said)),
        Frame::Event { payload, .. } => payload,
    };
    let chunk = serde_json::from_slice::<Chunk<'_>>(&payload).ok();
    chunk
        .and_then(|chunk| BASE64_STANDARD.decode(chunk.bytes.as_bytes()).ok())
        .ok_or_else(|| ProviderError::broken("the provider sent an event that cannot be read"))
}

/// Puts an event into the framing that the maker gives it. Line ends between its members mean nothing.
fn forward(event: &[u8], inner: &mut Box<dyn StreamDecoder>, is_over: &mut bool, events: &mut Vec<Event>) {
    let before = events.len();
    let line: Vec<u8> = event.iter().map(|byte| if b"\r\n".contains(byte) { b' ' } else { *byte }).collect();
    inner.push(b"data: ", events);
    inner.push(&line, events);
    inner.push(b"\n\n", events);
    *is_over = events[before..].iter().any(|event| matches!(event, Event::Finish { .. } | Event::Failure(_)));
}
