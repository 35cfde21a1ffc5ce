//! Fences leases that have ended, decides what is due, frees what nobody claims; opens coming days.

use std::time::Duration;

use super::Failing;
use crate::Error;
use crate::app::{App, insistently, millis};
use crate::store::{invariants, leases, recalls, settlement};

/// Leases and generations that one transaction takes at most.
const BATCH: i32 = 500;
/// Usage partitions are open this many days ahead.
const DAYS_AHEAD: i32 = 14;
/// Recalls are forgotten after this long.
const RECALLS_KEPT_MS: i64 = 60_000;

/// Sweeps until the process stops. Its success is what says that billing is ready.
pub(super) async fn run(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    let mut failing = Failing::default();
    while !shutdown.has_begun() {
        let outcome = sweep(&app).await;
        app.health.set("billing", outcome.is_ok());
        failing.note("sweep", outcome);
        shutdown.pause(app.config.sweep_every()).await;
    }
}

async fn sweep(app: &App) -> Result<(), Error> {
    let grace = millis(app.config.grace_ms);
    while insistently(|| leases::fence(&app.pool, grace, BATCH)).await? >= i64::from(BATCH) {}
    loop {
        let fates = insistently(|| settlement::resolve_due(&app.pool, BATCH)).await?;
        app.fated(&fates);
        if fates.is_empty() {
            break;
        }
    }
    loop {
        let freed = insistently(|| leases::free_idle(&app.pool, BATCH, grace)).await?;
        if let Ok(freed @ 1..) = u64::try_from(freed) {
            app.metrics.freed_early.inc_by(freed);
            tracing::info!(
                leases = freed,
                "leases of edges that are gone were freed before their grace was over"
            );
        }
        if freed < i64::from(BATCH) {
            break;
        }
    }
    loop {
        let freed = insistently(|| leases::free(&app.pool, BATCH)).await?;
        if let Ok(freed @ 1..) = u64::try_from(freed) {
            app.metrics.expired.inc_by(freed);
            tracing::warn!(
                leases = freed,
                "leases were freed after their grace without any word of their use"
            );
        }
        if freed < i64::from(BATCH) {
            break;
        }
    }
    while insistently(|| leases::finish(&app.pool, BATCH)).await? >= i64::from(BATCH) {}
    recalls::forget(&app.pool, RECALLS_KEPT_MS).await?;
    let open = leases::open(&app.pool).await?;
    app.metrics.opened(open.single, open.shared);
    app.metrics.waiting.set(open.waiting);
    Ok(())
}

/// Keeps the partitions of usage open ahead of time.
pub(super) async fn open_days(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    while !shutdown.has_begun() {
        let pause = match invariants::open_usage_days(&app.pool, DAYS_AHEAD).await {
            Ok(_) => Duration::from_secs(3_600),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "no usage partitions were opened");
                Duration::from_secs(10)
            }
        };
        shutdown.pause(pause).await;
    }
}
