//! Payments, as operators see and refund them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use identity::TenantId;
use pricing::Amount;
use rpc::billing::{Payment, RefundPaymentRequest, Reversal};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::from_query;
use super::super::management::{Data, Named};
use super::super::payments::{self, Page, said, time};
use super::super::reply::{self, Refusal};
use super::record::note_once;
use super::{Operator, idempotency, read, tenant};
use crate::service::App;
use crate::text;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(refund))
}

/// List the payments of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/payments", operation_id = "listPayments", tag = "Payments",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id"), Page),
    responses((status = 200, description = "The payments", body = Payments)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let page: Page = from_query(&request.into_parts().0)?;
    let found = payments::payments(&app, tenant.to_string(), page).await?;
    let data = found.payments.iter().map(PaymentRow::of).collect();
    Ok(reply::json(StatusCode::OK, &Payments { data, next: said(&found.next) }))
}

/// Show a payment
#[utoipa::path(get, path = "/payments/{id}", operation_id = "getPayment", tag = "Payments",
    params(("id" = String, Path, description = "The payment's id")),
    responses((status = 200, description = "The payment", body = Data<PaymentRow>)),
    security(("operator_token" = [])))]
async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let payment = payments::payment(&app, id, String::new()).await?;
    Ok(reply::json(StatusCode::OK, &Data { data: PaymentRow::of(&payment) }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefundOfPayment)]
struct Refund {
    /// USD as a string; all that is left when absent.
    amount: Option<String>,
    reason: String,
    /// Refunding again with the same id changes nothing; the header `Idempotency-Key` serves as well.
    source_id: Option<String>,
}

/// Refund a payment
#[utoipa::path(post, path = "/payments/{id}/refund", operation_id = "refundPayment", tag = "Payments",
    params(("id" = String, Path, description = "The payment's id")),
    request_body = Refund,
    responses((status = 200, description = "The payment as it is now", body = Data<PaymentRow>)),
    security(("operator_token" = [])))]
async fn refund(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let named = idempotency::source(&operator, &request);
    let sent: Refund = read(&app, request).await?;
    text::reason("reason", &sent.reason)?;
    let message = RefundPaymentRequest {
        payment_id: id,
        tenant_id: String::new(),
        amount: sent.amount.map(|amount| payments::usd(&amount, "amount")).transpose()?,
        reason: sent.reason,
        actor: operator.actor.clone(),
        source_id: payments::source(sent.source_id, named),
    };
    let details = json!({
        "amount": message.amount.map(text),
        "reason": message.reason,
        "source_id": message.source_id,
    });
    let payment = payments::client(&app).refund_payment(message).await?.into_inner();
    if let Ok(tenant) = payment.tenant_id.parse::<TenantId>() {
        let entry = operator.does("payment.refund", Some(tenant), payment.payment_id.clone(), details);
        note_once(&app, entry).await;
    }
    Ok(reply::json(StatusCode::OK, &Data { data: PaymentRow::of(&payment) }))
}

/// A payment with what it goes by elsewhere. Money is in USD.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
struct PaymentRow {
    id: String,
    tenant_id: String,
    source_id: String,
    session_id: String,
    intent_id: String,
    kind: String,
    status: String,
    amount: String,
    fee: String,
    tax: String,
    total: String,
    url: Option<String>,
    failure: Option<String>,
    created_at: Option<String>,
    paid_at: Option<String>,
    reversals: Vec<ReversalRow>,
}

/// A refund or a dispute of a payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reversal)]
struct ReversalRow {
    id: String,
    kind: String,
    status: String,
    amount: String,
    /// What was taken from the credit.
    credit: String,
    /// What was spent already.
    owed: String,
    reason: Option<String>,
    actor: String,
    processor_id: String,
    created_at: Option<String>,
}

fn text(nanos: i64) -> String {
    Amount::from_nanos(nanos).to_string()
}

impl PaymentRow {
    fn of(payment: &Payment) -> Self {
        Self {
            id: payment.payment_id.clone(),
            tenant_id: payment.tenant_id.clone(),
            source_id: payment.source_id.clone(),
            session_id: payment.session_id.clone(),
            intent_id: payment.intent_id.clone(),
            kind: payment.kind.clone(),
            status: payment.state.clone(),
            amount: text(payment.amount),
            fee: text(payment.fee),
            tax: text(payment.tax),
            total: text(payment.amount.saturating_add(payment.fee).saturating_add(payment.tax)),
            url: said(&payment.url),
            failure: said(&payment.failure),
            created_at: time(payment.created_at_ms),
            paid_at: time(payment.paid_at_ms),
            reversals: payment.reversals.iter().map(ReversalRow::of).collect(),
        }
    }
}

impl ReversalRow {
    fn of(reversal: &Reversal) -> Self {
        Self {
            id: reversal.reversal_id.clone(),
            kind: reversal.kind.clone(),
            status: reversal.state.clone(),
            amount: text(reversal.amount),
            credit: text(reversal.credit),
            owed: text(reversal.owed),
            reason: said(&reversal.reason),
            actor: reversal.actor.clone(),
            processor_id: reversal.processor_id.clone(),
            created_at: time(reversal.created_at_ms),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Payments {
    data: Vec<PaymentRow>,
    /// What to ask for the next page with; null = this is the last one.
    next: Option<String>,
}
