//! Budgets of workspaces, members and guardrails, credit lines, and what tenants are told of them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use identity::TenantId;
use pricing::Amount;
use rpc::Channel;
use rpc::billing::budgets_client::BudgetsClient;
use rpc::billing::{
    Budget, DeleteBudgetRequest, GetCreditLineRequest, ListBudgetsRequest, PutBudgetRequest, Subject,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::body::from_query;
use super::super::management::{Data, Deleted, Named};
use super::super::reply::{self, Refusal};
use super::{Operator, bad, not_found, read, tenant};
use crate::service::App;
use crate::store::{audit, workspaces};

/// Rows of a page, unless another number is asked for.
const USUAL_LIMIT: u32 = 100;
/// ... and at most.
const MOST: u32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, put, delete)).routes(routes!(credit_line))
}

/// Whose spending a budget limits.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SubjectKind {
    Workspace,
    Member,
    Guardrail,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BudgetInterval)]
enum Interval {
    Daily,
    Weekly,
    Monthly,
    Lifetime,
}

impl SubjectKind {
    fn with(self, id: Uuid) -> Subject {
        let kind = match self {
            Self::Workspace => "workspace",
            Self::Member => "member",
            Self::Guardrail => "guardrail",
        };
        Subject { kind: kind.to_owned(), id: id.to_string() }
    }
}

impl Interval {
    /// As billing names it.
    fn name(self) -> String {
        let name = match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Lifetime => "",
        };
        name.to_owned()
    }
}

pub(super) fn client(app: &App) -> BudgetsClient<Channel> {
    BudgetsClient::new(app.billing.clone())
}

/// A budget. Money is in USD.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Budget)]
struct BudgetRow {
    id: String,
    /// `workspace`, `member` or `guardrail`.
    subject_kind: String,
    subject_id: String,
    /// `daily`, `weekly`, `monthly` or `lifetime`.
    interval: String,
    limit: String,
    spent: String,
    /// By requests that are being answered.
    held: String,
    remaining: String,
    window_ends_at: Option<String>,
    /// What the organisation's own provider keys serve counts too.
    counts_own_keys: bool,
    /// Whose account it is that the budget limits, where it is another's.
    holder: Option<Holder>,
    created_at: String,
    changed_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct Holder {
    kind: String,
    id: String,
}

impl BudgetRow {
    fn of(budget: &Budget) -> Self {
        let subject = budget.subject.clone().unwrap_or_default();
        let holder = budget.holder.clone();
        let interval = if budget.interval.is_empty() { "lifetime" } else { &budget.interval };
        Self {
            id: budget.account_id.clone(),
            subject_kind: subject.kind,
            subject_id: subject.id,
            interval: interval.to_owned(),
            limit: usd(budget.limit),
            spent: usd(budget.spent),
            held: usd(budget.held),
            remaining: usd(budget.remaining),
            window_ends_at: Some(budget.window_ends_at_ms).filter(|end| *end > 0).map(time),
            counts_own_keys: budget.counts_own_keys,
            holder: holder.map(|holder| Holder { kind: holder.kind, id: holder.id }),
            created_at: time(budget.created_at_ms),
            changed_at: time(budget.changed_at_ms),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Budgets {
    data: Vec<BudgetRow>,
    /// What to ask for the next page with; null = this is the last one.
    next: Option<String>,
}

/// A credit line, in USD.
#[derive(Debug, Serialize, ToSchema)]
struct CreditLine {
    line: String,
    owed: String,
    held: String,
    available: String,
}

fn usd(nanos: i64) -> String {
    Amount::from_nanos(nanos).to_string()
}

pub(super) fn time(millis: i64) -> String {
    let at: DateTime<Utc> = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes down what an operator did; it is done, whether or not that can be.
pub(super) async fn write_down(app: &App, tenant: TenantId, entry: audit::Entry) {
    let written: Result<(), sqlx::Error> = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move { audit::insert(tx.connection(), &entry).await })
    })
    .await;
    if let Err(error) = written {
        tracing::error!(error = %error, "a change could not be written to the audit log");
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    #[param(inline)]
    subject_kind: Option<SubjectKind>,
    subject_id: Option<Uuid>,
    /// The last id of the page before.
    #[serde(default)]
    after: String,
    #[serde(default)]
    limit: u32,
}

/// List the budgets of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/budgets", operation_id = "listBudgets", tag = "Budgets",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id"), Wanted),
    responses((status = 200, description = "The budgets", body = Budgets)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let wanted: Wanted = from_query(&request.into_parts().0)?;
    let subject = match (wanted.subject_kind, wanted.subject_id) {
        (Some(kind), Some(id)) => Some(kind.with(id)),
        (None, None) => None,
        _ => return Err(bad("subject_kind and subject_id: send both, or neither")),
    };
    let limit = if wanted.limit == 0 { USUAL_LIMIT } else { wanted.limit.min(MOST) };
    let message = ListBudgetsRequest { tenant_id: tenant.to_string(), subject, after: wanted.after, limit };
    let found = rpc::retry(3, || {
        let (mut client, message) = (client(&app), message.clone());
        async move { client.list_budgets(message).await }
    })
    .await?
    .into_inner()
    .budgets;
    let data = found.iter().map(BudgetRow::of).collect();
    let is_full = u32::try_from(found.len()).is_ok_and(|rows| rows == limit);
    let next = found.last().filter(|_| is_full).map(|budget| budget.account_id.clone());
    Ok(reply::json(StatusCode::OK, &Budgets { data, next }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBudget)]
struct Put {
    subject_kind: SubjectKind,
    subject_id: Uuid,
    interval: Interval,
    /// USD as a string.
    limit: String,
    /// What own credentials serve counts, for all budgets of the subject; not sent = as it is.
    counts_own_keys: Option<bool>,
}

/// Set a budget
#[utoipa::path(put, path = "/tenants/{tenant}/budgets", operation_id = "putBudget", tag = "Budgets",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    request_body = Put,
    responses((status = 200, description = "The budget as it is now", body = Data<BudgetRow>)),
    security(("operator_token" = [])))]
async fn put(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let sent: Put = read(&app, request).await?;
    let limit: Result<Amount, _> = sent.limit.parse();
    let limit = limit.ok().filter(|limit| *limit > Amount::ZERO).ok_or_else(|| {
        bad(format!("limit: `{}` is no limit: write USD above 0, such as \"12.50\"", sent.limit))
    })?;
    if matches!(sent.subject_kind, SubjectKind::Workspace) {
        let name = sent.subject_id.to_string();
        let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, tenant, move |tx| {
            Box::pin(async move { workspaces::named(tx, &name).await })
        })
        .await;
        found?.ok_or_else(|| not_found("workspace"))?;
    }
    let subject = sent.subject_kind.with(sent.subject_id);
    let message = PutBudgetRequest {
        tenant_id: tenant.to_string(),
        subject: Some(subject.clone()),
        interval: sent.interval.name(),
        limit: limit.nanos(),
        counts_own_keys: sent.counts_own_keys,
    };
    let budget = client(&app).put_budget(message).await?.into_inner();
    let details = json!({ "interval": sent.interval.name(), "limit": limit.to_string(),
                          "counts_own_keys": sent.counts_own_keys });
    let target = format!("{}:{}", subject.kind, subject.id);
    write_down(&app, tenant, operator.does("budget.put", Some(tenant), target, details)).await;
    Ok(reply::json(StatusCode::OK, &Data { data: BudgetRow::of(&budget) }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    #[param(inline)]
    subject_kind: SubjectKind,
    subject_id: Uuid,
    #[param(inline)]
    interval: Interval,
}

/// Delete a budget
#[utoipa::path(delete, path = "/tenants/{tenant}/budgets", operation_id = "deleteBudget", tag = "Budgets",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id"), Which),
    responses((status = 200, description = "There is no such budget any more", body = Deleted)),
    security(("operator_token" = [])))]
async fn delete(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let which: Which = from_query(&request.into_parts().0)?;
    let subject = which.subject_kind.with(which.subject_id);
    let message = DeleteBudgetRequest {
        tenant_id: tenant.to_string(),
        subject: Some(subject.clone()),
        interval: which.interval.name(),
    };
    let existed = client(&app).delete_budget(message).await?.into_inner().existed;
    let details = json!({ "interval": which.interval.name(), "existed": existed });
    let target = format!("{}:{}", subject.kind, subject.id);
    write_down(&app, tenant, operator.does("budget.delete", Some(tenant), target, details)).await;
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}

/// Show the credit line of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/credit-line", operation_id = "getCreditLine", tag = "Credits",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "The credit line", body = Data<CreditLine>)),
    security(("operator_token" = [])))]
async fn credit_line(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let message = GetCreditLineRequest { tenant_id: tenant.to_string() };
    let line = rpc::retry(3, || {
        let (mut client, message) = (client(&app), message.clone());
        async move { client.get_credit_line(message).await }
    })
    .await?
    .into_inner();
    let data = CreditLine {
        line: usd(line.line),
        owed: usd(line.owed),
        held: usd(line.held),
        available: usd(line.available),
    };
    Ok(reply::json(StatusCode::OK, &Data { data }))
}
