//! Organisations.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::SecondsFormat;
use http::StatusCode;
use identity::TenantId;
use rpc::billing::OpenTenantRequest;
use rpc::billing::billing_client::BillingClient;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::body::from_query;
use super::super::reply::{self, Refusal};
use super::{Operator, bad, read};
use crate::service::App;
use crate::store::{audit, organisations};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create))
}

/// A markup of a hundred percent; more is a slip of the pen.
const MAX_MARKUP: i32 = 10_000;

/// Organisations in one answer.
const MAX_LISTED: i32 = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Page {
    /// The last id of the page before.
    #[serde(default)]
    after: Uuid,
}

/// An organisation.
#[derive(Debug, Serialize, ToSchema)]
struct Tenant {
    id: String,
    slug: String,
    name: String,
    created_at: String,
}

impl Tenant {
    fn of(found: &organisations::Organisation) -> Self {
        Self {
            id: found.id.to_string(),
            slug: found.slug.clone(),
            name: found.name.clone(),
            created_at: found.created_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Tenants {
    data: Vec<Tenant>,
}

#[derive(Debug, Serialize, ToSchema)]
struct CreatedTenant {
    id: String,
    slug: String,
    name: String,
    /// As it was asked for; empty = the default plan.
    plan: String,
    /// Of its credit, in the ledger.
    account_id: String,
}

/// List the organisations
#[utoipa::path(get, path = "/tenants", operation_id = "listTenants", tag = "Tenants",
    params(Page),
    responses((status = 200, description = "The organisations, by id", body = Tenants)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let page: Page = from_query(&request.into_parts().0)?;
    let found = organisations::after(&app.pool, page.after, MAX_LISTED).await?;
    let data = found.iter().map(Tenant::of).collect();
    Ok(reply::json(StatusCode::OK, &Tenants { data }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    name: String,
    /// Lower-case letters, digits and dashes.
    slug: String,
    /// The plan's name; absent = the default plan.
    #[serde(default)]
    plan: String,
    /// Of a plan that is new, in hundredths of a percent.
    #[serde(default)]
    markup_basis_points: i32,
}

/// Create an organisation
#[utoipa::path(post, path = "/tenants", operation_id = "createTenant", tag = "Tenants",
    request_body = NewTenant,
    responses((status = 201, description = "The organisation", body = CreatedTenant)),
    security(("operator_token" = [])))]
async fn create(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent: NewTenant = read(&app, request).await?;
    let is_slug = |text: &str| {
        (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !is_slug(&sent.slug) {
        return Err(bad("slug: use 1 to 63 lower-case letters, digits and dashes"));
    }
    if !(0..=MAX_MARKUP).contains(&sent.markup_basis_points) {
        return Err(bad("markup_basis_points: from 0 to 10000"));
    }
    let tenant = TenantId::generate();
    // Billing first: an account without an organisation is nothing, the other way round is a 402 for ever.
    let message = OpenTenantRequest {
        tenant_id: tenant.to_string(),
        plan: sent.plan.clone(),
        markup_basis_points: sent.markup_basis_points,
    };
    let account = BillingClient::new(app.billing.clone()).open_tenant(message).await?.into_inner().account_id;
    let details = json!({ "slug": sent.slug, "name": sent.name, "plan": sent.plan });
    let entry = operator.does("tenant.create", Some(tenant), tenant.to_string(), details);
    let (slug, name) = (sent.slug.clone(), sent.name.clone());
    pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            organisations::insert(tx, &slug, &name).await?;
            audit::insert(tx.connection(), &entry).await
        })
    })
    .await?;
    let body = CreatedTenant {
        id: tenant.to_string(),
        slug: sent.slug,
        name: sent.name,
        plan: sent.plan,
        account_id: account,
    };
    Ok(reply::json(StatusCode::CREATED, &body))
}
