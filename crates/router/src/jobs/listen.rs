//! Hears from Postgres that the catalogue changed. Losing it costs a poll, no more.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgListener;

use super::pause;
use crate::service::Inner;

/// What the database announces versions on.
const CHANNEL: &str = "patchbay_catalog";
const RETRY: Duration = Duration::from_secs(2);

/// Rings whenever a version is announced, until the process stops.
pub(crate) async fn listen(inner: Arc<Inner>) {
    loop {
        let stopped = tokio::select! {
            () = inner.deps.tasks.shutdown().begun() => true,
            outcome = hear(&inner) => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "catalogue announcements are not heard; polling goes on");
                }
                false
            }
        };
        if stopped || !pause(&inner, RETRY).await {
            return;
        }
    }
}

async fn hear(inner: &Inner) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(&inner.deps.pool).await?;
    listener.listen(CHANNEL).await?;
    // What was announced before this was not heard.
    inner.changed.notify_one();
    loop {
        // `None` = the connection was lost and is back; something may have been missed.
        listener.try_recv().await?;
        inner.changed.notify_one();
    }
}
