//! What operators watch as it happens: traffic, and the health of endpoints.
//!
//! Each edge counts what it answers and says so to all of them over the bus; every edge sums what it counted and
//! heard, once for all who watch here. Without a bus it knows of itself alone. Health is asked of the router, only while
//! somebody watches, and told where it changed.

mod tend;
mod traffic;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::broadcast;

pub(crate) use tend::{Sources, run};
pub(crate) use traffic::{Answered, Peer};

use crate::config::LiveConfig;
use tend::Unwell;
use traffic::{Counts, Peers};

/// Events that a viewer may be behind before it misses some.
const BEHIND: usize = 1_024;
/// Who watch one edge at once, all together.
const VIEWERS: usize = 256;

/// Something that is told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) event: &'static str,
    /// JSON in one line.
    pub(crate) data: Arc<str>,
}

/// What this edge and the others do. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Live(Arc<Inner>);

struct Inner {
    edge_id: String,
    config: LiveConfig,
    counts: Counts,
    /// Requests under way.
    open: Gauge,
    peers: Mutex<Peers>,
    /// Endpoints that are not healthy, as was told last.
    unwell: Mutex<BTreeMap<String, Unwell>>,
    told: broadcast::Sender<Told>,
    /// How many streams each person or token has open.
    viewers: Mutex<HashMap<String, usize>>,
}

/// Nobody else can watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crowded;

impl Live {
    pub(crate) fn new(edge_id: String, config: LiveConfig, open: Gauge) -> Self {
        Self(Arc::new(Inner {
            edge_id,
            config,
            counts: Counts::default(),
            open,
            peers: Mutex::default(),
            unwell: Mutex::default(),
            told: broadcast::channel(BEHIND).0,
            viewers: Mutex::default(),
        }))
    }

    pub(crate) fn edge_id(&self) -> &str {
        &self.0.edge_id
    }

    /// Counts a request that has ended.
    pub(crate) fn answered(&self, answered: Answered) {
        self.0.counts.count(answered);
    }

    /// The other edges that were heard lately.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        lock(&self.0.peers).present(self.0.config.every_ms.get())
    }

    /// Lets somebody watch until the viewer is dropped: first come the endpoints that are unwell.
    ///
    /// # Errors
    /// [`Crowded`] when they, or all together, watch too often already.
    pub(crate) fn watch(&self, who: &str) -> Result<Viewer, Crowded> {
        let mut viewers = lock(&self.0.viewers);
        let (all, own) = (viewers.values().sum::<usize>(), viewers.get(who).copied().unwrap_or_default());
        if all >= VIEWERS || own >= self.0.config.per_person.get() {
            return Err(Crowded);
        }
        *viewers.entry(who.to_owned()).or_default() += 1;
        drop(viewers);
        // Whatever changes from now on is told to it.
        let unwell = lock(&self.0.unwell);
        let told = self.0.told.subscribe();
        let first = unwell.iter().map(|(id, one)| tend::health(id, one)).collect();
        drop(unwell);
        Ok(Viewer { live: self.clone(), who: who.to_owned(), first, told })
    }
}

/// One stream of somebody who watches.
pub(crate) struct Viewer {
    live: Live,
    who: String,
    /// What was so before.
    first: Vec<Told>,
    told: broadcast::Receiver<Told>,
}

impl Viewer {
    /// What is told next; `None` = nothing more ever.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        if let Some(told) = self.first.pop() {
            return Some(told);
        }
        loop {
            match self.told.recv().await {
                Ok(told) => return Some(told),
                // It reads too slowly, and goes on with what is new.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut viewers = lock(&self.live.0.viewers);
        if let Some(count) = viewers.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                viewers.remove(&self.who);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
