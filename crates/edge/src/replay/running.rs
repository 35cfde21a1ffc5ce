//! Answers that are being made right now, by what they are asked for with.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use super::fingerprint::Fingerprint;
use super::recording::{End, Reader, Recording};
use crate::http::reply::Refusal;

/// Recordings under way. Only requests that opted in come here.
pub(super) struct Running<K>(Mutex<HashMap<K, Arc<Recording>>>);

/// Where a request finds itself.
pub(super) enum Seat<K: Eq + Hash + Copy> {
    /// It is the first one, and has the answer made.
    Lead(Lead<K>, Reader),
    /// The answer is being made.
    Follow(Reader),
    /// The answer is being made, but is too long to be heard from its beginning.
    TooLate,
}

/// The duty to see a recording through to its end.
pub(super) struct Lead<K: Eq + Hash + Copy> {
    pub(super) recording: Arc<Recording>,
    running: Arc<Running<K>>,
    key: K,
}

impl<K: Eq + Hash + Copy> Running<K> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(HashMap::new())))
    }

    /// Joins what is under way for `key`, or begins it with `request`. `afresh` begins it in any case; whoever comes
    /// later joins the new one.
    pub(super) fn seat(
        self: &Arc<Self>,
        key: K,
        request: Fingerprint,
        limit: usize,
        afresh: bool,
    ) -> Seat<K> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recording) = running.get(&key).filter(|_| !afresh) {
            if let Some(reader) = recording.join() {
                return Seat::Follow(reader);
            }
            if !recording.is_abandoned() {
                return Seat::TooLate;
            }
        }
        let recording = Recording::new(request, limit);
        let Some(reader) = recording.join() else { return Seat::TooLate };
        running.insert(key, Arc::clone(&recording));
        Seat::Lead(Lead { recording, running: Arc::clone(self), key }, reader)
    }

    fn leave(&self, key: &K, recording: &Arc<Recording>) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.get(key).is_some_and(|known| Arc::ptr_eq(known, recording)) {
            running.remove(key);
        }
    }
}

impl<K: Eq + Hash + Copy> Lead<K> {
    /// Lets nobody join any more: whoever asks from here on begins anew.
    pub(super) fn leave(&self) {
        self.running.leave(&self.key, &self.recording);
    }

    /// Whether nobody has begun the same afresh since.
    pub(super) fn is_current(&self) -> bool {
        let running = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(&self.key).is_some_and(|known| Arc::ptr_eq(known, &self.recording))
    }
}

impl<K: Eq + Hash + Copy> Drop for Lead<K> {
    fn drop(&mut self) {
        // Whatever became of its maker, nobody waits in vain.
        self.recording.end(End::Refused(Refusal::unavailable()));
        self.running.leave(&self.key, &self.recording);
    }
}

#[cfg(test)]
mod tests {
    use super::super::recording::Next;
    use super::*;

    const REQUEST: Fingerprint = Fingerprint([1; 32]);

    fn lead(running: &Arc<Running<u8>>, afresh: bool) -> (Lead<u8>, Reader) {
        match running.seat(7, REQUEST, 100, afresh) {
            Seat::Lead(lead, reader) => (lead, reader),
            Seat::Follow(_) | Seat::TooLate => panic!("somebody else leads"),
        }
    }

    #[tokio::test]
    async fn a_leader_that_is_lost_leaves_nobody_waiting() {
        let running = Running::new();
        let (first, mut reader) = lead(&running, false);
        assert!(matches!(running.seat(7, REQUEST, 100, false), Seat::Follow(_)));
        assert!(matches!(running.seat(8, REQUEST, 100, false), Seat::Lead(..)));
        drop(first);
        assert!(matches!(reader.next().await, Next::End(End::Refused(_))));
        lead(&running, false);
    }

    #[tokio::test]
    async fn what_is_begun_afresh_takes_the_place_of_what_runs() {
        let running = Running::new();
        let (old, _reader) = lead(&running, false);
        let (new, _other) = lead(&running, true);
        assert!(!old.is_current() && new.is_current());
        drop(old);
        assert!(matches!(running.seat(7, REQUEST, 100, false), Seat::Follow(_)));
    }

    #[tokio::test]
    async fn what_was_stopped_is_begun_again() {
        let running = Running::new();
        let (old, reader) = lead(&running, false);
        drop(reader);
        old.recording.abandoned().await;
        let (new, _reader) = lead(&running, false);
        assert!(new.is_current());
    }
}
