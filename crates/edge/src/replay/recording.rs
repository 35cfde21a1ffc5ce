//! An answer on its way, recorded, so that whoever comes later hears it from its first byte.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use identity::GenerationId;
use tokio::sync::{mpsc, watch};

use super::cached::Told;
use super::fingerprint::Fingerprint;
use crate::execution::{Outgoing, Verdict};
use crate::http::reply::Refusal;

/// Whose answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) generation: GenerationId,
    /// It was made for an earlier request.
    pub(super) is_replay: bool,
    /// What is to be said of the cache.
    pub(super) told: Option<Told>,
}

/// How an answer ended.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// Whole, and without an error in it.
    Good,
    /// Cut short, or with an error in its last frames.
    Poor,
    /// With an error that no frame tells of; before the first frame there is nothing else.
    Refused(Refusal),
}

/// What a reader comes upon next.
#[derive(Debug)]
pub(super) enum Next {
    Simulated(bool),
    Frames(Bytes),
    End(End),
}

/// An answer that is being recorded, or was.
pub(super) struct Recording {
    /// What is answered.
    request: Fingerprint,
    tape: watch::Sender<Tape>,
    /// Bytes that are kept. A longer answer goes by: its readers get all of it, and nobody can join any more.
    limit: usize,
}

#[derive(Default)]
struct Tape {
    origin: Option<Origin>,
    simulated: Option<bool>,
    frames: VecDeque<Bytes>,
    /// The number of the first frame that is still there.
    first: usize,
    bytes: usize,
    is_passing: bool,
    end: Option<End>,
    /// The frame that each reader comes to next.
    readers: HashMap<u64, usize>,
    last_reader: u64,
    is_closed: bool,
}

/// A recorded answer, whole.
pub(super) struct Recorded {
    pub(super) simulated: bool,
    pub(super) frames: Bytes,
}

impl Recording {
    pub(super) fn new(request: Fingerprint, limit: usize) -> Arc<Self> {
        Arc::new(Self { request, tape: watch::Sender::new(Tape::default()), limit })
    }

    pub(super) const fn request(&self) -> Fingerprint {
        self.request
    }

    /// Hears the answer from its beginning. `None` when it is too late for that.
    pub(super) fn join(self: &Arc<Self>) -> Option<Reader> {
        let mut id = None;
        self.tape.send_if_modified(|tape| {
            if !tape.is_closed && !tape.is_passing {
                tape.last_reader += 1;
                tape.readers.insert(tape.last_reader, 0);
                id = Some(tape.last_reader);
            }
            false
        });
        let changes = self.tape.subscribe();
        id.map(|id| Reader { recording: Arc::clone(self), changes, id, position: 0, simulated: None })
    }

    /// Says whose answer it is.
    pub(super) fn open(&self, origin: Origin) {
        self.tape.send_if_modified(|tape| tape.origin.replace(origin) != Some(origin));
    }

    /// Ends the recording, unless it has ended.
    pub(super) fn end(&self, end: End) {
        self.tape.send_if_modified(|tape| {
            let ends = tape.end.is_none();
            if ends {
                tape.end = Some(end);
            }
            ends
        });
    }

    /// Puts a whole answer in.
    pub(super) fn fill(&self, recorded: Recorded, end: End) {
        self.tape.send_modify(|tape| {
            tape.simulated = Some(recorded.simulated);
            tape.bytes = recorded.frames.len();
            tape.frames.push_back(recorded.frames);
            tape.end = Some(end);
        });
    }

    /// Records until the answer's end, which it does not announce yet. When everybody has left and the answer is
    /// not made for its own sake, `None`: its making is stopped, and nobody can join any more.
    pub(super) async fn record(
        &self,
        mut outgoing: mpsc::Receiver<Outgoing>,
        verdict: Verdict,
        patience: Duration,
        goes_on_alone: bool,
    ) -> Option<End> {
        loop {
            let message = tokio::select! {
                message = outgoing.recv() => message,
                () = self.abandoned(), if !goes_on_alone => return None,
            };
            match message {
                Some(Outgoing::Planned { simulated } | Outgoing::Begin { simulated }) => {
                    self.tape.send_modify(|tape| tape.simulated = Some(simulated));
                }
                Some(Outgoing::Frames(frames)) => self.push(frames, patience).await,
                Some(Outgoing::Refused(refusal)) => return Some(End::Refused(refusal)),
                None => return Some(if verdict.is_good() { End::Good } else { End::Poor }),
            }
        }
    }

    /// Completes when nobody hears the answer any more. From then on nobody can join.
    pub(super) async fn abandoned(&self) {
        let mut changes = self.tape.subscribe();
        loop {
            let mut is_closed = false;
            self.tape.send_if_modified(|tape| {
                tape.is_closed |= tape.readers.is_empty();
                is_closed = tape.is_closed;
                false
            });
            if is_closed || changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether its making was stopped because nobody heard it.
    pub(super) fn is_abandoned(&self) -> bool {
        self.tape.borrow().is_closed
    }

    /// The whole answer; `None` when it was too long to be kept.
    pub(super) fn recorded(&self) -> Option<Recorded> {
        let tape = self.tape.borrow();
        if tape.is_passing {
            return None;
        }
        let frames = match tape.frames.len() {
            1 => tape.frames[0].clone(),
            _ => {
                let mut frames = BytesMut::with_capacity(tape.bytes);
                tape.frames.iter().for_each(|more| frames.extend_from_slice(more));
                frames.freeze()
            }
        };
        Some(Recorded { simulated: tape.simulated.unwrap_or_default(), frames })
    }

    async fn push(&self, frames: Bytes, patience: Duration) {
        let mut is_passing = false;
        self.tape.send_modify(|tape| {
            tape.bytes += frames.len();
            tape.frames.push_back(frames);
            tape.is_passing |= tape.bytes > self.limit;
            is_passing = tape.is_passing;
        });
        if is_passing && tokio::time::timeout(patience, self.room()).await.is_err() {
            self.tape.send_modify(Tape::leave_slowest);
        }
    }

    /// Waits until readers have taken what is too much to be held.
    async fn room(&self) {
        let mut changes = self.tape.subscribe();
        loop {
            let mut has_room = false;
            self.tape.send_if_modified(|tape| {
                tape.forget_taken();
                has_room = tape.bytes <= self.limit;
                false
            });
            if has_room || changes.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Tape {
    fn forget_taken(&mut self) {
        let taken = self.readers.values().copied().min().unwrap_or(usize::MAX);
        while self.first < taken
            && let Some(frames) = self.frames.pop_front()
        {
            self.first += 1;
            self.bytes -= frames.len();
        }
    }

    /// Readers that hold everybody up are read to no longer.
    fn leave_slowest(&mut self) {
        let slowest = self.first;
        self.readers.retain(|_, position| *position > slowest);
        self.forget_taken();
    }

    fn next(&self, id: u64, position: usize, simulated: Option<bool>) -> Option<Next> {
        if !self.readers.contains_key(&id) {
            return Some(Next::End(End::Refused(Refusal::unavailable())));
        }
        if let Some(known) = self.simulated.filter(|known| Some(*known) != simulated) {
            return Some(Next::Simulated(known));
        }
        if let Some(frames) = position.checked_sub(self.first).and_then(|at| self.frames.get(at)) {
            return Some(Next::Frames(frames.clone()));
        }
        self.end.clone().map(Next::End)
    }
}

/// Somebody who hears a recording. Leaves it when dropped.
pub(super) struct Reader {
    recording: Arc<Recording>,
    changes: watch::Receiver<Tape>,
    id: u64,
    position: usize,
    simulated: Option<bool>,
}

impl Reader {
    pub(super) fn request(&self) -> Fingerprint {
        self.recording.request
    }

    /// Waits until it is known whose answer it is.
    ///
    /// # Errors
    /// The [`Refusal`] that the recording ended with instead.
    pub(super) async fn origin(&mut self) -> Result<Origin, Refusal> {
        loop {
            {
                let tape = self.changes.borrow_and_update();
                match (tape.origin, &tape.end) {
                    (Some(origin), _) => return Ok(origin),
                    (None, Some(End::Refused(refusal))) => return Err(refusal.clone()),
                    (None, Some(End::Good | End::Poor)) => return Err(Refusal::unavailable()),
                    (None, None) => {}
                }
            }
            if self.changes.changed().await.is_err() {
                return Err(Refusal::unavailable());
            }
        }
    }

    /// What comes next. After the end there is only the end.
    pub(super) async fn next(&mut self) -> Next {
        loop {
            let next = self.changes.borrow_and_update().next(self.id, self.position, self.simulated);
            match next {
                Some(Next::Frames(frames)) => {
                    self.position += 1;
                    self.tell();
                    return Next::Frames(frames);
                }
                Some(Next::Simulated(simulated)) => {
                    self.simulated = Some(simulated);
                    return Next::Simulated(simulated);
                }
                Some(end) => return end,
                None => {
                    if self.changes.changed().await.is_err() {
                        return Next::End(End::Poor);
                    }
                }
            }
        }
    }

    fn tell(&self) {
        self.recording.tape.send_if_modified(|tape| {
            if let Some(position) = tape.readers.get_mut(&self.id) {
                *position = self.position;
            }
            // Only then somebody waits for it.
            tape.is_passing
        });
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.recording.tape.send_modify(|tape| {
            tape.readers.remove(&self.id);
        });
    }
}

#[cfg(test)]
mod tests;
