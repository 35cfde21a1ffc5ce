//! Keeps windows and credit lines in step with limits that were changed.

use crate::Error;
use crate::app::{App, insistently, millis};
use crate::store::budgets;

/// Accounts that one transaction takes at most.
const BATCH: i32 = 100;

/// Runs until the process stops.
pub(super) async fn run(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    while !shutdown.has_begun() {
        if !shutdown.pause(app.config.notices.every()).await {
            return;
        }
        if let Err(error) = keep(&app).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "limits could not be looked after");
        }
    }
}

async fn keep(app: &App) -> Result<(), Error> {
    // Whatever was admitted before a limit was set has settled, or been given up, by then.
    let lately = millis(app.config.longest_request_ms.saturating_add(app.config.grace_ms));
    while insistently(|| budgets::refit(&app.pool, lately, BATCH)).await? >= i64::from(BATCH) {}
    insistently(|| budgets::lower_lines(&app.pool)).await?;
    Ok(())
}
