//! Money in, as tenants and operators both see it, and what the payment processor tells.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat};
use dialect::error::BadRequest;
use http::{HeaderMap, StatusCode};
use pricing::Amount;
use rpc::billing::payments_client::PaymentsClient;
use rpc::billing::{
    GetPaymentRequest, ListPaymentsRequest, ListPaymentsResponse, Payment, ReceiveEventRequest,
};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use uuid::Uuid;

use super::body;
use super::reply::{self, Refusal, UserFacing as _};
use crate::service::App;

pub(super) fn client(app: &App) -> PaymentsClient<rpc::Channel> {
    PaymentsClient::new(app.billing.clone())
}

/// Nano-USD of a decimal string above 0.
pub(super) fn usd(text: &str, name: &str) -> Result<i64, Refusal> {
    let amount: Option<Amount> = text.parse().ok().filter(|amount| *amount > Amount::ZERO);
    amount.map(Amount::nanos).ok_or_else(|| {
        let message = format!("{name}: `{text}` is no amount: write USD above 0, such as \"25.00\"");
        BadRequest::new(message).refusal()
    })
}

/// What a caller names an effect by: the body's word, else the header's, else nothing that was ever used.
pub(super) fn source(sent: Option<String>, header: Option<String>) -> String {
    let sent = sent.filter(|sent| !sent.is_empty());
    sent.or(header).unwrap_or_else(|| Uuid::now_v7().to_string())
}

/// The header `Idempotency-Key`.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    headers.get("idempotency-key")?.to_str().ok().map(str::to_owned)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    #[serde(default)]
    limit: i32,
    /// The last id of the page before.
    #[serde(default)]
    after: String,
}

/// A page of a tenant's payments.
pub(super) async fn payments(app: &App, tenant: String, page: Page) -> Result<ListPaymentsResponse, Refusal> {
    let message = ListPaymentsRequest { tenant_id: tenant, limit: page.limit, after: page.after };
    let found = rpc::retry(3, || {
        let (mut payments, message) = (client(app), message.clone());
        async move { payments.list_payments(message).await }
    })
    .await?;
    Ok(found.into_inner())
}

/// A payment of a tenant; of any when none is named.
pub(super) async fn payment(app: &App, id: String, tenant: String) -> Result<Payment, Refusal> {
    let message = GetPaymentRequest { payment_id: id, tenant_id: tenant };
    let found = rpc::retry(3, || {
        let (mut payments, message) = (client(app), message.clone());
        async move { payments.get_payment(message).await }
    })
    .await?;
    Ok(found.into_inner())
}

/// `POST /webhooks/stripe`: the body as it came, for billing to check who sent it.
pub(super) async fn webhook(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let signature = request.headers().get("stripe-signature").and_then(|value| value.to_str().ok());
    let signature = signature.unwrap_or_default().to_owned();
    let http = &app.config.http;
    let bytes = body::read(request, http.max_admin_body_bytes.get(), http.body_timeout_ms.get()).await?;
    client(&app).receive_event(ReceiveEventRequest { body: bytes, signature }).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "received": true })))
}

pub(super) fn time(milliseconds: i64) -> Option<String> {
    let at = DateTime::from_timestamp_millis(milliseconds).filter(|_| milliseconds > 0)?;
    Some(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// A text that may be there.
pub(super) fn said(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}
