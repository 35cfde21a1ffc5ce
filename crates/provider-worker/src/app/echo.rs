//! The requests of an execution as they went to providers, for a client that wants to see them.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::value::RawValue;

/// The longest request that is shown.
const LONGEST: usize = 1024 * 1024;

/// One body for each attempt so far; none when nobody wants to see them.
pub(crate) struct Echoes(Option<Mutex<Vec<Bytes>>>);

impl Echoes {
    pub(crate) fn wanted(is_wanted: bool) -> Self {
        Self(is_wanted.then(Mutex::default))
    }

    /// Keeps a body, which is shared and not copied.
    pub(crate) fn keep(&self, body: &Bytes) {
        if let Some(bodies) = &self.0
            && body.len() <= LONGEST
        {
            bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body.clone());
        }
    }

    /// What was kept, as far as it is JSON.
    pub(crate) fn take(&self) -> Vec<Box<RawValue>> {
        let Some(bodies) = &self.0 else { return Vec::new() };
        let bodies = std::mem::take(&mut *bodies.lock().unwrap_or_else(PoisonError::into_inner));
        bodies.iter().filter_map(|body| serde_json::from_slice(body).ok()).collect()
    }
}
