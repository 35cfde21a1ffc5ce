//! What was changed in the organisation, for its owners and admins.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::access::Caller;
use crate::http::management::Asked;
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::audit::{self, Kept};

/// Changes of a page, unless another number is asked for, and at most.
const USUAL_LIMIT: u16 = 50;
const MOST: u16 = 500;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The `next` of the page before.
    after: Option<Uuid>,
    /// 50 unless it is said, at most 500.
    #[serde(default)]
    limit: u16,
}

/// A change.
#[derive(Debug, Serialize, ToSchema)]
struct AuditedChange {
    id: String,
    at: DateTime<Utc>,
    /// `user:`, `key:` or `operator:` and who it was.
    actor: String,
    action: String,
    target: String,
    /// What was asked for, without secrets.
    #[schema(value_type = Object)]
    details: Value,
}

impl AuditedChange {
    fn of(kept: Kept) -> Self {
        let Kept { id, at, actor, action, target, details, .. } = kept;
        Self { id: id.to_string(), at, actor, action, target, details }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct AuditedChanges {
    data: Vec<AuditedChange>,
    /// What to ask for the next page with; null = this is the last one.
    next: Option<String>,
}

/// List what was changed in the organisation
#[utoipa::path(get, path = "/audit", operation_id = "listOrganizationAudit", tag = "Audit", params(Wanted),
    responses((status = 200, description = "The changes, newest first", body = AuditedChanges)),
    security(("session" = ["audit.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let limit = if wanted.limit == 0 { USUAL_LIMIT } else { wanted.limit.min(MOST) };
    let found: Result<Vec<Kept>, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { audit::page_of_tenant(tx, wanted.after, i64::from(limit)).await })
    })
    .await;
    let data: Vec<AuditedChange> = found?.into_iter().map(AuditedChange::of).collect();
    let is_full = data.len() == usize::from(limit);
    let next = data.last().filter(|_| is_full).map(|change| change.id.clone());
    Ok(reply::json(StatusCode::OK, &AuditedChanges { data, next }))
}
