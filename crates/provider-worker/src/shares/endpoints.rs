//! The endpoints that tenants share, each with the platform's own credential.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rpc::router::Attempt;
use serde_json::Value;
use tokio::sync::Notify;

use super::{Crowded, Room};

/// The quirk that says how many requests an endpoint takes at once from one worker.
const QUIRK: &str = "max_concurrent";
/// How long an endpoint that refused for its rate limit is taken to have no more places than were filled then.
const SHORT: Duration = Duration::from_secs(60);
/// How long a tenant within its share waits for a place.
const PATIENCE: Duration = Duration::from_secs(2);

type Key = (String, String);

/// All that this worker has requests at, or that lately refused some.
#[derive(Clone, Default)]
pub(crate) struct Endpoints(Arc<Mutex<HashMap<Key, Endpoint>>>);

#[derive(Default)]
struct Endpoint {
    room: Room,
    /// Places that it turned out to have, and until when that is believed.
    short: Option<(usize, Instant)>,
    left: Arc<Notify>,
}

/// One place at an endpoint, left when it is dropped.
pub(crate) struct Place {
    endpoints: Endpoints,
    key: Key,
    tenant: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.endpoints.all();
        let Some(endpoint) = all.get_mut(&self.key) else { return };
        endpoint.room.leave(&self.tenant);
        endpoint.left.notify_waiters();
        if endpoint.room.taken() == 0 && endpoint.short(Instant::now()).is_none() {
            all.remove(&self.key);
        }
    }
}

impl Endpoints {
    /// Whether a tenant may send a request there now. With a credential of its own it always may.
    pub(crate) fn admits(&self, tenant: &str, attempt: &Attempt) -> Result<(), Crowded> {
        if attempt.is_byok {
            return Ok(());
        }
        let declared = declared(attempt);
        match (self.all().get(&key(attempt)), declared) {
            (Some(endpoint), declared) => endpoint.admits(tenant, declared),
            (None, Some(places)) => Room::default().admits(tenant, places),
            (None, None) => Ok(()),
        }
    }

    /// Takes a place, for which a tenant within its share waits. `None` = the tenant pays with a credential of its own.
    ///
    /// # Errors
    /// [`Crowded`] when there is none.
    pub(crate) async fn enter(&self, tenant: &str, attempt: &Attempt) -> Result<Option<Place>, Crowded> {
        if attempt.is_byok {
            return Ok(None);
        }
        let declared = declared(attempt);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let left = {
                let mut all = self.all();
                let endpoint = all.entry(key(attempt)).or_default();
                match endpoint.admits(tenant, declared) {
                    Ok(()) => {
                        endpoint.room.enter(tenant);
                        let (endpoints, tenant) = (self.clone(), tenant.to_owned());
                        return Ok(Some(Place { endpoints, key: key(attempt), tenant }));
                    }
                    Err(Crowded::Above) => return Err(Crowded::Above),
                    Err(Crowded::Full) => Arc::clone(&endpoint.left).notified_owned(),
                }
            };
            if tokio::time::timeout_at(deadline, left).await.is_err() {
                return Err(Crowded::Full);
            }
        }
    }

    /// An endpoint refused a request for its rate limit: it has no more places than the others fill.
    pub(crate) fn refused(&self, attempt: &Attempt, now: Instant) {
        if attempt.is_byok {
            return;
        }
        if let Some(endpoint) = self.all().get_mut(&key(attempt)) {
            // The refused one is still counted.
            let places = endpoint.room.taken().saturating_sub(1).max(1);
            endpoint.short = Some((places, now + SHORT));
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Endpoint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Endpoint {
    fn short(&self, now: Instant) -> Option<usize> {
        self.short.filter(|(_, until)| now < *until).map(|(places, _)| places)
    }

    fn admits(&self, tenant: &str, declared: Option<usize>) -> Result<(), Crowded> {
        match [declared, self.short(Instant::now())].into_iter().flatten().min() {
            Some(places) => self.room.admits(tenant, places),
            None => Ok(()),
        }
    }
}

/// How many places the catalogue says that there are.
fn declared(attempt: &Attempt) -> Option<usize> {
    if !attempt.quirks_json.contains(QUIRK) {
        return None;
    }
    let quirks: Value = serde_json::from_str(&attempt.quirks_json).ok()?;
    let places = usize::try_from(quirks.get(QUIRK)?.as_u64()?).ok()?;
    (places > 0).then_some(places)
}

fn key(attempt: &Attempt) -> Key {
    (attempt.endpoint_id.clone(), attempt.credential_id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(quirks: &str) -> Attempt {
        let (endpoint_id, credential_id) = ("e".to_owned(), "c".to_owned());
        Attempt { endpoint_id, credential_id, quirks_json: quirks.to_owned(), ..Attempt::default() }
    }

    #[tokio::test]
    async fn an_endpoint_without_a_known_capacity_is_shared_once_it_refused() {
        let (endpoints, attempt) = (Endpoints::default(), attempt(""));
        let mut greedy = Vec::new();
        for _ in 0..11 {
            greedy.push(endpoints.enter("greedy", &attempt).await.unwrap());
        }
        endpoints.refused(&attempt, Instant::now());
        drop(greedy.pop());
        assert_eq!(endpoints.admits("greedy", &attempt), Err(Crowded::Above));
        assert_eq!(endpoints.admits("b", &attempt), Err(Crowded::Full));
        drop(greedy.pop());
        assert_eq!(endpoints.enter("greedy", &attempt).await.err(), Some(Crowded::Above));
        let place = endpoints.enter("b", &attempt).await.unwrap();
        drop((greedy, place));
        assert_eq!(endpoints.all().len(), 1, "it is remembered while it is taken to be short");
    }

    #[tokio::test]
    async fn a_tenant_within_its_share_waits_for_the_next_place() {
        let (endpoints, attempt) = (Endpoints::default(), attempt(r#"{"max_concurrent":2}"#));
        let first = endpoints.enter("a", &attempt).await.unwrap();
        assert_eq!(endpoints.enter("a", &attempt).await.err(), Some(Crowded::Above));
        let second = endpoints.enter("b", &attempt).await.unwrap();
        let waits = endpoints.enter("c", &attempt);
        let (third, ()) = tokio::join!(waits, async { drop(first) });
        assert!(third.is_ok());
        drop((second, third));
        assert!(endpoints.all().is_empty());
    }

    #[tokio::test]
    async fn own_credentials_take_no_place() {
        let endpoints = Endpoints::default();
        let own = Attempt { is_byok: true, ..attempt(r#"{"max_concurrent":1}"#) };
        for _ in 0..3 {
            assert!(endpoints.enter("a", &own).await.unwrap().is_none());
            assert_eq!(endpoints.admits("a", &own), Ok(()));
        }
        endpoints.refused(&own, Instant::now());
        assert!(endpoints.all().is_empty());
    }
}
