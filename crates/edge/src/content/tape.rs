//! What a client is given, as it goes by: copied, never waited for, and given up where it is too much.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use rpc::worker::AttemptOutcome;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::wanted::Keeping;
use super::{FailedAttempt, Failure};
use crate::http::reply::Refusal;

/// Bytes that are taken from what all tapes may hold at once.
const STEP: usize = 16 * 1024;

/// The answer to one request. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tape(Arc<Mutex<State>>);

struct State {
    keeping: Keeping,
    frames: BytesMut,
    /// Bytes of frames that are held; `None` where they have no text.
    limit: Option<usize>,
    refusal: Option<Failure>,
    attempts: Vec<AttemptOutcome>,
    is_cut: bool,
    /// Bytes, that all tapes share; what this one took of them.
    shared: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

/// A tape at its end.
pub(super) struct Heard {
    pub(super) keeping: Keeping,
    pub(super) frames: Bytes,
    pub(super) refusal: Option<Failure>,
    pub(super) attempts: Vec<FailedAttempt>,
    pub(super) is_cut: bool,
    pub(super) taken: Option<OwnedSemaphorePermit>,
}

impl Tape {
    pub(super) fn new(keeping: Keeping, limit: Option<usize>, shared: Arc<Semaphore>) -> Self {
        Self(Arc::new(Mutex::new(State {
            keeping,
            frames: BytesMut::new(),
            limit,
            refusal: None,
            attempts: Vec::new(),
            is_cut: false,
            shared,
            taken: None,
        })))
    }

    /// Frames that the client took.
    pub(crate) fn frames(&self, frames: &[u8]) {
        self.with(|state| {
            let Some(limit) = state.limit else { return };
            state.is_cut |= !state.has_room(frames.len(), limit);
            if !state.is_cut {
                state.frames.extend_from_slice(frames);
            }
        });
    }

    /// An error in the place of an answer, or after it.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        let error = refusal.error();
        let text = |name: &str| error.metadata.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let failure = Failure {
            status: Some(refusal.status()),
            message: Some(error.message.clone()),
            provider_name: text("provider_name"),
            raw: text("raw"),
            previous_errors: Vec::new(),
        };
        self.with(|state| state.refusal = Some(failure));
    }

    /// What was tried.
    pub(crate) fn attempted(&self, attempts: &[AttemptOutcome]) {
        self.with(|state| state.attempts = attempts.to_vec());
    }

    /// Takes what was heard off the tape.
    pub(super) fn take(&self) -> Heard {
        self.with(|state| Heard {
            keeping: state.keeping,
            frames: state.frames.split().freeze(),
            refusal: state.refusal.take(),
            attempts: failed(&state.attempts),
            is_cut: state.is_cut,
            taken: state.taken.take(),
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// Whether so many more bytes may be held.
    fn has_room(&mut self, more: usize, limit: usize) -> bool {
        let held = self.frames.len().saturating_add(more);
        let taken = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if held > limit {
            return false;
        }
        let Some(short) = held.checked_sub(taken).filter(|short| *short > 0) else { return true };
        let Ok(wanted) = u32::try_from(short.next_multiple_of(STEP)) else { return false };
        let Ok(permit) = Arc::clone(&self.shared).try_acquire_many_owned(wanted) else { return false };
        match &mut self.taken {
            Some(taken) => taken.merge(permit),
            None => self.taken = Some(permit),
        }
        true
    }
}

/// Those that failed.
fn failed(attempts: &[AttemptOutcome]) -> Vec<FailedAttempt> {
    let failed = attempts.iter().filter(|attempt| !matches!(attempt.outcome.as_str(), "ok" | "skipped"));
    failed
        .map(|attempt| FailedAttempt {
            code: if attempt.status == 0 { 502 } else { attempt.status },
            message: Some(attempt.outcome.clone()).filter(|outcome| !outcome.is_empty()),
            provider_name: Some(attempt.provider_name.clone()).filter(|name| !name.is_empty()),
            raw: None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPING: Keeping = Keeping { is_logged: true, content: true };

    #[test]
    fn what_is_too_long_is_heard_no_further() {
        let shared = Arc::new(Semaphore::new(100_000));
        let tape = Tape::new(KEEPING, Some(10), Arc::clone(&shared));
        tape.frames(b"12345678");
        tape.frames(b"overlong");
        tape.frames(b"9");
        let heard = tape.take();
        assert!(heard.is_cut);
        assert_eq!(heard.frames, "12345678");
        drop(heard);
        assert_eq!(shared.available_permits(), 100_000);
    }

    #[test]
    fn all_tapes_together_hold_no_more_than_they_may() {
        let shared = Arc::new(Semaphore::new(STEP));
        let tapes = [(); 2].map(|()| Tape::new(KEEPING, Some(10 * STEP), Arc::clone(&shared)));
        tapes[0].frames(b"first");
        tapes[1].frames(b"second");
        let heard = tapes.each_ref().map(Tape::take);
        assert_eq!((heard[0].is_cut, heard[1].is_cut), (false, true));
        assert_eq!(heard[1].frames.len(), 0);
    }
}
