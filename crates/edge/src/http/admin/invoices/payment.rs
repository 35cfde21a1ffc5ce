//! Money that came for invoices.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::NaiveDate;
use http::StatusCode;
use pricing::Amount;
use rpc::billing::RecordInvoicePaymentRequest;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::super::documents::Document;
use super::super::super::management::Named;
use super::super::super::payments::source;
use super::super::super::reply::{self, Refusal};
use super::super::record::note_once;
use super::super::{Operator, bad, idempotency, read};
use super::{asked, tenant_of, uuid};
use crate::service::App;
use crate::text;

/// Invoices are in whole cents.
const CENT: i64 = 10_000_000;
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(record))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InvoicePayment {
    /// USD as a string, in whole cents.
    amount: String,
    /// The day on which the money came.
    received_on: NaiveDate,
    /// What the bank's statement says of it.
    #[serde(default)]
    reference: String,
    /// Recording again with the same id changes nothing; the header `Idempotency-Key` serves as well.
    source_id: Option<String>,
}

/// Record a payment of an invoice
///
/// In parts or whole: tax and rounding are paid first, the rest pays the charges back into the organisation's credit.
#[utoipa::path(post, path = "/invoices/{id}/payments", operation_id = "recordInvoicePayment", tag = "Invoices",
    params(("id" = Uuid, Path, description = "The id")),
    request_body = InvoicePayment,
    responses((status = 200, description = "The payment, and what is left to be paid", body = Document)),
    security(("operator_token" = [])))]
async fn record(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let named = idempotency::source(&operator, &request);
    let sent: InvoicePayment = read(&app, request).await?;
    let amount: Option<Amount> = sent.amount.parse().ok();
    let amount =
        amount.filter(|amount| *amount > Amount::ZERO && amount.nanos() % CENT == 0).ok_or_else(|| {
            bad(format!("amount: `{}` is no amount: write whole cents, such as \"25.00\"", sent.amount))
        })?;
    text::optional_line("reference", &sent.reference, text::LONGEST_REFERENCE)?;
    let message = RecordInvoicePaymentRequest {
        invoice_id: uuid(&id)?,
        amount: amount.nanos(),
        source_id: source(sent.source_id, named),
        reference: sent.reference,
        received_on: sent.received_on.to_string(),
    };
    let details = json!({ "amount": amount.to_string(), "reference": message.reference,
                          "received_on": message.received_on, "source_id": message.source_id });
    let recorded =
        asked(
            &app,
            message,
            |mut billing, message| async move { billing.record_invoice_payment(message).await },
        );
    let recorded = recorded.await?.body_json;
    note_once(&app, operator.does("invoice.payment", tenant_of(&recorded), id, details)).await;
    Ok(reply::raw_json(StatusCode::OK, recorded))
}
