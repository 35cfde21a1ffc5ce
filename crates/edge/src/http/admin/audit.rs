//! The record of what was changed, by whom.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::management::Asked;
use super::super::reply::{self, Refusal};
use super::Operator;
use crate::service::App;
use crate::store::audit::{self, Kept, Wanted};

/// Rows of a page, unless another number is asked for, and at most.
const USUAL_LIMIT: u16 = 100;
const MOST: u16 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of this organisation alone.
    tenant: Option<Uuid>,
    /// `operator:name`, `key:id` or `user:id`.
    actor: Option<String>,
    /// Such as `key.create`.
    action: Option<String>,
    target: Option<String>,
    since: Option<DateTime<Utc>>,
    /// The last id of the page before.
    after: Option<Uuid>,
    #[serde(default)]
    limit: u16,
}

/// A change.
#[derive(Debug, Serialize, ToSchema)]
struct AuditEntry {
    id: String,
    at: String,
    /// Null for what belongs to the platform.
    tenant_id: Option<String>,
    actor: String,
    action: String,
    target: String,
    /// What was asked for, without secrets.
    #[schema(value_type = Object)]
    details: Value,
}

impl AuditEntry {
    fn of(kept: Kept) -> Self {
        Self {
            id: kept.id.to_string(),
            at: kept.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            tenant_id: kept.tenant.map(|id| id.to_string()),
            actor: kept.actor,
            action: kept.action,
            target: kept.target,
            details: kept.details,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct AuditEntries {
    data: Vec<AuditEntry>,
    /// What to ask for the next page with; null = this is the last one.
    next: Option<String>,
}

/// List what was changed
#[utoipa::path(get, path = "/audit", operation_id = "listAudit", tag = "Audit", params(Filter),
    responses((status = 200, description = "The changes, newest first", body = AuditEntries)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Asked(filter): Asked<Filter>,
) -> Result<Response, Refusal> {
    let limit = if filter.limit == 0 { USUAL_LIMIT } else { filter.limit.min(MOST) };
    let wanted = Wanted {
        tenant: filter.tenant,
        actor: filter.actor,
        action: filter.action,
        target: filter.target,
        since: filter.since,
        before: filter.after,
        limit: i32::from(limit),
    };
    let data: Vec<AuditEntry> =
        audit::page(&app.pool, wanted).await?.into_iter().map(AuditEntry::of).collect();
    let is_full = data.len() == usize::from(limit);
    let next = data.last().filter(|_| is_full).map(|entry| entry.id.clone());
    Ok(reply::json(StatusCode::OK, &AuditEntries { data, next }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// The chain of this organisation; zeros = the platform's own. Absent = all chains.
    tenant: Option<Uuid>,
}

/// Where a chain is first at fault.
#[derive(Debug, Serialize, ToSchema)]
struct AuditFault {
    /// Zeros = the platform's own chain.
    tenant_id: String,
    /// Of the entry in its chain, from 1; null for one that has none.
    position: Option<i64>,
    entry_id: Option<String>,
    /// What is wrong with the entry.
    fault: String,
}

/// What a look at the chains came to.
#[derive(Debug, Serialize, ToSchema)]
struct AuditVerification {
    is_whole: bool,
    /// One of each chain that is not whole: the first.
    faults: Vec<AuditFault>,
    /// Changes that are sealed, of everybody.
    sealed: i64,
    /// Changes that are not sealed yet, of everybody.
    waiting: i64,
    sealed_at: String,
}

/// Verify the record of changes
///
/// Computes the hash chains anew and names the first entry of each chain that is not what was sealed.
#[utoipa::path(get, path = "/audit/verify", operation_id = "verifyAudit", tag = "Audit", params(Whose),
    responses((status = 200, description = "What was found", body = AuditVerification)),
    security(("operator_token" = [])))]
async fn verify(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Asked(Whose { tenant }): Asked<Whose>,
) -> Result<Response, Refusal> {
    let faults: Vec<AuditFault> = audit::verify(&app.pool, tenant)
        .await?
        .into_iter()
        .map(|found| AuditFault {
            tenant_id: found.tenant.to_string(),
            position: found.position,
            entry_id: found.entry.map(|id| id.to_string()),
            fault: found.fault,
        })
        .collect();
    let sealing = audit::sealing(&app.pool).await?;
    let body = AuditVerification {
        is_whole: faults.is_empty(),
        faults,
        sealed: sealing.sealed,
        waiting: sealing.waiting,
        sealed_at: sealing.sealed_at.to_rfc3339_opts(SecondsFormat::Millis, true),
    };
    Ok(reply::json(StatusCode::OK, &body))
}
