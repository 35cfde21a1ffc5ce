//! The place of the call that is being answered, and how it waits without one for somebody else's server.

use std::sync::{Arc, Mutex, PoisonError};

use super::calls::{Crowded, Party, Place};
use crate::service::App;

/// Whose server a call waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outside {
    /// Whoever calls says where it is, and may have made it slow.
    Named,
    /// The platform's operators do.
    Configured,
}

/// The place of a call while it is answered. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Turn {
    party: Party,
    place: Arc<Mutex<Option<Place>>>,
}

impl Turn {
    pub(super) fn new(place: Place) -> Self {
        Self { party: place.party().clone(), place: Arc::new(Mutex::new(Some(place))) }
    }

    pub(super) const fn party(&self) -> &Party {
        &self.party
    }

    /// Gives the place back, whoever still has this.
    pub(super) fn end(&self) {
        self.put(None);
    }

    fn put(&self, place: Option<Place>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// Waits for somebody else's server: without the call's place, as one of few of its party that do so. The call has a
    /// place again when this is over, so that a connection to the database must not be held across it.
    ///
    /// # Errors
    /// [`Crowded`] when too many wait so, and nothing was done, or when there is no place to come back to.
    pub(crate) async fn outside<T>(
        &self,
        app: &App,
        whose: Outside,
        work: impl Future<Output = T>,
    ) -> Result<T, Crowded> {
        self.end();
        let outside = app.calls.go_out(whose, self.party.clone()).await;
        let outside = outside.inspect_err(|_| app.metrics.call_refused("outside"))?;
        let done = work.await;
        drop(outside);
        let place = app.calls.enter(self.party.clone()).await;
        self.put(Some(place.inspect_err(|crowded| app.metrics.call_refused(crowded.reason()))?));
        Ok(done)
    }
}
