//! Writes decisions down behind the plans' back, and deletes the old ones.
//!
//! Records hold whole states of health, so they are condensed as soon as they come; what waits for the database
//! is small. Where either has no room, decisions are dropped and counted: no plan ever waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::pause;
use crate::decide::{Condenser, Record, Row};
use crate::service::Inner;
use crate::store::decisions;

/// Records that are condensed in one go, and rows that one statement writes.
const BATCH: usize = 256;
/// Rows that may wait for the database.
const BACKLOG: usize = 4_096;
/// How long one batch may take.
const WRITING: Duration = Duration::from_secs(5);
/// How long a database that failed is left alone.
const RETRY: Duration = Duration::from_secs(1);
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Condenses records and has them written, until the process stops and none is left.
pub(crate) async fn keep_decisions(inner: Arc<Inner>, mut records: mpsc::Receiver<Record>) {
    let (sender, rows) = mpsc::channel(BACKLOG);
    inner.deps.tasks.spawn(write(Arc::clone(&inner), rows));
    let mut condenser = Condenser::new(inner.rules(), inner.config.timeouts);
    loop {
        let mut batch = Vec::new();
        tokio::select! {
            _ = records.recv_many(&mut batch, BATCH) => {}
            () = inner.deps.tasks.shutdown().begun(), if !records.is_closed() => records.close(),
        }
        if batch.is_empty() {
            if records.is_closed() && records.is_empty() {
                return;
            }
            continue;
        }
        let condensing = tokio::task::spawn_blocking(move || {
            let rows: Vec<Row> = batch.into_iter().filter_map(|record| condenser.row(record)).collect();
            (condenser, rows)
        });
        let Ok((same, rows)) = condensing.await else { return };
        condenser = same;
        for row in rows {
            if sender.try_send(row).is_err() {
                inner.metrics.decisions_dropped.inc();
            }
        }
    }
}

async fn write(inner: Arc<Inner>, mut rows: mpsc::Receiver<Row>) {
    let mut batch = Vec::new();
    let mut is_failing = false;
    while rows.recv_many(&mut batch, BATCH).await > 0 {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let written = tokio::time::timeout(WRITING, decisions::add(&inner.deps.pool, &batch)).await;
        batch.clear();
        match written.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(()) => {
                inner.metrics.decisions_kept.inc_by(count);
                is_failing = false;
            }
            Err(error) => {
                inner.metrics.decisions_dropped.inc_by(count);
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(error = &error as &dyn std::error::Error, "decisions are not kept");
                }
                // While the process stops, what cannot be written is given up at once.
                pause(&inner, RETRY).await;
            }
        }
    }
}

/// Deletes decisions past their time, and the catalogues that were kept for them, until the process stops.
pub(crate) async fn sweep_decisions(inner: Arc<Inner>) {
    let days = i32::try_from(inner.config.decisions.keep_days).unwrap_or(i32::MAX);
    loop {
        let swept = tokio::select! {
            () = inner.deps.tasks.shutdown().begun() => return,
            swept = sweep(&inner, days) => swept,
        };
        if let Err(error) = swept {
            tracing::debug!(error = &error as &dyn std::error::Error, "old decisions are not deleted yet");
        }
        if !pause(&inner, SWEEP_EVERY).await {
            return;
        }
    }
}

async fn sweep(inner: &Inner, days: i32) -> Result<(), sqlx::Error> {
    while decisions::sweep(&inner.deps.pool, days).await? {}
    decisions::sweep_snapshots(&inner.deps.pool).await
}
