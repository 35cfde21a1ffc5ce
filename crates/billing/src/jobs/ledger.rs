//! Sealing the ledger, and comparing what providers bill.

use std::time::Duration;

use crate::Error;
use crate::app::App;
use crate::store::{bills, ledger};

/// Pause between looks for bills that wait.
const BILLS_EVERY: Duration = Duration::from_secs(2);

/// Seals until the process stops. Of all replicas one seals at a time, and the others pass over.
pub(super) async fn seal(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    while !shutdown.has_begun() {
        if !shutdown.pause(app.config.seal_every()).await {
            return;
        }
        if let Err(error) = seal_what_is_complete(&app).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the ledger could not be sealed");
        }
    }
}

async fn seal_what_is_complete(app: &App) -> Result<(), Error> {
    let batch = i32::try_from(app.config.seal_batch).unwrap_or(i32::MAX);
    while !app.tasks.shutdown().has_begun() {
        let sealed = ledger::seal(&app.pool, batch).await?;
        app.metrics.sealed.inc_by(u64::try_from(sealed).unwrap_or_default());
        if sealed == 0 {
            break;
        }
    }
    app.metrics.sealed_at.set(ledger::sealed_at(&app.pool).await?.timestamp());
    Ok(())
}

/// Compares bills that were imported, a day at a time, until the process stops. A replica that ends in between
/// leaves the rest to another.
pub(super) async fn compare_bills(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    while !shutdown.has_begun() {
        let went_on = match bills::compare_next(&app.pool).await {
            Ok(None) => false,
            Ok(Some(compared)) => {
                if let Some(alerts @ 1..) = compared.alerts {
                    app.metrics.bill_alerts.inc_by(u64::try_from(alerts).unwrap_or_default());
                    tracing::error!(
                        bill.id = %compared.bill_id,
                        models = alerts,
                        "a provider's bill differs from what its usage comes to"
                    );
                }
                true
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a bill could not be compared");
                false
            }
        };
        if went_on {
            continue;
        }
        shutdown.pause(BILLS_EVERY).await;
    }
}
