//! Amazon's binary event stream, read incrementally whatever way the bytes are cut.

use aws_smithy_eventstream::frame::read_message_from;
use bytes::{Bytes, BytesMut};

use crate::error::ProviderError;
use crate::sse::EVENT_LIMIT;

/// Bytes of a frame without headers and without a payload: its lengths and two checksums.
const LEAST: usize = 16;

/// Bytes that tell how long a frame is.
const LENGTH: usize = 4;

/// One message of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Event {
        kind: String,
        payload: Bytes,
    },
    /// The answer failed after it had begun. `said` is JSON or plain text.
    Exception {
        kind: String,
        said: Bytes,
    },
}

/// Splits a byte stream into frames and checks both checksums of each. It holds one frame at most.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    partial: BytesMut,
    is_broken: bool,
}

impl Decoder {
    /// Takes the next bytes and calls `each` with every frame that they complete.
    ///
    /// # Errors
    /// [`ProviderError`] when a frame is damaged or too long, from then on for every call.
    pub(super) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Frame)) -> Result<(), ProviderError> {
        if self.is_broken {
            return Err(damaged());
        }
        self.partial.extend_from_slice(bytes);
        while let Some(length) = self.next_length()? {
            let frame = self.partial.split_to(length).freeze();
            each(self.read(frame)?);
        }
        Ok(())
    }

    /// Whether the stream stops within a frame.
    pub(super) fn is_cut(&self) -> bool {
        !self.partial.is_empty()
    }

    /// The length of the next frame, once all of it is here.
    fn next_length(&mut self) -> Result<Option<usize>, ProviderError> {
        let Some(prefix) = self.partial.first_chunk::<LENGTH>() else { return Ok(None) };
        match usize::try_from(u32::from_be_bytes(*prefix)) {
            Ok(length) if (LEAST..=EVENT_LIMIT).contains(&length) => {
                Ok((self.partial.len() >= length).then_some(length))
            }
            _ => Err(self.broken()),
        }
    }

    fn read(&mut self, frame: Bytes) -> Result<Frame, ProviderError> {
        let message = read_message_from(frame).map_err(|_| self.broken())?;
        let header = |name: &str| {
            let header = message.headers().iter().find(|header| header.name().as_str() == name)?;
            header.value().as_string().ok().map(|value| value.as_str().to_owned())
        };
        let payload = message.payload().clone();
        Ok(match header(":message-type").as_deref() {
            Some("exception") => {
                Frame::Exception { kind: header(":exception-type").unwrap_or_default(), said: payload }
            }
            Some("error") => Frame::Exception {
                kind: header(":error-code").unwrap_or_default(),
                said: header(":error-message").map_or(payload, Bytes::from),
            },
            _ => Frame::Event { kind: header(":event-type").unwrap_or_default(), payload },
        })
    }

    fn broken(&mut self) -> ProviderError {
        self.is_broken = true;
        damaged()
    }
}

fn damaged() -> ProviderError {
    ProviderError::broken("the provider's event stream is damaged")
}
