//! Closes periods when their month is over, drafts and issues invoices, writes receipts.

use super::Failing;
use crate::app::App;

/// Looks until the process stops. The first look takes every purchase in, the others recent ones.
pub(super) async fn run(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    let (mut is_first, mut failing) = (true, Failing::default());
    while !shutdown.has_begun() {
        let outcome = app.invoice(is_first).await;
        is_first &= outcome.is_err();
        failing.note("invoices", outcome);
        shutdown.pause(app.config.invoices.every()).await;
    }
}
