//! The way from the task that sees a request through to whoever writes the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rpc::worker::AttemptOutcome;
use tokio::sync::mpsc;

use crate::content::Tape;
use crate::http::reply::Refusal;

/// Frames that wait for a slow client; then the worker is not read from.
const QUEUE: usize = 32;

/// What the writer of the answer is told, in this order: Planned at most once, then either Refused, or Begin
/// and Frames until the channel ends.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// The request is admitted; every attempt is simulated, or not.
    Planned { simulated: bool },
    /// Content begins.
    Begin { simulated: bool },
    /// Whole frames in the client's dialect.
    Frames(Bytes),
    /// There is no answer, but this.
    Refused(Refusal),
}

/// Whether an answer came to a good end, for whoever keeps it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict(Arc<AtomicBool>);

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The client as the task sees it: somebody who may leave at any time.
pub(crate) struct Client {
    sender: Option<mpsc::Sender<Outgoing>>,
    /// A client that takes nothing for so long is gone.
    patience: Duration,
    begun: bool,
    verdict: Option<Verdict>,
    /// Hears what the client is given.
    tape: Option<Tape>,
}

impl Client {
    pub(crate) fn new(patience: Duration) -> (Self, mpsc::Receiver<Outgoing>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self { sender: Some(sender), patience, begun: false, verdict: None, tape: None }, receiver)
    }

    /// One whose answer may be kept.
    pub(crate) fn watched(patience: Duration) -> (Self, mpsc::Receiver<Outgoing>, Verdict) {
        let (client, receiver) = Self::new(patience);
        let verdict = Verdict::default();
        (Self { verdict: Some(verdict.clone()), ..client }, receiver, verdict)
    }

    /// Has what it is given from here on recorded.
    pub(crate) fn record(&mut self, tape: Option<Tape>) {
        self.tape = tape;
    }

    /// For whoever records: what was tried.
    pub(crate) fn attempted(&self, attempts: &[AttemptOutcome]) {
        if let Some(tape) = &self.tape {
            tape.attempted(attempts);
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.sender.as_ref().is_none_or(mpsc::Sender::is_closed)
    }

    /// Tells later whether the client has left by then.
    pub(crate) fn gone_probe(&self) -> impl Fn() -> bool + Send + use<> {
        let sender = self.sender.as_ref().map(mpsc::Sender::downgrade);
        move || sender.as_ref().and_then(mpsc::WeakSender::upgrade).is_none_or(|sender| sender.is_closed())
    }

    /// Completes when the client has left.
    pub(crate) async fn gone(&self) {
        if let Some(sender) = &self.sender {
            sender.closed().await;
        }
    }

    pub(crate) async fn planned(&mut self, simulated: bool) {
        self.send(Outgoing::Planned { simulated }).await;
    }

    pub(crate) async fn begin(&mut self, simulated: bool) {
        if !std::mem::replace(&mut self.begun, true) {
            self.send(Outgoing::Begin { simulated }).await;
        }
    }

    /// Hands frames over. Whether the client took them.
    pub(crate) async fn frames(&mut self, frames: Bytes) -> bool {
        self.begin(false).await;
        let recorded = self.tape.as_ref().map(|_| frames.clone());
        let taken = self.send(Outgoing::Frames(frames)).await;
        if let (true, Some(tape), Some(frames)) = (taken, &self.tape, recorded) {
            tape.frames(&frames);
        }
        taken
    }

    pub(crate) async fn refuse(&mut self, refusal: Refusal) {
        if let Some(tape) = &self.tape {
            tape.refused(&refusal);
        }
        self.send(Outgoing::Refused(refusal)).await;
        self.end();
    }

    /// The answer is whole, without an error in it, and was taken.
    pub(crate) fn went_well(&self) {
        if let Some(verdict) = &self.verdict {
            verdict.0.store(!self.is_gone(), Ordering::Release);
        }
    }

    /// No more comes.
    pub(crate) fn end(&mut self) {
        self.sender = None;
    }

    async fn send(&mut self, outgoing: Outgoing) -> bool {
        let Some(sender) = &self.sender else { return false };
        let sent = tokio::time::timeout(self.patience, sender.send(outgoing)).await;
        let taken = matches!(sent, Ok(Ok(())));
        if !taken {
            self.end();
        }
        taken
    }
}
