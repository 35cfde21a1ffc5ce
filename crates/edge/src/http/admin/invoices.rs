//! Periods, invoices and credit notes.

mod document;
mod payment;
mod profile;

pub(in crate::http) use document::{Span, Wanted as WantedDocuments, documents, read_document, usage_csv};

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use identity::TenantId;
use pricing::Amount;
use rpc::billing::invoices_client::InvoicesClient;
use rpc::billing::{
    ClosePeriodRequest, FinaliseInvoiceRequest, GetInvoiceRequest, IssueCreditNoteRequest,
    ListInvoicesRequest, ListPeriodsRequest,
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::body::from_query;
use super::super::documents::Document;
use super::super::management::Named;
use super::super::payments::source;
use super::super::reply::{self, Refusal, UserFacing as _};
use super::record::{note, note_once};
use super::{Operator, bad, idempotency, not_found, read, tenant};
use crate::service::App;
use crate::text;
use document::{Form, of_invoice};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(periods))
        .routes(routes!(close_period))
        .routes(routes!(invoices))
        .routes(routes!(invoice))
        .routes(routes!(finalise))
        .routes(routes!(issue_credit_note))
        .merge(document::routes())
        .merge(payment::routes())
        .merge(profile::routes())
}

pub(super) fn client(app: &App) -> InvoicesClient<rpc::Channel> {
    InvoicesClient::new(app.billing.clone()).max_decoding_message_size(rpc::MAX_MESSAGE)
}

/// Calls billing, a few times while it is not reachable: every call here may be made again.
pub(super) async fn asked<M, T, C>(
    app: &App,
    message: M,
    call: impl Fn(InvoicesClient<rpc::Channel>, M) -> C,
) -> Result<T, Refusal>
where
    M: Clone,
    C: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
{
    let answer = rpc::retry(3, || call(client(app), message.clone())).await;
    answer.map(tonic::Response::into_inner).map_err(tonic::Status::refusal)
}

/// The tenant that an answer of billing is about.
fn tenant_of(answer: &Bytes) -> Option<TenantId> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    answer["tenant_id"].as_str()?.parse().ok()
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Periods {
    /// The last id of the page before.
    after: String,
    limit: u32,
}

/// List the periods that are invoiced
#[utoipa::path(get, path = "/periods", operation_id = "listPeriods", tag = "Invoices",
    params(Periods),
    responses((status = 200, description = "The periods", body = Document)),
    security(("operator_token" = [])))]
async fn periods(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: Periods = from_query(&request.into_parts().0)?;
    let after = if wanted.after.is_empty() { 0 } else { number(&wanted.after, "after")? };
    let message = ListPeriodsRequest { after, limit: wanted.limit };
    let listed =
        asked(&app, message, |mut billing, message| async move { billing.list_periods(message).await });
    Ok(reply::raw_json(StatusCode::OK, listed.await?.body_json))
}

fn number(text: &str, name: &str) -> Result<i64, Refusal> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| bad(format!("{name}: `{text}` is no period")))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PeriodToClose)]
struct Close {
    /// The period that is to be closed: asking again closes no other.
    period_id: String,
}

/// Close a period
#[utoipa::path(post, path = "/periods/close", operation_id = "closePeriod", tag = "Invoices",
    request_body = Close,
    responses((status = 200, description = "The period", body = Document)),
    security(("operator_token" = [])))]
async fn close_period(
    operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let sent: Close = read(&app, request).await?;
    let message = ClosePeriodRequest { period_id: number(&sent.period_id, "period_id")? };
    let closed =
        asked(&app, message, |mut billing, message| async move { billing.close_period(message).await });
    let closed = closed.await?.body_json;
    note(&app, operator.does("period.close", None, sent.period_id, json!({}))).await;
    Ok(reply::raw_json(StatusCode::OK, closed))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Wanted {
    tenant_id: String,
    period_id: String,
    state: String,
    /// The last id of the page before.
    after: String,
    limit: u32,
}

/// List invoices
#[utoipa::path(get, path = "/invoices", operation_id = "listInvoices", tag = "Invoices",
    params(Wanted),
    responses((status = 200, description = "The invoices", body = Document)),
    security(("operator_token" = [])))]
async fn invoices(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: Wanted = from_query(&request.into_parts().0)?;
    if !matches!(wanted.state.as_str(), "" | "draft" | "grace" | "finalised" | "void") {
        return Err(bad("state: `draft`, `grace`, `finalised` or `void`"));
    }
    let message = ListInvoicesRequest {
        tenant_id: wanted.tenant_id,
        period_id: if wanted.period_id.is_empty() { 0 } else { number(&wanted.period_id, "period_id")? },
        state: wanted.state,
        after: wanted.after,
        limit: wanted.limit,
    };
    let listed =
        asked(&app, message, |mut billing, message| async move { billing.list_invoices(message).await });
    Ok(reply::raw_json(StatusCode::OK, listed.await?.body_json))
}

/// Show an invoice
///
/// One invoice as JSON, or its document when the path ends with `.json`, `.html` or `.pdf`, or `Accept` wants HTML or
/// PDF.
#[utoipa::path(get, path = "/invoices/{id}", operation_id = "getInvoice", tag = "Invoices",
    params(("id" = String, Path, description = "The invoice's id, which may end with `.json`, `.html` or `.pdf`")),
    responses((status = 200, description = "The invoice", content((Document = "application/json"),
        (String = "text/html"), (Vec<u8> = "application/pdf")))),
    security(("operator_token" = [])))]
async fn invoice(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (id, form) = Form::of(&name, request.headers());
    let id = uuid(id)?;
    if let Some(form) = form {
        return of_invoice(&app, id, form).await;
    }
    let message = GetInvoiceRequest { invoice_id: id };
    let found =
        asked(&app, message, |mut billing, message| async move { billing.get_invoice(message).await });
    Ok(reply::raw_json(StatusCode::OK, found.await?.body_json))
}

/// An id that may be one.
fn uuid(text: &str) -> Result<String, Refusal> {
    let id: Uuid = text.parse().map_err(|_| not_found("invoice"))?;
    Ok(id.to_string())
}

/// Finalise an invoice
#[utoipa::path(post, path = "/invoices/{id}/finalise", operation_id = "finaliseInvoice", tag = "Invoices",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "The invoice as it was issued", body = Document)),
    security(("operator_token" = [])))]
async fn finalise(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let message = FinaliseInvoiceRequest { invoice_id: uuid(&id)? };
    let issued =
        asked(&app, message, |mut billing, message| async move { billing.finalise_invoice(message).await });
    let issued = issued.await?.body_json;
    note(&app, operator.does("invoice.finalise", tenant_of(&issued), id, json!({}))).await;
    Ok(reply::raw_json(StatusCode::OK, issued))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCreditNote)]
struct CreditNote {
    /// USD as a string, tax included.
    amount: String,
    reason: String,
    /// Issuing again with the same id changes nothing; the header `Idempotency-Key` serves as well.
    source_id: Option<String>,
}

/// Issue a credit note
#[utoipa::path(post, path = "/invoices/{id}/credit-notes", operation_id = "issueCreditNote",
    tag = "Invoices",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    request_body = CreditNote,
    responses((status = 200, description = "The credit note", body = Document)),
    security(("operator_token" = [])))]
async fn issue_credit_note(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let named = idempotency::source(&operator, &request);
    let sent: CreditNote = read(&app, request).await?;
    let amount: Option<Amount> = sent.amount.parse().ok().filter(|amount| *amount > Amount::ZERO);
    let amount = amount.ok_or_else(|| {
        bad(format!("amount: `{}` is no amount: write USD above 0, such as \"25.00\"", sent.amount))
    })?;
    if sent.reason.trim().is_empty() {
        return Err(bad("reason: say why, it stands on the credit note"));
    }
    text::reason("reason", &sent.reason)?;
    let message = IssueCreditNoteRequest {
        invoice_id: uuid(&id)?,
        amount: amount.nanos(),
        reason: sent.reason.clone(),
        source_id: source(sent.source_id, named),
    };
    let details =
        json!({ "amount": amount.to_string(), "reason": sent.reason, "source_id": message.source_id });
    let issued =
        asked(&app, message, |mut billing, message| async move { billing.issue_credit_note(message).await });
    let issued = issued.await?.body_json;
    note_once(&app, operator.does("credit_note.issue", tenant_of(&issued), id, details)).await;
    Ok(reply::raw_json(StatusCode::OK, issued))
}
