//! The addresses of a name.

use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Semaphore;

/// Names that are looked up at once. A look-up holds a thread, and nothing can stop it.
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks names up. Is not asked for hosts that are addresses already.
pub trait Resolve: Send + Sync {
    /// All addresses of a name.
    fn resolve(&self, name: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
pub struct System {
    slots: Arc<Semaphore>,
}

impl Default for System {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Resolve for System {
    fn resolve(&self, name: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        let slots = Arc::clone(&self.slots);
        let look_up = async move {
            let slot = slots.acquire_owned().await.map_err(io::Error::other)?;
            // The slot is free when the thread is, not when nobody waits for it any longer.
            let looking = tokio::task::spawn_blocking(move || {
                let _slot = slot;
                (name.as_str(), 0).to_socket_addrs().map(|all| all.map(|address| address.ip()).collect())
            });
            looking.await.map_err(io::Error::other)?
        };
        Box::pin(async {
            tokio::time::timeout(PATIENCE, look_up)
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        })
    }
}
