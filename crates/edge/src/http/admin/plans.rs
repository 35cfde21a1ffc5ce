//! Plans and their versions, and which tenant is on which.

mod preview;
mod terms;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat};
use http::StatusCode;
use rpc::Channel;
use rpc::billing::plans_client::PlansClient;
use rpc::billing::{
    ListPlansRequest, MoveTenantRequest, Plan, PlanTerms, PlanVersion, PutPlanRequest, ReadPlanRequest,
    ReadTenantPlanRequest, TenantPlan,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::from_query;
use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::{self, Refusal};
use super::{Operator, read, tenant};
use crate::service::App;
use crate::store::audit;
use crate::text;
use preview::Preview;
use terms::{NewTerms, Terms};

/// Plans in one answer.
const PAGE: u32 = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, put))
        .routes(routes!(of_tenant, move_tenant))
}

fn plans(app: &App) -> PlansClient<Channel> {
    PlansClient::new(app.billing.clone()).max_decoding_message_size(rpc::MAX_MESSAGE)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// The last name of the page before.
    #[serde(default)]
    after: String,
    limit: Option<u32>,
}

/// List the plans
#[utoipa::path(get, path = "/plans", operation_id = "listPlans", tag = "Plans",
    params(Page),
    responses((status = 200, description = "The plans, by name", body = Plans)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let page: Page = from_query(&request.into_parts().0)?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    // One more than is shown tells whether there are more.
    let message = ListPlansRequest { after: page.after, limit: limit + 1 };
    let mut found = plans(&app).list_plans(message).await?.into_inner().plans;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > shown;
    found.truncate(shown);
    let next = found.last().filter(|_| has_more).map(|plan| plan.name.clone());
    let data = found.iter().map(PlanRow::of).collect();
    Ok(reply::json(StatusCode::OK, &Plans { data, next }))
}

/// Show a plan
#[utoipa::path(get, path = "/plans/{name}", operation_id = "getPlan", tag = "Plans",
    params(("name" = String, Path, description = "The plan's name")),
    responses((status = 200, description = "The plan and its versions", body = WholePlan)),
    security(("operator_token" = [])))]
async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    let plan = plans(&app).read_plan(ReadPlanRequest { name }).await?.into_inner();
    let versions = plan.versions.iter().map(VersionRow::of).collect();
    Ok(reply::json(StatusCode::OK, &WholePlan { plan: PlanRow::of(&plan), versions }))
}

/// Set a plan
///
/// Makes a plan, or a new version of it where these terms are not in force already.
#[utoipa::path(put, path = "/plans/{name}", operation_id = "putPlan", tag = "Plans",
    params(("name" = String, Path, description = "The plan's name")),
    request_body = NewTerms,
    responses((status = 200, description = "The version in force, or what the preview would cost", body = Document)),
    security(("operator_token" = [])))]
async fn put(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    text::line("name", &name, text::LONGEST_NAME)?;
    let sent: NewTerms = read(&app, request).await?;
    let terms = sent.terms()?;
    let message = PutPlanRequest {
        name: name.clone(),
        terms: Some(terms.clone()),
        actor: operator.actor.clone(),
        dry_run: sent.preview.is_some(),
    };
    let done = rpc::retry(3, || {
        let (mut plans, message) = (plans(&app), message.clone());
        async move { plans.put_plan(message).await }
    })
    .await?
    .into_inner();
    let mut body = json!({ "name": name, "version": done.version, "is_unchanged": done.is_unchanged });
    if let Some(preview) = &sent.preview {
        let before = in_force(&app, &name).await?;
        body["preview"] = preview.costs(&app, before.as_ref(), &terms).await?;
        return Ok(reply::json(StatusCode::OK, &body));
    }
    if !done.is_unchanged {
        app.announcer.terms_changed(None);
        let details = json!({ "version": done.version, "terms": Terms::of(&terms) });
        write_down(&app, operator.does("plan.put", None, name, details)).await;
    }
    Ok(reply::json(StatusCode::OK, &body))
}

/// Show the plan of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/plan", operation_id = "getTenantPlan", tag = "Plans",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "The plan and how it was come by", body = PlanOfTenant)),
    security(("operator_token" = [])))]
async fn of_tenant(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let TenantPlan { plan, moves } = tenant_plan(&app, tenant(&id)?).await?;
    let history =
        moves.into_iter().map(|one| Moved { plan: one.plan, at: time(one.at_ms), actor: one.actor });
    let body = PlanOfTenant { plan: PlanRow::of(&plan.unwrap_or_default()), history: history.collect() };
    Ok(reply::json(StatusCode::OK, &body))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlanMove)]
struct Move {
    plan: String,
    /// Says what these requests would cost, and changes nothing.
    preview: Option<Preview>,
}

/// Move an organisation to a plan
///
/// Puts a tenant on a plan, from the next request on.
#[utoipa::path(put, path = "/tenants/{tenant}/plan", operation_id = "moveTenant", tag = "Plans",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    request_body = Move,
    responses((status = 200, description = "The plan, or what the preview would cost", body = Document)),
    security(("operator_token" = [])))]
async fn move_tenant(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let sent: Move = read(&app, request).await?;
    if let Some(preview) = &sent.preview {
        let was = tenant_plan(&app, tenant).await?.plan.unwrap_or_default();
        let after = plans(&app).read_plan(ReadPlanRequest { name: sent.plan.clone() }).await?.into_inner();
        let costs = preview.costs(&app, terms(&was), terms(&after).unwrap_or(&PlanTerms::default())).await?;
        let body = json!({ "plan": sent.plan, "from": was.name, "preview": costs });
        return Ok(reply::json(StatusCode::OK, &body));
    }
    let message = MoveTenantRequest {
        tenant_id: tenant.to_string(),
        plan: sent.plan.clone(),
        actor: operator.actor.clone(),
    };
    let moved = rpc::retry(3, || {
        let (mut plans, message) = (plans(&app), message.clone());
        async move { plans.move_tenant(message).await }
    })
    .await?
    .into_inner();
    if !moved.is_unchanged {
        app.announcer.terms_changed(Some(tenant));
        let details = json!({ "from": moved.from_plan, "plan": sent.plan });
        write_down(&app, operator.does("tenant.plan", Some(tenant), tenant.to_string(), details)).await;
    }
    let body = json!({ "plan": sent.plan, "from": moved.from_plan, "is_unchanged": moved.is_unchanged });
    Ok(reply::json(StatusCode::OK, &body))
}

async fn tenant_plan(app: &App, tenant: identity::TenantId) -> Result<TenantPlan, Refusal> {
    let message = ReadTenantPlanRequest { tenant_id: tenant.to_string() };
    Ok(plans(app).read_tenant_plan(message).await?.into_inner())
}

/// The terms of a plan that are in force; `None` = there is no such plan.
async fn in_force(app: &App, name: &str) -> Result<Option<PlanTerms>, Refusal> {
    match plans(app).read_plan(ReadPlanRequest { name: name.to_owned() }).await {
        Ok(plan) => Ok(terms(&plan.into_inner()).cloned()),
        Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

/// The change is billing's and stands, whether or not it can be written down here.
async fn write_down(app: &App, entry: audit::Entry) {
    let written = match entry.tenant {
        None => audit::insert(&app.pool, &entry).await,
        Some(tenant) => {
            let entry = entry.clone();
            pg::in_tenant(&app.pool, tenant, move |tx| {
                Box::pin(async move { audit::insert(tx.connection(), &entry).await })
            })
            .await
        }
    };
    if let Err(error) = written {
        tracing::error!(error = %error, action = entry.action, "a change could not be written to the audit log");
    }
}

fn terms(plan: &Plan) -> Option<&PlanTerms> {
    plan.versions.first()?.terms.as_ref()
}

/// A plan as its newest version has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
struct PlanRow {
    name: String,
    /// Organisations on it.
    tenants: i64,
    #[serde(flatten)]
    newest: Option<VersionRow>,
}

/// A version of a plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanVersion)]
struct VersionRow {
    #[serde(flatten)]
    terms: Option<Terms>,
    version: i32,
    created_at: String,
    actor: String,
}

impl PlanRow {
    fn of(plan: &Plan) -> Self {
        let newest = plan.versions.first().map(VersionRow::of);
        Self { name: plan.name.clone(), tenants: plan.tenants, newest }
    }
}

impl VersionRow {
    fn of(version: &PlanVersion) -> Self {
        Self {
            terms: version.terms.as_ref().map(Terms::of),
            version: version.version,
            created_at: time(version.created_at_ms),
            actor: version.actor.clone(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Plans {
    data: Vec<PlanRow>,
    /// What to ask for the next page with; null = this is the last one.
    next: Option<String>,
}

/// A plan and all of its versions, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct WholePlan {
    #[serde(flatten)]
    plan: PlanRow,
    versions: Vec<VersionRow>,
}

/// The plan of an organisation, and how it was come by.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TenantPlan)]
struct PlanOfTenant {
    #[serde(flatten)]
    plan: PlanRow,
    history: Vec<Moved>,
}

/// A move to a plan.
#[derive(Debug, Serialize, ToSchema)]
struct Moved {
    plan: String,
    at: String,
    actor: String,
}

fn time(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
