//! How much waits to be sent, for whoever watches the platform.

use std::time::Duration;

use chrono::Utc;
use lifecycle::Tasks;

use super::Outbox;
use crate::store::traces;

/// Pause between looks.
const EVERY: Duration = Duration::from_secs(15);

pub(super) fn run(tasks: &Tasks, outbox: Outbox) {
    let shutdown = tasks.shutdown().clone();
    tasks.spawn(async move {
        while !shutdown.has_begun() {
            match look(&outbox).await {
                Ok(()) => {}
                Err(error) => tracing::debug!(error = %error, "the traces that wait cannot be counted"),
            }
            shutdown.pause(EVERY).await;
        }
    });
}

async fn look(outbox: &Outbox) -> Result<(), sqlx::Error> {
    let queue = traces::queue_length(&outbox.pool).await?;
    let waits = queue.oldest.map_or(0, |oldest| (Utc::now() - oldest).num_seconds().max(0));
    outbox.metrics.traces_waiting.set(queue.waiting);
    outbox.metrics.traces_oldest_seconds.set(waits);
    outbox.metrics.traces_failed.set(queue.failed);
    Ok(())
}
