//! The sessions that are up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::watch;

use super::session::Session;

/// Every session that is up. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Board {
    sessions: watch::Sender<Vec<Arc<Session>>>,
    next: Arc<AtomicU64>,
    up: Gauge,
}

impl Board {
    pub(super) fn new(up: Gauge) -> Self {
        Self { sessions: watch::Sender::new(Vec::new()), next: Arc::new(AtomicU64::new(1)), up }
    }

    /// An id that no message of this edge had before.
    pub(super) fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn add(&self, session: Arc<Session>) {
        self.up.inc();
        self.sessions.send_modify(|sessions| sessions.push(session));
    }

    pub(super) fn remove(&self, id: u64) {
        self.up.dec();
        self.sessions.send_modify(|sessions| sessions.retain(|session| session.id() != id));
    }

    /// The session with the fewest open questions, another than `avoid` when there is one. Waits while none
    /// is up.
    pub(super) async fn pick(&self, avoid: Option<u64>) -> Arc<Session> {
        let mut sessions = self.sessions.subscribe();
        loop {
            let found = {
                let up = sessions.borrow_and_update();
                let others = up.iter().filter(|session| Some(session.id()) != avoid);
                others.min_by_key(|session| session.open()).or_else(|| up.first()).cloned()
            };
            if let Some(session) = found {
                return session;
            }
            // The sender lives in this board.
            if sessions.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
