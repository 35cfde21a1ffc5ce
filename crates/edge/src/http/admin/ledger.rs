//! The ledger: transfers, accounts, seals, and where one generation's money went.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::StatusCode;
use identity::GenerationId;
use pricing::Amount;
use rpc::billing::ledger_client::LedgerClient;
use rpc::billing::{
    LedgerDocument, ListLedgerAccountsRequest, ListSealsRequest, ListTransfersRequest, RecordPayoutRequest,
    TraceMoneyRequest, VerifySealsRequest,
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
use super::{Operator, bad, bills, idempotency, not_found, parked, read};
use crate::service::App;
use crate::store::audit;
use crate::text;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(transfers))
        .routes(routes!(accounts))
        .routes(routes!(seals))
        .routes(routes!(verify))
        .routes(routes!(payout))
        .routes(routes!(money))
        .merge(bills::routes())
        .merge(parked::routes())
}

pub(super) fn ledger(app: &App) -> LedgerClient<rpc::Channel> {
    LedgerClient::new(app.billing.clone())
        .max_decoding_message_size(rpc::MAX_MESSAGE)
        .max_encoding_message_size(rpc::MAX_MESSAGE)
}

/// A document as billing made it.
pub(super) fn document(answer: tonic::Response<LedgerDocument>) -> Response {
    reply::raw_json(StatusCode::OK, answer.into_inner().body_json)
}

/// Writes what was done to the audit log. It is done by then, so a failure is only told.
pub(super) async fn record(app: &App, entry: &audit::Entry) {
    if let Err(error) = audit::insert(&app.pool, entry).await {
        tracing::error!(error = %error, action = entry.action, "a change could not be written to the audit log");
    }
}

/// An amount of USD from a string.
///
/// # Errors
/// A [`Refusal`] that names the field.
pub(super) fn amount(text: &str, field: &str) -> Result<i64, Refusal> {
    let amount: Result<Amount, _> = text.parse();
    let amount = amount.ok().filter(|amount| *amount >= Amount::ZERO);
    amount.map(Amount::nanos).ok_or_else(|| {
        bad(format!("{field}: `{text}` is no amount: write USD with up to nine decimals, such as \"12.50\""))
    })
}

fn time(text: Option<&str>, field: &str) -> Result<Option<i64>, Refusal> {
    let read = |text: &str| {
        let at: Result<DateTime<Utc>, _> = text.parse();
        at.map(|at| at.timestamp_millis()).map_err(|_| {
            bad(format!("{field}: `{text}` is no time: write RFC 3339, such as 2026-11-26T00:00:00Z"))
        })
    };
    text.map(read).transpose()
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Wanted {
    tenant: String,
    kind: String,
    /// A code such as `revenue`, or an id.
    account: String,
    source: String,
    from: Option<String>,
    until: Option<String>,
    /// USD as strings.
    least: Option<String>,
    most: Option<String>,
    after: String,
    limit: u32,
}

/// List transfers
#[utoipa::path(get, path = "/ledger", operation_id = "listTransfers", tag = "Ledger",
    params(Wanted),
    responses((status = 200, description = "The transfers", body = Document)),
    security(("operator_token" = [])))]
async fn transfers(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: Wanted = from_query(&request.into_parts().0)?;
    let message = ListTransfersRequest {
        from_ms: time(wanted.from.as_deref(), "from")?,
        until_ms: time(wanted.until.as_deref(), "until")?,
        least: wanted.least.as_deref().map(|text| amount(text, "least")).transpose()?,
        most: wanted.most.as_deref().map(|text| amount(text, "most")).transpose()?,
        tenant_id: wanted.tenant,
        kind: wanted.kind,
        account: wanted.account,
        source_id: wanted.source,
        after: wanted.after,
        limit: wanted.limit,
    };
    Ok(document(ledger(&app).list_transfers(message).await?))
}

/// List the accounts of the platform
#[utoipa::path(get, path = "/ledger/accounts", operation_id = "listLedgerAccounts", tag = "Ledger",
    responses((status = 200, description = "The accounts", body = Document)),
    security(("operator_token" = [])))]
async fn accounts(_operator: Operator, State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    Ok(document(ledger(&app).list_ledger_accounts(ListLedgerAccountsRequest {}).await?))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Chain {
    tenant: String,
    after: String,
    limit: u32,
}

/// List the seals of the books
#[utoipa::path(get, path = "/ledger/seals", operation_id = "listSeals", tag = "Ledger",
    params(Chain),
    responses((status = 200, description = "The seals", body = Document)),
    security(("operator_token" = [])))]
async fn seals(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Chain { tenant, after, limit } = from_query(&request.into_parts().0)?;
    let message = ListSealsRequest { tenant_id: tenant, after, limit };
    Ok(document(ledger(&app).list_seals(message).await?))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Whose {
    tenant: String,
}

/// Verify the seals of the books
#[utoipa::path(post, path = "/ledger/seals/verify", operation_id = "verifySeals", tag = "Ledger",
    params(Whose),
    responses((status = 200, description = "What was verified", body = Document)),
    security(("operator_token" = [])))]
async fn verify(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let Whose { tenant } = from_query(&request.into_parts().0)?;
    Ok(document(ledger(&app).verify_seals(VerifySealsRequest { tenant_id: tenant }).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Payout {
    /// USD as a string.
    amount: String,
    /// Recording again with the same id changes nothing; the header `Idempotency-Key` serves as well.
    source_id: Option<String>,
    #[serde(default)]
    note: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct RecordedPayout {
    source_id: String,
    /// What the processor still owes us, in USD.
    clearing: String,
}

/// Record a payout of the payment processor
#[utoipa::path(post, path = "/ledger/payouts", operation_id = "recordPayout", tag = "Ledger",
    request_body = Payout,
    responses((status = 200, description = "What is still owed by the processor", body = RecordedPayout)),
    security(("operator_token" = [])))]
async fn payout(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let named = idempotency::source(&operator, &request);
    let sent: Payout = read(&app, request).await?;
    text::reason("note", &sent.note)?;
    let source_id = sent
        .source_id
        .filter(|id| !id.is_empty())
        .or(named)
        .ok_or_else(|| bad("source_id: name the payout, so that it is recorded once".to_owned()))?;
    let message = RecordPayoutRequest {
        amount: amount(&sent.amount, "amount")?,
        source_id: source_id.clone(),
        note: sent.note.clone(),
    };
    let recorded = rpc::retry(3, || {
        let (mut ledger, message) = (ledger(&app), message.clone());
        async move { ledger.record_payout(message).await }
    })
    .await?
    .into_inner();
    let details = json!({ "amount": sent.amount, "note": sent.note });
    record(&app, &operator.does("ledger.payout", None, source_id.clone(), details)).await;
    let clearing = Amount::from_nanos(recorded.clearing).to_string();
    Ok(reply::json(StatusCode::OK, &RecordedPayout { source_id, clearing }))
}

/// Show where the money of a generation went
#[utoipa::path(get, path = "/generations/{id}/money", operation_id = "traceMoney", tag = "Ledger",
    params(("id" = String, Path, description = "The generation's id, `gen-...`")),
    responses((status = 200, description = "Its transfers and what it was charged", body = Document)),
    security(("operator_token" = [])))]
async fn money(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let generation: GenerationId = id.parse().map_err(|_| not_found("generation"))?;
    let message = TraceMoneyRequest { generation_id: generation.to_string() };
    Ok(document(ledger(&app).trace_money(message).await?))
}
