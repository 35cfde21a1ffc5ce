//! Closes periods when their month is over, drafts and issues invoices, writes receipts.

use crate::app::App;

/// Looks until the process stops. The first look takes every purchase in, the others recent ones.
pub(super) async fn run(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    let (mut is_first, mut is_failing) = (true, false);
    while !shutdown.has_begun() {
        match app.invoice(is_first).await {
            Ok(()) => (is_first, is_failing) = (false, false),
            Err(error) if is_failing => {
                tracing::debug!(error = &error as &dyn std::error::Error, "invoicing failed again");
            }
            Err(error) => {
                is_failing = true;
                tracing::warn!(error = &error as &dyn std::error::Error, "invoicing failed");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(app.config.invoices.every()) => {}
            () = shutdown.begun() => {}
        }
    }
}
