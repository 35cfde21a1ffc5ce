//! Feature flags: for everybody, and for one organisation.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use identity::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::management::{Data, Named, Sent};
use super::super::reply::{self, Refusal};
use super::{Operator, not_found, tenant};
use crate::flags::Flag;
use crate::service::App;
use crate::store::flags::{self as stored, Turned};
use crate::store::{audit, organisations};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, put))
        .routes(routes!(list_of_tenant))
        .routes(routes!(show_of_tenant, put_of_tenant))
}

/// A flag.
#[derive(Debug, Serialize, ToSchema)]
struct FeatureFlag {
    name: String,
    description: String,
    /// What it is while nobody says otherwise.
    default: bool,
    /// What was said for everybody; null = nothing.
    everybody: Option<bool>,
    /// What was said for the organisation; null = nothing, or no organisation was asked about.
    tenant: Option<bool>,
    /// What it comes to.
    is_on: bool,
}

impl FeatureFlag {
    fn of(flag: Flag, turned: &[Turned]) -> Self {
        let said = |is_everybodys: bool| {
            let mut said =
                turned.iter().filter(|one| one.name == flag.as_str() && one.tenant.is_nil() == is_everybodys);
            said.next().map(|one| one.is_on)
        };
        let (everybody, tenant) = (said(true), said(false));
        Self {
            name: flag.as_str().to_owned(),
            description: flag.description().to_owned(),
            default: flag.is_on_by_default(),
            everybody,
            tenant,
            is_on: tenant.or(everybody).unwrap_or(flag.is_on_by_default()),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct FeatureFlags {
    data: Vec<FeatureFlag>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlagChange)]
struct Turn {
    /// Null takes back what was said.
    is_on: Option<bool>,
}

/// What was said for everybody, and for an organisation that there is.
async fn turned(app: &App, of: Option<TenantId>) -> Result<Vec<Turned>, Refusal> {
    let Some(of) = of else {
        return Ok(stored::all(&mut *app.pool.acquire().await?, Uuid::nil()).await?);
    };
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, of, move |tx| {
        Box::pin(async move {
            let name = organisations::name(tx).await?;
            Ok((name, stored::all(tx.connection(), of.uuid()).await?))
        })
    })
    .await;
    let (name, turned) = found?;
    name.map(|_| turned).ok_or_else(|| not_found("tenant"))
}

async fn all(app: &App, of: Option<TenantId>) -> Result<Response, Refusal> {
    let turned = turned(app, of).await?;
    let data = Flag::ALL.into_iter().map(|flag| FeatureFlag::of(flag, &turned)).collect();
    Ok(reply::json(StatusCode::OK, &FeatureFlags { data }))
}

async fn one(app: &App, name: &str, of: Option<TenantId>) -> Result<Response, Refusal> {
    let flag = Flag::named(name).ok_or_else(|| not_found("flag"))?;
    let data = FeatureFlag::of(flag, &turned(app, of).await?);
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

async fn turn(
    app: &App,
    operator: &Operator,
    name: &str,
    of: Option<TenantId>,
    is_on: Option<bool>,
) -> Result<Response, Refusal> {
    let flag = Flag::named(name).ok_or_else(|| not_found("flag"))?;
    // Whether there is such an organisation.
    turned(app, of).await?;
    let entry = operator.does("flag.put", of, flag.as_str(), json!({ "is_on": is_on }));
    let actor = operator.actor.clone();
    // The platform's own changes are written in a transaction of no organisation.
    let bound = of.unwrap_or_else(|| TenantId::from_uuid(Uuid::nil()));
    let done: Result<(), sqlx::Error> = pg::in_tenant(&app.pool, bound, move |tx| {
        Box::pin(async move {
            audit::insert(tx.connection(), &entry).await?;
            stored::put(tx.connection(), flag, of, is_on, &actor).await
        })
    })
    .await;
    done?;
    match of {
        Some(of) => app.announcer.tenant_changed(of).await,
        None => app.announcer.terms_changed(None),
    }
    one(app, name, of).await
}

/// List the feature flags
#[utoipa::path(get, path = "/flags", operation_id = "listFlags", tag = "Flags",
    responses((status = 200, description = "The flags, as they are for everybody", body = FeatureFlags)),
    security(("operator_token" = [])))]
async fn list(_operator: Operator, State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    all(&app, None).await
}

/// Show a feature flag
#[utoipa::path(get, path = "/flags/{name}", operation_id = "getFlag", tag = "Flags",
    params(("name" = String, Path, description = "The flag's name")),
    responses((status = 200, description = "The flag, as it is for everybody", body = Data<FeatureFlag>)),
    security(("operator_token" = [])))]
async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    one(&app, &name, None).await
}

/// Turn a feature flag on or off for everybody
#[utoipa::path(put, path = "/flags/{name}", operation_id = "putFlag", tag = "Flags",
    params(("name" = String, Path, description = "The flag's name")),
    request_body = Turn,
    responses((status = 200, description = "The flag as it is now", body = Data<FeatureFlag>)),
    security(("operator_token" = [])))]
async fn put(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    Sent(sent): Sent<Turn>,
) -> Result<Response, Refusal> {
    turn(&app, &operator, &name, None, sent.is_on).await
}

/// List the feature flags of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/flags", operation_id = "listTenantFlags", tag = "Flags",
    params(("tenant" = Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "The flags, as they are for it", body = FeatureFlags)),
    security(("operator_token" = [])))]
async fn list_of_tenant(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    all(&app, Some(tenant(&id)?)).await
}

/// Show a feature flag of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/flags/{name}", operation_id = "getTenantFlag", tag = "Flags",
    params(("tenant" = Uuid, Path, description = "The organisation's id"),
        ("name" = String, Path, description = "The flag's name")),
    responses((status = 200, description = "The flag, as it is for it", body = Data<FeatureFlag>)),
    security(("operator_token" = [])))]
async fn show_of_tenant(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named((id, name)): Named<(String, String)>,
) -> Result<Response, Refusal> {
    one(&app, &name, Some(tenant(&id)?)).await
}

/// Turn a feature flag on or off for an organisation
#[utoipa::path(put, path = "/tenants/{tenant}/flags/{name}", operation_id = "putTenantFlag", tag = "Flags",
    params(("tenant" = Uuid, Path, description = "The organisation's id"),
        ("name" = String, Path, description = "The flag's name")),
    request_body = Turn,
    responses((status = 200, description = "The flag as it is now", body = Data<FeatureFlag>)),
    security(("operator_token" = [])))]
async fn put_of_tenant(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named((id, name)): Named<(String, String)>,
    Sent(sent): Sent<Turn>,
) -> Result<Response, Refusal> {
    turn(&app, &operator, &name, Some(tenant(&id)?), sent.is_on).await
}
