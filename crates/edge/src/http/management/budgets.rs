//! Budgets of workspaces.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::StatusCode;
use pricing::Amount;
use rpc::Channel;
use rpc::billing::budgets_client::BudgetsClient;
use rpc::billing::{DeleteBudgetRequest, ListBudgetsRequest, ListBudgetsResponse, PutBudgetRequest, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Deleted, Named, Sent, bad, not_found};
use crate::access::Caller;
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::{audit, workspaces};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, put, delete))
}

/// A budget of a workspace.
#[derive(Debug, Serialize, ToSchema)]
struct Budget {
    id: String,
    workspace_id: Option<String>,
    /// In USD.
    #[schema(value_type = f64)]
    limit_usd: Number,
    /// `daily`, `weekly` or `monthly`; null = the limit is for ever.
    reset_interval: Option<String>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
}

impl Budget {
    fn of(budget: &rpc::billing::Budget) -> Self {
        Self {
            id: budget.account_id.clone(),
            workspace_id: budget.subject.as_ref().map(|subject| subject.id.clone()),
            limit_usd: Amount::from_nanos(budget.limit).to_json_number(),
            reset_interval: Some(budget.interval.clone()).filter(|interval| !interval.is_empty()),
            created_at: DateTime::from_timestamp_millis(budget.created_at_ms),
            updated_at: DateTime::from_timestamp_millis(budget.changed_at_ms),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct OneBudget {
    data: Budget,
    include_byok_in_budgets: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct Budgets {
    data: Vec<Budget>,
    include_byok_in_budgets: bool,
}

/// A workspace of the caller's organisation.
struct Place<'a> {
    app: &'a App,
    caller: &'a Caller,
    workspace: Uuid,
}

impl<'a> Place<'a> {
    async fn find(app: &'a App, caller: &'a Caller, name: String) -> Result<Self, Refusal> {
        let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
            Box::pin(async move { workspaces::named(tx, &name).await })
        })
        .await;
        let workspace = found?.ok_or_else(not_found)?;
        Ok(Self { app, caller, workspace })
    }

    fn subject(&self) -> Subject {
        Subject { kind: "workspace".to_owned(), id: self.workspace.to_string() }
    }

    async fn budgets(&self) -> Result<ListBudgetsResponse, Refusal> {
        let message = ListBudgetsRequest {
            tenant_id: self.caller.tenant.to_string(),
            subject: Some(self.subject()),
            ..ListBudgetsRequest::default()
        };
        let found = rpc::retry(3, || {
            let (mut client, message) = (client(self.app), message.clone());
            async move { client.list_budgets(message).await }
        });
        Ok(found.await?.into_inner())
    }

    /// Writes down what the caller did to a budget.
    async fn did(&self, action: &'static str, details: Value) {
        let entry = self.caller.does(action, format!("workspace:{}", self.workspace), details);
        let written: Result<(), sqlx::Error> = pg::in_tenant(&self.app.pool, self.caller.tenant, move |tx| {
            Box::pin(async move { audit::insert(tx.connection(), &entry).await })
        })
        .await;
        if let Err(error) = written {
            tracing::error!(error = %error, "a change of a budget could not be written to the audit log");
        }
    }
}

fn client(app: &App) -> BudgetsClient<Channel> {
    BudgetsClient::new(app.billing.clone())
}

/// An interval of a path as billing names it.
fn interval(text: &str) -> Result<&str, Refusal> {
    match text {
        "daily" | "weekly" | "monthly" => Ok(text),
        "lifetime" => Ok(""),
        _ => Err(bad("interval: use daily, weekly, monthly or lifetime")),
    }
}

/// List the budgets of a workspace
#[utoipa::path(get, path = "/workspaces/{id}/budgets", operation_id = "listWorkspaceBudgets", tag = "Workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    responses((status = 200, description = "The budgets", body = Budgets)),
    security(("management_key" = ["budgets.read"]), ("session" = ["budgets.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(workspace): Named<String>,
) -> Result<Response, Refusal> {
    let found = Place::find(&app, &caller, workspace).await?.budgets().await?;
    let data = found.budgets.iter().map(Budget::of).collect();
    let body = Budgets { data, include_byok_in_budgets: found.counts_own_keys };
    Ok(reply::json(StatusCode::OK, &body))
}

/// Show a budget of a workspace
#[utoipa::path(get, path = "/workspaces/{id}/budgets/{interval}", operation_id = "getWorkspaceBudget",
    tag = "Workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug"),
        ("interval" = String, Path, description = "`daily`, `weekly`, `monthly` or `lifetime`")),
    responses((status = 200, description = "The budget", body = OneBudget)),
    security(("management_key" = ["budgets.read"]), ("session" = ["budgets.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named((workspace, name)): Named<(String, String)>,
) -> Result<Response, Refusal> {
    let place = Place::find(&app, &caller, workspace).await?;
    let interval = interval(&name)?;
    let found = place.budgets().await?;
    let budget = found.budgets.iter().find(|budget| budget.interval == interval).ok_or_else(not_found)?;
    let body = OneBudget { data: Budget::of(budget), include_byok_in_budgets: found.counts_own_keys };
    Ok(reply::json(StatusCode::OK, &body))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Put {
    /// In USD, above 0. A longer interval must have a higher limit.
    limit_usd: f64,
    /// Whether what the organisation's own provider keys serve counts too.
    include_byok_in_budgets: Option<bool>,
}

/// An amount that a client writes as a JSON number.
pub(super) fn amount(number: f64) -> Result<Amount, Refusal> {
    // The shortest digits that mean the number are those that were sent.
    let amount: Option<Amount> = number.to_string().parse().ok();
    amount
        .filter(|amount| *amount > Amount::ZERO)
        .ok_or_else(|| bad("limit_usd: use USD above 0 with up to nine decimals, such as 12.5"))
}

/// Set a budget of a workspace
#[utoipa::path(put, path = "/workspaces/{id}/budgets/{interval}", operation_id = "upsertWorkspaceBudget",
    tag = "Workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug"),
        ("interval" = String, Path, description = "`daily`, `weekly`, `monthly` or `lifetime`")),
    request_body = Put,
    responses((status = 200, description = "The budget as it is now", body = OneBudget)),
    security(("management_key" = ["budgets.write"]), ("session" = ["budgets.write"])))]
async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named((workspace, name)): Named<(String, String)>,
    Sent(sent): Sent<Put>,
) -> Result<Response, Refusal> {
    let place = Place::find(&app, &caller, workspace).await?;
    let interval = interval(&name)?;
    let limit = amount(sent.limit_usd)?;
    let message = PutBudgetRequest {
        tenant_id: caller.tenant.to_string(),
        subject: Some(place.subject()),
        interval: interval.to_owned(),
        limit: limit.nanos(),
        counts_own_keys: sent.include_byok_in_budgets,
    };
    let budget = client(&app).put_budget(message).await?.into_inner();
    let details = json!({ "interval": name, "limit": limit.to_string(),
                          "include_byok_in_budgets": sent.include_byok_in_budgets });
    place.did("budget.put", details).await;
    let body = OneBudget { data: Budget::of(&budget), include_byok_in_budgets: budget.counts_own_keys };
    Ok(reply::json(StatusCode::OK, &body))
}

/// Delete a budget of a workspace
#[utoipa::path(delete, path = "/workspaces/{id}/budgets/{interval}", operation_id = "deleteWorkspaceBudget",
    tag = "Workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug"),
        ("interval" = String, Path, description = "`daily`, `weekly`, `monthly` or `lifetime`")),
    responses((status = 200, description = "There is no such budget any more", body = Deleted)),
    security(("management_key" = ["budgets.write"]), ("session" = ["budgets.write"])))]
async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named((workspace, name)): Named<(String, String)>,
) -> Result<Response, Refusal> {
    let place = Place::find(&app, &caller, workspace).await?;
    let message = DeleteBudgetRequest {
        tenant_id: caller.tenant.to_string(),
        subject: Some(place.subject()),
        interval: interval(&name)?.to_owned(),
    };
    client(&app).delete_budget(message).await?;
    place.did("budget.delete", json!({ "interval": name })).await;
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_taken_as_they_are_written() {
        for (number, nanos) in [(100.0, 100_000_000_000), (0.1, 100_000_000), (0.000_000_001, 1)] {
            assert_eq!(amount(number).ok().map(Amount::nanos), Some(nanos), "{number}");
        }
        for number in [0.0, -1.0, 1e-10, f64::MAX, f64::NAN, f64::INFINITY] {
            assert!(amount(number).is_err(), "{number}");
        }
    }
}
