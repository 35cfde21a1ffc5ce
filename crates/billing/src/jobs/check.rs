//! The invariants, checked again and again.

use crate::app::{App, millis};
use crate::store::invariants;

/// Rows that are logged of one check at most.
const LOGGED: usize = 20;

/// Checks until the process stops: mostly the recent past, now and then everything.
pub(super) async fn run(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    let mut checks: u32 = 0;
    while !shutdown.has_begun() {
        tokio::select! {
            () = tokio::time::sleep(app.config.check_every()) => {}
            () = shutdown.begun() => return,
        }
        checks = checks.wrapping_add(1);
        let whole = checks.is_multiple_of(app.config.full_check_every.max(1));
        let depth = if whole { None } else { Some(millis(app.config.check_depth_ms)) };
        match invariants::check(&app.pool, depth).await {
            Ok(breaches) => {
                for breach in breaches.iter().take(LOGGED) {
                    tracing::error!(
                        invariant = breach.invariant,
                        detail = breach.detail,
                        "an invariant is broken"
                    );
                }
                app.metrics.breached(breaches.iter().map(|breach| breach.invariant.as_str()));
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the invariants could not be checked"
                );
            }
        }
    }
}
