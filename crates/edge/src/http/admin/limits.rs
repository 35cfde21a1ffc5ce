//! What is allowed of all keys of an organisation together.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::management::Named;
use super::super::reply::{self, Refusal};
use super::{Operator, not_found, read, tenant};
use crate::keys;
use crate::limits::Ceilings;
use crate::service::App;
use crate::store::{audit, ceilings};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show, put))
}

/// The limits of an organisation, over all of its keys. Null = the platform's default.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantLimits)]
struct Sent {
    /// Requests per minute.
    #[schema(minimum = 1)]
    rate_limit_rpm: Option<u32>,
    /// Tokens per minute.
    #[schema(minimum = 1)]
    rate_limit_tpm: Option<u32>,
    /// Requests at once.
    #[schema(minimum = 1)]
    max_concurrent: Option<u32>,
}

impl From<Ceilings> for Sent {
    fn from(ceilings: Ceilings) -> Self {
        Self {
            rate_limit_rpm: ceilings.requests_per_minute,
            rate_limit_tpm: ceilings.tokens_per_minute,
            max_concurrent: ceilings.concurrent,
        }
    }
}

/// Show the rate limits of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/limits", operation_id = "getTenantLimits", tag = "Tenants",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "The limits", body = Sent)),
    security(("operator_token" = [])))]
async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let found: Result<_, sqlx::Error> =
        pg::in_tenant(&app.pool, tenant(&id)?, |tx| Box::pin(async move { ceilings::find(tx).await })).await;
    let ceilings = found?.ok_or_else(|| not_found("tenant"))?;
    Ok(reply::json(StatusCode::OK, &Sent::from(ceilings)))
}

/// Set the rate limits of an organisation
///
/// They hold for all of its keys together, beside the limits of each. What is left out is the platform's default.
#[utoipa::path(put, path = "/tenants/{tenant}/limits", operation_id = "putTenantLimits", tag = "Tenants",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    request_body = Sent,
    responses((status = 200, description = "The limits as they are now", body = Sent)),
    security(("operator_token" = [])))]
async fn put(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let sent: Sent = read(&app, request).await?;
    let limits = keys::ceilings(Ceilings {
        requests_per_minute: sent.rate_limit_rpm,
        tokens_per_minute: sent.rate_limit_tpm,
        concurrent: sent.max_concurrent,
    })?;
    let details = json!({ "limits": &sent });
    let entry = operator.does("tenant.limits", Some(tenant), tenant.to_string(), details);
    let is_there: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            let is_there = ceilings::put(tx, limits).await?;
            if is_there {
                audit::insert(tx.connection(), &entry).await?;
            }
            Ok(is_there)
        })
    })
    .await;
    if !is_there? {
        return Err(not_found("tenant"));
    }
    app.announcer.tenant_changed(tenant).await;
    Ok(reply::json(StatusCode::OK, &Sent::from(limits)))
}
