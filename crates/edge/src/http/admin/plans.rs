//! Plans and their versions, and which tenant is on which.

mod preview;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat};
use http::StatusCode;
use pricing::Amount;
use rpc::Channel;
use rpc::billing::plans_client::PlansClient;
use rpc::billing::{
    ListPlansRequest, MoveTenantRequest, Plan, PlanTerms, PlanVersion, PutPlanRequest, ReadPlanRequest,
    ReadTenantPlanRequest, TenantPlan,
};
use rpc::pricing::MarkupOverride;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::from_query;
use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::{self, Refusal};
use super::{Operator, bad, read, tenant};
use crate::service::App;
use crate::store::audit;
use preview::Preview;

/// Plans in one answer.
const PAGE: u32 = 100;
/// What own credentials cost where a body does not say: five percent of the list price.
const OWN_KEY_FEE: u32 = 500;
/// What of it is free each month: 25,000 USD at list price.
const OWN_KEY_ALLOWANCE: &str = "25000";

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
    responses((status = 200, description = "The plans, by name", body = Document)),
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
    let data: Vec<Value> = found.iter().map(newest).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "data": data, "next": next })))
}

/// Show a plan
#[utoipa::path(get, path = "/plans/{name}", operation_id = "getPlan", tag = "Plans",
    params(("name" = String, Path, description = "The plan's name")),
    responses((status = 200, description = "The plan and its versions", body = Document)),
    security(("operator_token" = [])))]
async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    let plan = plans(&app).read_plan(ReadPlanRequest { name }).await?.into_inner();
    let mut body = newest(&plan);
    body["versions"] = plan.versions.iter().map(version).collect();
    Ok(reply::json(StatusCode::OK, &body))
}

/// What a version says; what is left out is the default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct NewTerms {
    markup_basis_points: i32,
    markup_overrides: Vec<Override>,
    purchase_fee: PurchaseFee,
    own_keys: OwnKeys,
    payment: Payment,
    /// USD as a string; of postpaid plans alone.
    credit_limit: String,
    currency: Currency,
    /// Says what these requests would cost, and changes nothing.
    preview: Option<Preview>,
}

impl Default for NewTerms {
    fn default() -> Self {
        Self {
            markup_basis_points: 0,
            markup_overrides: Vec::new(),
            purchase_fee: PurchaseFee::default(),
            own_keys: OwnKeys::default(),
            payment: Payment::Prepaid,
            credit_limit: "0".to_owned(),
            currency: Currency::Usd,
            preview: None,
        }
    }
}

#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = MarkupOverride)]
struct Override {
    provider: String,
    model: String,
    basis_points: i32,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct PurchaseFee {
    basis_points: u32,
    /// USD as a string.
    minimum: String,
}

impl Default for PurchaseFee {
    fn default() -> Self {
        Self { basis_points: 0, minimum: "0".to_owned() }
    }
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct OwnKeys {
    fee_basis_points: u32,
    /// USD at list price as a string; `null` = none.
    monthly_allowance: Option<String>,
}

impl Default for OwnKeys {
    fn default() -> Self {
        Self { fee_basis_points: OWN_KEY_FEE, monthly_allowance: Some(OWN_KEY_ALLOWANCE.to_owned()) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PaymentTerms)]
enum Payment {
    Prepaid,
    Postpaid,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
enum Currency {
    #[serde(rename = "USD")]
    Usd,
}

impl NewTerms {
    fn terms(&self) -> Result<PlanTerms, Refusal> {
        // There is one, and whoever names another is told so when the body is read.
        let Currency::Usd = self.currency;
        let allowance = self.own_keys.monthly_allowance.as_deref();
        let over = |one: &Override| MarkupOverride {
            provider: one.provider.clone(),
            model: one.model.clone(),
            basis_points: one.basis_points,
        };
        Ok(PlanTerms {
            markup_basis_points: self.markup_basis_points,
            markup_overrides: self.markup_overrides.iter().map(over).collect(),
            purchase_fee_basis_points: self.purchase_fee.basis_points,
            purchase_fee_minimum: amount(&self.purchase_fee.minimum, "purchase_fee.minimum")?,
            own_key_fee_basis_points: self.own_keys.fee_basis_points,
            own_key_allowance: allowance
                .map(|text| amount(text, "own_keys.monthly_allowance"))
                .transpose()?,
            is_postpaid: self.payment == Payment::Postpaid,
            credit_limit: amount(&self.credit_limit, "credit_limit")?,
        })
    }
}

/// Nano-USD of an amount in USD.
fn amount(text: &str, name: &str) -> Result<i64, Refusal> {
    let amount: Option<Amount> = text.parse().ok();
    let amount = amount.filter(|amount| *amount >= Amount::ZERO);
    let amount = amount.ok_or_else(|| {
        bad(format!("{name}: `{text}` is no amount: write USD, not below 0, such as \"25.00\""))
    });
    Ok(amount?.nanos())
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
        let details = json!({ "version": done.version, "terms": told(&terms) });
        write_down(&app, operator.does("plan.put", None, name, details)).await;
    }
    Ok(reply::json(StatusCode::OK, &body))
}

/// Show the plan of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/plan", operation_id = "getTenantPlan", tag = "Plans",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "The plan and how it was come by", body = Document)),
    security(("operator_token" = [])))]
async fn of_tenant(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let TenantPlan { plan, moves } = tenant_plan(&app, tenant(&id)?).await?;
    let moves: Vec<Value> = moves
        .iter()
        .map(|one| json!({ "plan": one.plan, "at": time(one.at_ms), "actor": one.actor }))
        .collect();
    let mut body = newest(&plan.unwrap_or_default());
    body["history"] = moves.into();
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

/// A plan with what its newest version says.
fn newest(plan: &Plan) -> Value {
    let mut body = plan.versions.first().map_or_else(|| json!({}), version);
    body["name"] = plan.name.as_str().into();
    body["tenants"] = plan.tenants.into();
    body
}

fn version(version: &PlanVersion) -> Value {
    let mut body = version.terms.as_ref().map_or_else(|| json!({}), told);
    body["version"] = version.version.into();
    body["created_at"] = time(version.created_at_ms).into();
    body["actor"] = version.actor.as_str().into();
    body
}

fn told(terms: &PlanTerms) -> Value {
    let usd = |nanos: i64| Amount::from_nanos(nanos).to_string();
    let overrides: Vec<Value> = terms
        .markup_overrides
        .iter()
        .map(|one| json!({ "provider": one.provider, "model": one.model, "basis_points": one.basis_points }))
        .collect();
    json!({
        "markup_basis_points": terms.markup_basis_points,
        "markup_overrides": overrides,
        "purchase_fee": {
            "basis_points": terms.purchase_fee_basis_points,
            "minimum": usd(terms.purchase_fee_minimum),
        },
        "own_keys": {
            "fee_basis_points": terms.own_key_fee_basis_points,
            "monthly_allowance": terms.own_key_allowance.map(usd),
        },
        "payment": if terms.is_postpaid { "postpaid" } else { "prepaid" },
        "credit_limit": usd(terms.credit_limit),
        "currency": "USD",
    })
}

fn time(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
