//! Folds settled usage into rollups all the time, and forgets now and then what is kept no longer.

use std::future::Future;

use crate::Error;
use crate::app::{App, insistently};
use crate::store::retention;

/// Settlements that one transaction folds at about most.
const FOLD_BATCH: i32 = 20_000;
/// Rows that one transaction forgets at most, so that nothing waits long for what it locks.
const PRUNE_BATCH: i32 = 2_000;
/// Days that one transaction moves out of the default partition at most.
const DRAIN_DAYS: i32 = 1;

/// Folds until the process stops.
pub(super) async fn fold(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    while !shutdown.has_begun() {
        if let Err(error) = fold_all(&app).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "usage could not be folded into rollups"
            );
        }
        shutdown.pause(app.config.usage.fold_every()).await;
    }
}

async fn fold_all(app: &App) -> Result<(), Error> {
    while insistently(|| retention::fold(&app.pool, FOLD_BATCH)).await? >= i64::from(FOLD_BATCH) {}
    let (waiting, seconds) = retention::unfolded(&app.pool).await?;
    app.metrics.unfolded.set(waiting);
    app.metrics.unfolded_seconds.set(seconds);
    // One day between two folds, so that neither what is new nor who folds waits long.
    if let Some(day) = retention::backfill(&app.pool).await? {
        tracing::info!(%day, "lean rollups were made of a day before there were any");
    }
    Ok(())
}

/// Forgets until the process stops.
pub(super) async fn forget(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    while !shutdown.has_begun() {
        if let Err(error) = forget_all(&app).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old records could not be forgotten");
        }
        shutdown.pause(app.config.usage.forget_every()).await;
    }
}

async fn forget_all(app: &App) -> Result<(), Error> {
    let (pool, config) = (&app.pool, &app.config.usage);
    let (usage, replay) = (days(config.retention_days), days(config.replay_days));
    while retention::drain_default(pool, usage, DRAIN_DAYS).await? >= DRAIN_DAYS && !stops(app) {}
    while let Some(day) = retention::drop_day(pool, usage).await? {
        tracing::info!(%day, "a day of usage was dropped");
        if stops(app) {
            break;
        }
    }
    in_batches(app, || retention::prune_attempts(pool, PRUNE_BATCH)).await?;
    in_batches(app, || retention::prune_apps(pool, PRUNE_BATCH)).await?;
    in_batches(app, || retention::prune_leases(pool, replay, PRUNE_BATCH)).await?;
    in_batches(app, || retention::prune_settlements(pool, replay, PRUNE_BATCH)).await
}

/// Forgets a batch after another, until one is not full.
async fn in_batches<C>(app: &App, mut prune: impl FnMut() -> C) -> Result<(), Error>
where
    C: Future<Output = Result<i64, Error>>,
{
    while insistently(&mut prune).await? >= i64::from(PRUNE_BATCH) && !stops(app) {
        // Settlement comes first.
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn stops(app: &App) -> bool {
    app.tasks.shutdown().has_begun()
}

fn days(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}
