//! The body of a streamed answer: frames as they come, a comment when there are none for a while.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dialect::client::{Dialect, Envelope};
use http_body::Frame;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use crate::execution::Outgoing;
use crate::metrics::Open;

/// What keeps a silent connection open; clients ignore it.
pub(crate) const KEEP_ALIVE: &[u8] = b": OPENROUTER PROCESSING\n\n";

/// A stream of frames that a client reads.
pub(crate) struct Events {
    frames: mpsc::Receiver<Outgoing>,
    /// What goes out first.
    first: Option<Bytes>,
    every: Duration,
    /// When something went out last.
    last: Instant,
    silence: Pin<Box<Sleep>>,
    dialect: Dialect,
    envelope: Envelope,
    _open: Open,
}

impl Events {
    /// Goes on with `first`, then with what comes.
    pub(crate) fn new(
        first: Bytes,
        frames: mpsc::Receiver<Outgoing>,
        every: Duration,
        dialect: Dialect,
        envelope: Envelope,
        open: Open,
    ) -> Self {
        let last = Instant::now();
        let silence = Box::pin(tokio::time::sleep_until(last + every));
        Self { frames, first: Some(first), every, last, silence, dialect, envelope, _open: open }
    }
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        loop {
            match self.frames.poll_recv(cx) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Outgoing::Frames(frames))) => {
                    self.last = Instant::now();
                    return Poll::Ready(Some(Ok(Frame::data(frames))));
                }
                Poll::Ready(Some(Outgoing::Refused(refusal))) => {
                    // The status is fixed: the error becomes the stream's last event.
                    let mut frames = Vec::new();
                    let envelope = std::mem::take(&mut self.envelope);
                    self.dialect.answer(envelope, None, true).fail(refusal.error(), None, &mut frames);
                    return Poll::Ready(Some(Ok(Frame::data(frames.into()))));
                }
                Poll::Ready(Some(Outgoing::Planned { .. } | Outgoing::Begin { .. })) => continue,
                Poll::Pending => {}
            }
            // The timer is set anew only when it runs out, not for each frame.
            if self.silence.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let (now, due) = (Instant::now(), self.last + self.every);
            if now >= due {
                self.last = now;
                let next = now + self.every;
                self.silence.as_mut().reset(next);
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(KEEP_ALIVE)))));
            }
            self.silence.as_mut().reset(due);
        }
    }
}
