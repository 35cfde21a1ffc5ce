//! Asks about payments that no event settled, buys credit for who is short, ends promotions, collects debts.

use std::time::Duration;

use super::Failing;
use crate::Error;
use crate::app::{App, insistently, millis};
use crate::store::payments;

/// Payments, promotions and debts that one pass takes at most.
const BATCH: i32 = 100;

/// Tends payments until the process stops.
pub(super) async fn run(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    let pause = Duration::from_millis(app.config.payments.poll_every_ms);
    let mut failing = Failing::default();
    while !shutdown.has_begun() {
        failing.note("payments", tend(&app).await);
        shutdown.pause(pause).await;
    }
}

async fn tend(app: &App) -> Result<(), Error> {
    let expired = insistently(|| payments::expire_promotions(&app.pool, BATCH)).await?;
    if expired > 0 {
        tracing::info!(nano_usd = expired, "promotions expired");
    }
    let collected = insistently(|| payments::collect_owed(&app.pool, BATCH)).await?;
    if collected > 0 {
        tracing::info!(nano_usd = collected, "debts of disputed payments were collected");
    }
    if app.processor().is_err() {
        return Ok(());
    }
    let after = millis(app.config.payments.poll_after_ms);
    let mut found = insistently(|| payments::begin_auto_top_ups(&app.pool, BATCH)).await?;
    found.extend(insistently(|| payments::due(&app.pool, after, BATCH)).await?);
    for payment in found {
        if app.tasks.shutdown().has_begun() {
            break;
        }
        if let Err(error) = app.look(payment).await {
            tracing::warn!(
                payment.id = %payment,
                error = &error as &dyn std::error::Error,
                "the processor did not say what became of a payment"
            );
        }
    }
    Ok(())
}
