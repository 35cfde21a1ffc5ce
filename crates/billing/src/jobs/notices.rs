//! Writes what tenants are to be told, and tells them.

use std::time::Duration;

use futures::future::join_all;
use identity::TenantId;

use crate::Error;
use crate::app::{App, insistently, millis};
use crate::store::notices;

/// Notices that are posted or published at once.
const BATCH: i32 = 32;
/// How much longer than a post a notice is kept from other replicas.
const MARGIN: Duration = Duration::from_secs(30);

/// Writes and publishes until the process stops.
pub(super) async fn watch(app: App, bus: Option<async_nats::Client>) {
    let shutdown = app.tasks.shutdown().clone();
    let mut looks: u32 = 0;
    while !shutdown.has_begun() {
        if !shutdown.pause(app.config.notices.every()).await {
            return;
        }
        // The first look is a whole one: what happened while nobody looked is found.
        let whole = looks.is_multiple_of(app.config.notices.full_every.max(1));
        looks = looks.wrapping_add(1);
        if let Err(error) = look(&app, bus.as_ref(), whole).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "notices could not be written");
        }
    }
}

async fn look(app: &App, bus: Option<&async_nats::Client>, whole: bool) -> Result<(), Error> {
    insistently(|| notices::write(&app.pool, whole)).await?;
    let Some(bus) = bus else { return Ok(()) };
    loop {
        let unpublished = notices::unpublished(&app.pool, BATCH).await?;
        if unpublished.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = unpublished.iter().map(|notice| notice.notice_id).collect();
        for notice in unpublished {
            let subject = rpc::subjects::notices(TenantId::from_uuid(notice.tenant_id));
            if let Err(error) = bus.publish(subject, notice.body.into()).await {
                tracing::debug!(%error, "a notice could not be published");
                return Ok(());
            }
        }
        if let Err(error) = bus.flush().await {
            tracing::debug!(%error, "notices could not be published");
            return Ok(());
        }
        notices::published(&app.pool, &ids).await?;
    }
}

/// Posts until the process stops.
pub(super) async fn deliver(app: App) {
    let shutdown = app.tasks.shutdown().clone();
    let hold = app.config.notices.timeout_ms.saturating_add(millis_of(MARGIN));
    while !shutdown.has_begun() {
        let is_full = match insistently(|| notices::take(&app.pool, BATCH, millis(hold))).await {
            Ok(taken) => {
                let is_full = taken.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX);
                for outcome in join_all(taken.iter().map(|notice| app.deliver(notice))).await {
                    if let Err(error) = outcome {
                        tracing::debug!(error = &error as &dyn std::error::Error, "a try was not kept");
                    }
                }
                is_full
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "no notices could be taken");
                false
            }
        };
        if is_full {
            continue;
        }
        if !shutdown.pause(app.config.notices.every()).await {
            return;
        }
    }
}

fn millis_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
