//! What operators watch as it happens: traffic, and the health of endpoints.
//!
//! Each edge counts what it answers and says so to all of them over the bus; every edge sums what it counted and
//! heard, once for all who watch here. Without a bus it knows of itself alone. Health is asked of the router, only while
//! somebody watches, and told where it changed.

mod tend;
mod traffic;

use std::collections::BTreeMap;
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
}

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

    /// Lets somebody watch: first come the endpoints that are unwell.
    pub(crate) fn watch(&self) -> Viewer {
        // Whatever changes from now on is told to it.
        let unwell = lock(&self.0.unwell);
        let told = self.0.told.subscribe();
        let first = unwell.iter().map(|(id, one)| tend::health(id, one)).collect();
        drop(unwell);
        Viewer { first, told }
    }
}

/// One stream of somebody who watches.
pub(crate) struct Viewer {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
