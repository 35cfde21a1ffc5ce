//! Erasing an organisation.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::management::{Data, Named, Sent};
use super::super::reply::{self, Refusal, UserFacing};
use super::{Operator, bad, known, not_found, tenant};
use crate::erasure::{self, Error, PLAN};
use crate::service::App;
use crate::store::erasures;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(erase)).routes(routes!(show))
}

impl UserFacing for Error {
    fn refusal(self) -> Refusal {
        match self {
            Self::Unknown => not_found("tenant"),
            Self::Unconfirmed => bad("confirm: write the organisation's slug"),
            Self::Database(error) => error.into(),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EraseTenant {
    /// The organisation's slug, so that no other one is meant.
    confirm: String,
}

/// What becomes of the organisation's rows in a table.
#[derive(Debug, Serialize, ToSchema)]
struct ErasedTable {
    /// With its schema.
    name: &'static str,
    /// `deleted`, `blanked` or `kept`.
    fate: &'static str,
    because: &'static str,
}

/// An erasure as it stands.
#[derive(Debug, Serialize, ToSchema)]
struct Erasure {
    tenant_id: String,
    /// `erasing` while something is under way that has not settled, then `erased`.
    state: &'static str,
    requested_at: String,
    requested_by: String,
    finished_at: Option<String>,
    /// Leases that are open, and accounts of requests that wait.
    unsettled: i64,
    /// Billing's tables are in the reference.
    tables: Vec<ErasedTable>,
}

impl Erasure {
    fn of(tenant_id: String, found: erasures::Erasure) -> Self {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let tables = PLAN.iter().map(|rule| ErasedTable {
            name: rule.table,
            fate: rule.fate.as_str(),
            because: rule.because,
        });
        Self {
            tenant_id,
            state: if found.finished_at.is_some() { "erased" } else { "erasing" },
            requested_at: time(found.requested_at),
            requested_by: found.requested_by,
            finished_at: found.finished_at.map(time),
            unsettled: found.unsettled,
            tables: tables.collect(),
        }
    }
}

/// The erasure of an organisation, if there is one.
#[derive(Debug, Serialize, ToSchema)]
struct AnyErasure {
    /// Null where none was asked for.
    data: Option<Erasure>,
}

async fn find(app: &App, id: &str) -> Result<Option<Erasure>, Refusal> {
    let found = pg::in_tenant(&app.pool, tenant(id)?, |tx| Box::pin(erasures::find(tx))).await?;
    Ok(found.map(|found| Erasure::of(id.to_owned(), found)))
}

/// Erase an organisation
///
/// There is no way back. Its keys and sessions end at once; docs/reference/erasure.md says what goes and what stays.
#[utoipa::path(post, path = "/tenants/{tenant}/erase", operation_id = "eraseTenant", tag = "Tenants",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    request_body = EraseTenant,
    responses((status = 202, description = "How far the erasure is", body = Data<Erasure>)),
    security(("operator_token" = [])))]
async fn erase(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    Sent(sent): Sent<EraseTenant>,
) -> Result<Response, Refusal> {
    erasure::begin(&app, &operator, tenant(&id)?, sent.confirm).await.map_err(UserFacing::refusal)?;
    let data = find(&app, &id).await?.ok_or_else(|| not_found("erasure"))?;
    Ok(reply::json(StatusCode::ACCEPTED, &Data { data }))
}

/// Show the erasure of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/erasure", operation_id = "getTenantErasure", tag = "Tenants",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "How far the erasure is; null where none was asked for", body = AnyErasure)),
    security(("operator_token" = [])))]
async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let data = find(&app, &id).await?;
    if data.is_none() {
        known(&app, tenant(&id)?).await?;
    }
    Ok(reply::json(StatusCode::OK, &AnyErasure { data }))
}
