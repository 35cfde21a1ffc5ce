//! Closes periods when their month is over, drafts and issues invoices, writes receipts.

use super::Failing;
use crate::app::App;

/// Looks until the process stops. The first look takes every purchase in, the others recent ones.
///
/// It pauses first, so that a process that starts is in nobody's way: one issues at a time, and who finds another at
/// work leaves what that one has not seen to a look of its own.
pub(super) async fn run(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    let (mut is_first, mut failing) = (true, Failing::default());
    while shutdown.pause(app.config.invoices.every()).await {
        let outcome = app.invoice(is_first).await;
        is_first &= outcome.is_err();
        failing.note("invoices", outcome);
    }
}
