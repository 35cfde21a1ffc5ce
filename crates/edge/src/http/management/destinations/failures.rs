//! Traces that were given up: seen, and tried again.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::StatusCode;
use identity::GenerationId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::find;
use super::message::ListOfDestinations;
use crate::access::Caller;
use crate::http::management::{Asked, Data, Named, Sent, bad};
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::audit;
use crate::store::traces::{self, Failed};

const MOST: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retry))
}

/// A trace that was given up.
#[derive(Debug, Serialize, ToSchema)]
struct ObservabilityFailure {
    generation_id: String,
    queued_at: DateTime<Utc>,
    failed_at: DateTime<Utc>,
    tries: i32,
    /// Why the last try failed.
    reason: String,
}

impl From<Failed> for ObservabilityFailure {
    fn from(failed: Failed) -> Self {
        Self {
            generation_id: GenerationId::from_uuid(failed.generation).to_string(),
            queued_at: failed.queued_at,
            failed_at: failed.failed_at,
            tries: failed.tries,
            reason: failed.fault,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct ObservabilityFailures {
    data: Vec<ObservabilityFailure>,
    /// Of the whole list.
    total_count: i64,
    /// Traces that are still to be sent.
    waiting_count: i64,
}

/// List traces that a destination did not take
///
/// Newest first. They are kept for 30 days.
#[utoipa::path(get, path = "/observability/destinations/{id}/failures",
    operation_id = "listObservabilityDestinationFailures", tag = "Observability",
    params(("id" = Uuid, Path, description = "The destination's id"),
        ("offset" = Option<u32>, Query, minimum = 0, description = "How many to skip"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "How many to return; 50 by default")),
    responses((status = 200, description = "The traces", body = ObservabilityFailures)),
    security(("management_key" = ["observability.read"]), ("session" = ["observability.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<Uuid>,
    Asked(asked): Asked<ListOfDestinations>,
) -> Result<Response, Refusal> {
    let bounds = asked.bounds()?;
    let (found, total_count, waiting_count) = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            find(tx, id).await?;
            Ok::<_, Refusal>(traces::failures(tx, id, bounds).await?)
        })
    })
    .await?;
    let data = found.into_iter().map(ObservabilityFailure::from).collect();
    Ok(reply::json(StatusCode::OK, &ObservabilityFailures { data, total_count, waiting_count }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryOfFailures {
    /// Left out = all.
    #[schema(min_items = 1, max_items = 1_000)]
    generation_ids: Option<Vec<String>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ObservabilityRetried {
    /// Traces that are tried again.
    retried: u64,
}

/// Send traces again that a destination did not take
#[utoipa::path(post, path = "/observability/destinations/{id}/retry",
    operation_id = "retryObservabilityDestinationFailures", tag = "Observability",
    params(("id" = Uuid, Path, description = "The destination's id")), request_body = RetryOfFailures,
    responses((status = 200, description = "How many are tried again", body = Data<ObservabilityRetried>)),
    security(("management_key" = ["observability.write"]), ("session" = ["observability.write"])))]
async fn retry(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<Uuid>,
    Sent(sent): Sent<RetryOfFailures>,
) -> Result<Response, Refusal> {
    let wanted = sent.generation_ids.map(|ids| generations(&ids)).transpose()?;
    let retried = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            find(tx, id).await?;
            let retried = traces::retry(tx, id, wanted.as_deref()).await?;
            let details = json!({ "traces": retried });
            audit::insert(tx.connection(), &caller.does("destination.retry", id.to_string(), details))
                .await?;
            Ok::<_, Refusal>(retried)
        })
    })
    .await?;
    Ok(reply::json(StatusCode::OK, &Data { data: ObservabilityRetried { retried } }))
}

fn generations(ids: &[String]) -> Result<Vec<Uuid>, Refusal> {
    if !(1..=MOST).contains(&ids.len()) {
        return Err(bad(format!("generation_ids: use 1 to {MOST}, or leave them out for all")));
    }
    let read = ids.iter().map(|id| id.parse().ok().map(GenerationId::uuid));
    let all: Option<Vec<Uuid>> = read.collect();
    all.ok_or_else(|| bad("generation_ids: one of them is malformed"))
}
