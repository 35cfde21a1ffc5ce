//! The body of a streamed answer: frames as they come, a comment when there are none for a while.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dialect::client::{Dialect, Envelope};
use http_body::Frame;
use identity::GenerationId;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use super::reply::Refusal;
use crate::execution::{Outgoing, Request};
use crate::metrics::Open;

/// What keeps a silent connection open; clients ignore it.
const KEEP_ALIVE: &[u8] = b": OPENROUTER PROCESSING\n\n";

/// What a stream is made of.
pub(crate) enum Form {
    /// Server-sent events, whose last may be an error.
    Events { dialect: Dialect, envelope: Envelope },
    /// The bytes of a medium. All that can be said of an error is to break off.
    Bytes { media_type: &'static str },
}

impl Form {
    /// The form of the stream that a request asks for, if it does.
    pub(crate) fn asked(request: &Request) -> Option<Self> {
        request.peek.stream.then(|| Self::of(request))
    }

    fn of(request: &Request) -> Self {
        match request.peek.media_type {
            Some(media_type) => Self::Bytes { media_type },
            None => Self::Events { dialect: request.dialect, envelope: request.envelope() },
        }
    }

    /// The same, for an answer that another request had made.
    pub(crate) fn of_generation(mut self, generation: GenerationId) -> Self {
        if let Self::Events { envelope, .. } = &mut self {
            envelope.id = generation.to_string();
        }
        self
    }

    pub(crate) const fn content_type(&self) -> &'static str {
        match self {
            Self::Events { .. } => "text/event-stream",
            Self::Bytes { media_type } => media_type,
        }
    }

    /// What tells a client of an error once the status is fixed.
    fn fail(&mut self, refusal: &Refusal) -> std::io::Result<Bytes> {
        let Self::Events { dialect, envelope } = self else {
            return Err(std::io::Error::other("the answer broke off"));
        };
        let mut frames = Vec::new();
        dialect.answer(std::mem::take(envelope), None, true).fail(refusal.error(), None, &mut frames);
        Ok(frames.into())
    }

    pub(crate) const fn keep_alive(&self) -> Option<&'static [u8]> {
        match self {
            Self::Events { .. } => Some(KEEP_ALIVE),
            Self::Bytes { .. } => None,
        }
    }
}

/// A stream of frames that a client reads.
pub(crate) struct Events {
    frames: mpsc::Receiver<Outgoing>,
    /// What goes out first.
    first: Option<Bytes>,
    every: Duration,
    /// When something went out last.
    last: Instant,
    silence: Pin<Box<Sleep>>,
    form: Form,
    /// The end of a medium that broke off, once all before it had its chance to leave.
    broken: Option<std::io::Error>,
    _open: Open,
}

impl Events {
    /// Goes on with `first`, then with what comes.
    pub(crate) fn new(
        first: Bytes,
        frames: mpsc::Receiver<Outgoing>,
        every: Duration,
        form: Form,
        open: Open,
    ) -> Self {
        let last = Instant::now();
        let silence = Box::pin(tokio::time::sleep_until(last + every));
        Self { frames, first: Some(first), every, last, silence, form, broken: None, _open: open }
    }
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            match self.frames.poll_recv(cx) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Outgoing::Frames(frames))) => {
                    self.last = Instant::now();
                    return Poll::Ready(Some(Ok(Frame::data(frames))));
                }
                Poll::Ready(Some(Outgoing::Refused(refusal))) => {
                    match self.form.fail(&refusal) {
                        Ok(frames) => return Poll::Ready(Some(Ok(Frame::data(frames)))),
                        Err(error) => self.broken = Some(error),
                    }
                    // An error throws away what the connection has not written yet, be it the head; a body that
                    // is not ready makes it write.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Outgoing::Planned { .. } | Outgoing::Begin { .. })) => continue,
                Poll::Pending => {}
            }
            let Some(keep_alive) = self.form.keep_alive() else { return Poll::Pending };
            // The timer is set anew only when it runs out, not for each frame.
            if self.silence.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let (now, due) = (Instant::now(), self.last + self.every);
            if now >= due {
                self.last = now;
                let next = now + self.every;
                self.silence.as_mut().reset(next);
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(keep_alive)))));
            }
            self.silence.as_mut().reset(due);
        }
    }
}
