//! Settled usage queued for whoever wants it.
//!
//! Billing passes settlements on from mark to mark, each once. A page is queued and the mark moved in one statement, so
//! that whichever edge does it, and whatever becomes of that, each generation is queued once.

use std::time::Duration;

use lifecycle::Tasks;
use prost::Message as _;
use rpc::billing::usage_reports_client::UsageReportsClient;
use rpc::billing::{ListSettledRequest, ListSettledResponse};
use uuid::Uuid;

use super::{Outbox, place};
use crate::store::traces::{self, Queued};

/// How long reading on is one edge's; then it is taken to have died.
const TAKEN: Duration = Duration::from_secs(30);

/// The next page could not be queued, and will be later.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("billing: {0}")]
    Billing(Box<tonic::Status>),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

pub(super) fn run(tasks: &Tasks, outbox: Outbox) {
    let shutdown = tasks.shutdown().clone();
    tasks.spawn(async move {
        while !shutdown.has_begun() {
            match collect(&outbox).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::debug!(error = %error, "traces wait to be queued"),
            }
            shutdown.pause(outbox.config.poll_ms.get()).await;
        }
    });
}

/// Queues a page. Whether there are more.
async fn collect(outbox: &Outbox) -> Result<bool, Error> {
    let Some(begun) = traces::take_mark(&outbox.pool, TAKEN).await? else { return Ok(false) };
    let request = ListSettledRequest {
        mark: begun.mark.clone(),
        tenant_ids: begun.tenants.iter().map(ToString::to_string).collect(),
    };
    let answer = UsageReportsClient::new(outbox.billing.clone()).list_settled(request).await;
    let page = answer.map_err(|status| Error::Billing(Box::new(status)))?.into_inner();
    let moved = traces::queue(&outbox.pool, (&begun.mark, &page.mark), &queued(&page)).await?;
    Ok(moved && page.more)
}

fn queued(page: &ListSettledResponse) -> Queued {
    let mut queued = Queued::default();
    for record in page.rows.iter().filter_map(|row| row.record.as_ref()) {
        let id = |text: &str| text.parse::<Uuid>().ok();
        // What was settled before records named workspaces is nobody's trace.
        let (Some(tenant), Some(workspace), Some(generation)) =
            (id(&record.tenant_id), id(&record.workspace_id), id(&record.generation_id))
        else {
            continue;
        };
        queued.tenants.push(tenant);
        queued.workspaces.push(workspace);
        queued.keys.push(id(&record.key_id));
        queued.generations.push(generation);
        queued.places.push(place(&record.session_id, &record.generation_id));
        queued.records.push(record.encode_to_vec());
    }
    queued
}
