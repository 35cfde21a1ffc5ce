//! Budgets of workspaces, for the organisation's own management keys.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, SecondsFormat, Utc};
use dialect::error::{BadRequest, ErrorType};
use http::{HeaderMap, StatusCode};
use identity::KeyKind;
use pricing::Amount;
use rpc::Channel;
use rpc::billing::budgets_client::BudgetsClient;
use rpc::billing::{
    Budget, DeleteBudgetRequest, ListBudgetsRequest, ListBudgetsResponse, PutBudgetRequest, Subject,
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::body;
use super::reply::{self, Refusal, UserFacing as _};
use crate::auth::{self, Context};
use crate::service::App;
use crate::store::{audit, workspaces};

/// The routes below one base path.
pub(super) fn routes(base: &str) -> Router<Arc<App>> {
    let all = format!("{base}/workspaces/{{workspace}}/budgets");
    Router::new()
        .route(&format!("{all}/{{interval}}"), get(show).put(put).delete(delete))
        .route(&all, get(list))
}

/// Who calls, and the workspace that the path names.
struct Caller {
    context: Arc<Context>,
    workspace: Uuid,
}

impl Caller {
    async fn of(app: &App, headers: &HeaderMap, workspace: String) -> Result<Self, Refusal> {
        let context = auth::authenticate_as(&app.keys, headers, KeyKind::Management).await?;
        let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, context.tenant(), move |tx| {
            Box::pin(async move { workspaces::named(tx, &workspace).await })
        })
        .await;
        let workspace = found?.ok_or_else(not_found)?;
        Ok(Self { context, workspace })
    }

    fn tenant_id(&self) -> String {
        self.context.tenant().to_string()
    }

    fn subject(&self) -> Subject {
        Subject { kind: "workspace".to_owned(), id: self.workspace.to_string() }
    }

    async fn budgets(&self, app: &App) -> Result<ListBudgetsResponse, Refusal> {
        let message = ListBudgetsRequest {
            tenant_id: self.tenant_id(),
            subject: Some(self.subject()),
            ..ListBudgetsRequest::default()
        };
        let found = rpc::retry(3, || {
            let (mut client, message) = (client(app), message.clone());
            async move { client.list_budgets(message).await }
        });
        Ok(found.await?.into_inner())
    }

    /// Writes down what this caller did to a budget.
    async fn did(&self, app: &App, action: &'static str, details: Value) {
        let tenant = self.context.tenant();
        let entry = audit::Entry {
            tenant: Some(tenant),
            actor: format!("key:{}", self.context.key.id),
            action,
            target: format!("workspace:{}", self.workspace),
            details,
        };
        let written: Result<(), sqlx::Error> = pg::in_tenant(&app.pool, tenant, move |tx| {
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

fn not_found() -> Refusal {
    Refusal::new(ErrorType::NotFound, "Resource not found")
}

/// An interval of a path as billing names it.
fn interval(text: &str) -> Result<&str, Refusal> {
    match text {
        "daily" | "weekly" | "monthly" => Ok(text),
        "lifetime" => Ok(""),
        _ => Err(BadRequest::new("interval: use daily, weekly, monthly or lifetime").refusal()),
    }
}

/// A budget in the public shape.
fn shown(budget: &Budget) -> Value {
    json!({
        "id": budget.account_id,
        "workspace_id": budget.subject.as_ref().map(|subject| &subject.id),
        "limit_usd": Amount::from_nanos(budget.limit).to_json_number(),
        "reset_interval": Some(budget.interval.as_str()).filter(|interval| !interval.is_empty()),
        "created_at": time(budget.created_at_ms),
        "updated_at": time(budget.changed_at_ms),
    })
}

fn time(millis: i64) -> Option<String> {
    let at: Option<DateTime<Utc>> = DateTime::from_timestamp_millis(millis);
    at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

async fn list(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let workspace = path.map(|Path(workspace)| workspace).unwrap_or_default();
    let caller = Caller::of(&app, request.headers(), workspace).await?;
    let found = caller.budgets(&app).await?;
    let data: Vec<Value> = found.budgets.iter().map(shown).collect();
    let body = json!({ "data": data, "include_byok_in_budgets": found.counts_own_keys });
    Ok(reply::json(StatusCode::OK, &body))
}

type OnePath = Result<Path<(String, String)>, PathRejection>;

async fn show(State(app): State<Arc<App>>, path: OnePath, request: Request) -> Result<Response, Refusal> {
    let (workspace, name) = path.map(|Path(path)| path).unwrap_or_default();
    let caller = Caller::of(&app, request.headers(), workspace).await?;
    let interval = interval(&name)?;
    let found = caller.budgets(&app).await?;
    let budget = found.budgets.iter().find(|budget| budget.interval == interval).ok_or_else(not_found)?;
    let body = json!({ "data": shown(budget), "include_byok_in_budgets": found.counts_own_keys });
    Ok(reply::json(StatusCode::OK, &body))
}

#[derive(Debug, Deserialize)]
struct Put {
    limit_usd: f64,
    include_byok_in_budgets: Option<bool>,
}

/// An amount that a client writes as a JSON number.
fn amount(number: f64) -> Result<Amount, Refusal> {
    // The shortest digits that mean the number are those that were sent.
    let amount: Option<Amount> = number.to_string().parse().ok();
    amount.filter(|amount| *amount > Amount::ZERO).ok_or_else(|| {
        BadRequest::new("limit_usd: use USD above 0 with up to nine decimals, such as 12.5").refusal()
    })
}

async fn put(State(app): State<Arc<App>>, path: OnePath, request: Request) -> Result<Response, Refusal> {
    let (workspace, name) = path.map(|Path(path)| path).unwrap_or_default();
    let caller = Caller::of(&app, request.headers(), workspace).await?;
    let interval = interval(&name)?;
    let http = &app.config.http;
    let bytes = body::read(request, http.max_admin_body_bytes.get(), http.body_timeout_ms.get()).await?;
    let sent: Put = body::from_json(&bytes)?;
    let limit = amount(sent.limit_usd)?;
    let message = PutBudgetRequest {
        tenant_id: caller.tenant_id(),
        subject: Some(caller.subject()),
        interval: interval.to_owned(),
        limit: limit.nanos(),
        counts_own_keys: sent.include_byok_in_budgets,
    };
    let budget = client(&app).put_budget(message).await?.into_inner();
    let details = json!({ "interval": name, "limit": limit.to_string(),
                          "include_byok_in_budgets": sent.include_byok_in_budgets });
    caller.did(&app, "budget.put", details).await;
    let body = json!({ "data": shown(&budget), "include_byok_in_budgets": budget.counts_own_keys });
    Ok(reply::json(StatusCode::OK, &body))
}

async fn delete(State(app): State<Arc<App>>, path: OnePath, request: Request) -> Result<Response, Refusal> {
    let (workspace, name) = path.map(|Path(path)| path).unwrap_or_default();
    let caller = Caller::of(&app, request.headers(), workspace).await?;
    let message = DeleteBudgetRequest {
        tenant_id: caller.tenant_id(),
        subject: Some(caller.subject()),
        interval: interval(&name)?.to_owned(),
    };
    client(&app).delete_budget(message).await?;
    caller.did(&app, "budget.delete", json!({ "interval": name })).await;
    Ok(reply::json(StatusCode::OK, &json!({ "deleted": true })))
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
