//! Messages that billing could not settle and set aside for people.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use rpc::billing::{DecideParkedRequest, ListParkedRequest};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::from_query;
use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::Refusal;
use super::ledger::{document, ledger, record};
use super::{Operator, bad, not_found, read};
use crate::service::App;
use crate::text;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retry)).routes(routes!(drop_one))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Those that were retried or dropped, too.
    decided: bool,
    after: String,
    limit: u32,
}

/// List the messages that could not be settled
#[utoipa::path(get, path = "/parked", operation_id = "listParked", tag = "Parked",
    params(Wanted),
    responses((status = 200, description = "The messages", body = Document)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Wanted { decided, after, limit } = from_query(&request.into_parts().0)?;
    Ok(document(ledger(&app).list_parked(ListParkedRequest { decided, after, limit }).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DropReason)]
struct Drop {
    reason: String,
}

/// Try to settle a message again
#[utoipa::path(post, path = "/parked/{id}/retry", operation_id = "retryParked", tag = "Parked",
    params(("id" = i64, Path, description = "The message's id")),
    responses((status = 200, description = "What became of it", body = Document)),
    security(("operator_token" = [])))]
async fn retry(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    decide(&app, &operator, &id, "retry", String::new()).await
}

/// Settle a message at nothing
#[utoipa::path(post, path = "/parked/{id}/drop", operation_id = "dropParked", tag = "Parked",
    params(("id" = i64, Path, description = "The message's id")),
    request_body = Drop,
    responses((status = 200, description = "What became of it", body = Document)),
    security(("operator_token" = [])))]
async fn drop_one(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let Drop { reason } = read(&app, request).await?;
    if reason.trim().is_empty() {
        return Err(bad("reason: say why nothing is to be charged for it"));
    }
    text::reason("reason", &reason)?;
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
