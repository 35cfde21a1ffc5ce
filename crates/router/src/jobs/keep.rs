//! Keeps the last good catalogue on disk.

use std::path::PathBuf;
use std::sync::Arc;

use crate::service::Inner;
use crate::snapshot;

/// Writes the tables of each version that is put in use, the newest alone where several came at once, until
/// the process stops. One that cannot be written is counted; the one before it stays.
pub(crate) async fn keep(inner: Arc<Inner>, path: PathBuf) {
    let mut good = inner.good.subscribe();
    good.mark_changed();
    loop {
        // What is waiting is written before the process stops.
        tokio::select! {
            biased;
            changed = good.changed() => if changed.is_err() { return },
            () = inner.deps.tasks.shutdown().begun() => return,
        }
        let Some(tables) = good.borrow_and_update().clone() else { continue };
        let (version, path, key) = (tables.version, path.clone(), Arc::clone(&inner.deps.master_key));
        let outcome = tokio::task::spawn_blocking(move || snapshot::write(&path, &tables, &key)).await;
        match outcome {
            Ok(Ok(())) => tracing::debug!(catalogue.version = version, "the catalogue is kept on disk"),
            Ok(Err(error)) => {
                inner.metrics.snapshot_failures.inc();
                tracing::warn!(
                    catalogue.version = version,
                    error = &error as &dyn std::error::Error,
                    "the catalogue is not kept on disk"
                );
            }
            Err(_) => return,
        }
    }
}
