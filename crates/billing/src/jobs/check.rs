//! The invariants, checked again and again.

use chrono::{DateTime, Utc};

use crate::Error;
use crate::app::{App, millis};
use crate::store::invariants::{self, Breach, Depth};

/// Rows that are logged of one check at most.
const LOGGED: usize = 20;

/// Checks until the process stops: mostly the recent past, now and then further back. Replicas check by turns and
/// all of them tell what was found.
pub(super) async fn run(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    let mut checks: u32 = 0;
    let mut told = DateTime::<Utc>::UNIX_EPOCH;
    while !shutdown.has_begun() {
        if !shutdown.pause(app.config.check_every()).await {
            return;
        }
        checks = checks.wrapping_add(1);
        match check(&app, checks).await {
            Ok(breaches) => {
                told = tell(&breaches, told);
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

async fn check(app: &App, checks: u32) -> Result<Vec<Breach>, Error> {
    let config = &app.config;
    let is_whole = checks.is_multiple_of(config.full_check_every.max(1));
    let records = if is_whole { config.full_check_depth_ms } else { config.check_depth_ms };
    let depth = Depth {
        records_ms: Some(millis(records)),
        is_whole,
        // A little less than the pause, so that a replica's own turn is never too early.
        every_ms: millis(config.check_every_ms / 4 * 3),
        sealed: i64::from(config.check_sealed),
    };
    invariants::check(&app.pool, depth).await?;
    invariants::open(&app.pool).await
}

/// Says what was found since the last time. Answers when the newest of it was found.
fn tell(breaches: &[Breach], told: DateTime<Utc>) -> DateTime<Utc> {
    for breach in breaches.iter().filter(|breach| breach.found_at > told).take(LOGGED) {
        let named = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        tracing::error!(
            invariant = breach.invariant,
            detail = breach.detail,
            tenant.id = named(breach.tenant_id),
            generation.id = named(breach.generation_id),
            "an invariant is broken"
        );
    }
    breaches.iter().map(|breach| breach.found_at).fold(told, DateTime::max)
}
