//! Payments, as operators see and refund them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use identity::TenantId;
use rpc::billing::{Payment, RefundPaymentRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::body::from_query;
use super::super::payments::{self, Page};
use super::super::reply::{self, Refusal};
use super::{Operator, read, tenant};
use crate::service::App;
use crate::store::audit;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/tenants/{tenant}/payments", get(list))
        .route("/payments/{id}", get(show))
        .route("/payments/{id}/refund", post(refund))
}

async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let page: Page = from_query(&request.into_parts().0)?;
    let page = payments::payments(&app, tenant.to_string(), page, payments::text).await?;
    Ok(reply::json(StatusCode::OK, &page))
}

async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let payment = payments::payment(&app, id, String::new()).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "data": whole(&payment) })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refund {
    /// USD as a string; all that is left when absent.
    amount: Option<String>,
    reason: String,
    /// Refunding again with the same id changes nothing; the header `Idempotency-Key` serves as well.
    source_id: Option<String>,
}

async fn refund(
    operator: Operator,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let key = payments::idempotency_key(request.headers());
    let sent: Refund = read(&app, request).await?;
    let message = RefundPaymentRequest {
        payment_id: id,
        tenant_id: String::new(),
        amount: sent.amount.map(|amount| payments::usd(&amount, "amount")).transpose()?,
        reason: sent.reason,
        actor: operator.actor.clone(),
        source_id: payments::source(sent.source_id, key),
    };
    let details = json!({
        "amount": message.amount.map(payments::text),
        "reason": message.reason,
        "source_id": message.source_id,
    });
    let payment = payments::client(&app).refund_payment(message).await?.into_inner();
    if let Ok(tenant) = payment.tenant_id.parse::<TenantId>() {
        let entry = operator.does("payment.refund", Some(tenant), payment.payment_id.clone(), details);
        let written = pg::in_tenant(&app.pool, tenant, move |tx| {
            Box::pin(async move { audit::insert(tx.connection(), &entry).await })
        })
        .await;
        if let Err(error) = written {
            // The refund is made; billing has it.
            tracing::error!(%error, "a refund could not be written to the audit log");
        }
    }
    Ok(reply::json(StatusCode::OK, &json!({ "data": whole(&payment) })))
}

/// Everything of a payment, with what it goes by elsewhere.
fn whole(payment: &Payment) -> Value {
    let mut json = payments::payment_json(payment, payments::text);
    json["tenant_id"] = payment.tenant_id.clone().into();
    json["source_id"] = payment.source_id.clone().into();
    json["session_id"] = payment.session_id.clone().into();
    json["intent_id"] = payment.intent_id.clone().into();
    for (row, reversal) in json["reversals"].as_array_mut().into_iter().flatten().zip(&payment.reversals) {
        row["credit"] = payments::text(reversal.credit);
        row["actor"] = reversal.actor.clone().into();
        row["processor_id"] = reversal.processor_id.clone().into();
    }
    json
}
