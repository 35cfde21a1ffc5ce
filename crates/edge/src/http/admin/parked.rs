//! Messages that billing could not settle and set aside for people.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use rpc::billing::{DecideParkedRequest, ListParkedRequest};
use serde::Deserialize;
use serde_json::json;

use super::super::body::from_query;
use super::super::reply::Refusal;
use super::ledger::{document, ledger, record};
use super::{Operator, bad, not_found, read};
use crate::service::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/parked", get(list))
        .route("/parked/{id}/retry", post(retry))
        .route("/parked/{id}/drop", post(drop_one))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    /// Those that were retried or dropped, too.
    decided: bool,
    after: String,
    limit: u32,
}

async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Wanted { decided, after, limit } = from_query(&request.into_parts().0)?;
    Ok(document(ledger(&app).list_parked(ListParkedRequest { decided, after, limit }).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Drop {
    reason: String,
}

async fn retry(
    operator: Operator,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    decide(&app, &operator, &id, "retry", String::new()).await
}

async fn drop_one(
    operator: Operator,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let Drop { reason } = read(&app, request).await?;
    if reason.trim().is_empty() {
        return Err(bad("reason: say why nothing is to be charged for it"));
    }
    decide(&app, &operator, &id, "drop", reason).await
}

async fn decide(
    app: &App,
    operator: &Operator,
    id: &str,
    decision: &str,
    reason: String,
) -> Result<Response, Refusal> {
    let message = DecideParkedRequest {
        parked_id: id.parse().map_err(|_| not_found("parked message"))?,
        decision: decision.to_owned(),
        reason: reason.clone(),
        actor: operator.actor.clone(),
    };
    let decided = ledger(app).decide_parked(message).await?;
    let details = json!({ "decision": decision, "reason": reason });
    record(app, &operator.does("parked.decide", None, id, details)).await;
    Ok(document(decided))
}
