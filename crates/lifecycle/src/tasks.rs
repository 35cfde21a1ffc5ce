//! The tasks of a process: named, cancelled together, awaited at the end.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tells when the process is to stop. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Begins the stop.
    pub fn begin(&self) {
        self.0.cancel();
    }

    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Completes when the stop has begun.
    pub async fn begun(&self) {
        self.0.cancelled().await;
    }

    /// Waits for so long, at most until the stop has begun. Whether it has not.
    pub async fn pause(&self, length: Duration) -> bool {
        tokio::time::timeout(length, self.begun()).await.is_err()
    }

    /// A future of its own that completes when the stop has begun.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.clone().cancelled_owned()
    }
}

/// Where work goes that must outlive its caller: settlement, spool, drain. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: Shutdown,
}

impl Tasks {
    #[must_use]
    pub const fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Runs a task that drain awaits. A task that loops must watch [`Self::shutdown`].
    pub fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn(task)
    }

    /// Begins the stop and waits for every task, at most `grace`. Whether all of them ended.
    pub async fn drain(&self, grace: Duration) -> bool {
        self.shutdown.begin();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.is_ok()
    }
}
