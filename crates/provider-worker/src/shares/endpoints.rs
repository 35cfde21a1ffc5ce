//! The endpoints that tenants share, each with the platform's own credential.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rpc::router::Attempt;
use serde_json::Value;
use tokio::sync::Notify;

use super::{Crowded, Room};

/// The quirk that says how many requests an endpoint takes at once from one worker.
const QUIRK: &str = "max_concurrent";
/// How long a tenant within its share waits for a place.
const PATIENCE: Duration = Duration::from_secs(2);

type Key = (String, String);

/// All endpoints with so many places that this worker has requests at.
#[derive(Clone, Default)]
pub(crate) struct Endpoints(Arc<Mutex<HashMap<Key, Endpoint>>>);

#[derive(Default)]
struct Endpoint {
    room: Room,
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
        if endpoint.room.taken() == 0 {
            all.remove(&self.key);
        }
    }
}

impl Endpoints {
    /// Whether a tenant may send a request there now. With a credential of its own it always may.
    pub(crate) fn admits(&self, tenant: &str, attempt: &Attempt) -> Result<(), Crowded> {
        let Some(places) = places(attempt) else { return Ok(()) };
        match self.all().get(&key(attempt)) {
            Some(endpoint) => endpoint.room.admits(tenant, places),
            None => Ok(()),
        }
    }

    /// Takes a place, for which a tenant within its share waits. `None` = there are as many as anybody wants.
    ///
    /// # Errors
    /// [`Crowded`] when there is none.
    pub(crate) async fn enter(&self, tenant: &str, attempt: &Attempt) -> Result<Option<Place>, Crowded> {
        let Some(places) = places(attempt) else { return Ok(None) };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let left = {
                let mut all = self.all();
                let endpoint = all.entry(key(attempt)).or_default();
                match endpoint.room.admits(tenant, places) {
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

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Endpoint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many places the catalogue says that there are for requests with the platform's own credential.
fn places(attempt: &Attempt) -> Option<usize> {
    if attempt.is_byok || !attempt.quirks_json.contains(QUIRK) {
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
    async fn own_credentials_and_endpoints_of_unknown_capacity_take_no_place() {
        let endpoints = Endpoints::default();
        assert!(endpoints.enter("a", &attempt("{}")).await.unwrap().is_none());
        let own = Attempt { is_byok: true, ..attempt(r#"{"max_concurrent":1}"#) };
        for _ in 0..3 {
            assert!(endpoints.enter("a", &own).await.unwrap().is_none());
            assert_eq!(endpoints.admits("a", &own), Ok(()));
        }
        assert!(endpoints.all().is_empty());
    }
}
