//! Money in: buying credit, taking it back, automatic purchases, and what the payment processor tells.
//!
//! OpenRouter sells credit on its web pages only; these paths are ours.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, SecondsFormat};
use dialect::error::BadRequest;
use http::{HeaderMap, StatusCode};
use identity::KeyKind;
use pricing::Amount;
use rpc::billing::payments_client::PaymentsClient;
use rpc::billing::{
    AutoTopUp, CreateCheckoutRequest, GetAutoTopUpRequest, GetPaymentRequest, ListPaymentsRequest, Payment,
    PutAutoTopUpRequest, ReceiveEventRequest, RefundPaymentRequest, Reversal,
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::body::{self, from_query};
use super::reply::{self, Refusal, UserFacing as _};
use crate::auth::{self, Context};
use crate::service::App;
use crate::store::audit;

/// As OpenRouter words it.
const COINBASE: &str = "The Coinbase APIs used by this endpoint have been deprecated, so the Coinbase Commerce \
    credits API has been removed. Use the web credits purchase flow instead.";

/// The routes of a tenant's own, which take a management key.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/credits/checkout", post(checkout))
        .route("/api/v1/credits/payments", get(list))
        .route("/api/v1/credits/payments/{id}", get(show))
        .route("/api/v1/credits/payments/{id}/refund", post(refund))
        .route("/api/v1/credits/auto-topup", get(auto_top_up).put(put_auto_top_up))
        .route("/api/v1/credits/coinbase", post(coinbase))
}

/// USD as a JSON number or, for those who keep away from floating point, as a string.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Usd {
    Text(String),
    Number(serde_json::Number),
}

impl Usd {
    fn nanos(&self, name: &str) -> Result<i64, Refusal> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        };
        usd(&text, name)
    }
}

/// Nano-USD of a decimal string above 0.
pub(super) fn usd(text: &str, name: &str) -> Result<i64, Refusal> {
    let amount: Option<Amount> = text.parse().ok().filter(|amount| *amount > Amount::ZERO);
    amount
        .map(Amount::nanos)
        .ok_or_else(|| bad(format!("{name}: `{text}` is no amount: write USD above 0, such as \"25.00\"")))
}

fn bad(message: impl Into<String>) -> Refusal {
    BadRequest::new(message).refusal()
}

/// What a caller names an effect by: the body's word, else the header's, else nothing that was ever used.
pub(super) fn source(sent: Option<String>, headers: Option<String>) -> String {
    sent.or(headers).unwrap_or_else(|| Uuid::now_v7().to_string())
}

/// The header `Idempotency-Key`.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    headers.get("idempotency-key")?.to_str().ok().map(str::to_owned)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkout {
    amount: Usd,
    /// Keeps the card for automatic purchases.
    #[serde(default)]
    save_card: bool,
    /// Where the page leads afterwards.
    #[serde(default)]
    return_url: String,
    source_id: Option<String>,
}

async fn checkout(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = manager(&app, &request).await?;
    let key = idempotency_key(request.headers());
    let sent: Checkout = read(&app, request).await?;
    let message = CreateCheckoutRequest {
        tenant_id: context.tenant().to_string(),
        amount: sent.amount.nanos("amount")?,
        source_id: source(sent.source_id, key),
        save_card: sent.save_card,
        return_url: sent.return_url,
    };
    let payment = client(&app).create_checkout(message).await?.into_inner();
    let details =
        json!({ "amount": Amount::from_nanos(payment.amount).to_string(), "source_id": payment.source_id });
    note(&app, &context, "payment.checkout", &payment.payment_id, details).await;
    Ok(reply::json(StatusCode::CREATED, &json!({ "data": payment_json(&payment, number) })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(default)]
    limit: i32,
    #[serde(default)]
    after: String,
}

async fn list(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = manager(&app, &request).await?;
    let page: Page = from_query(&request.into_parts().0)?;
    let page = payments(&app, context.tenant().to_string(), page, number).await?;
    Ok(reply::json(StatusCode::OK, &page))
}

/// A page of a tenant's payments.
pub(super) async fn payments(app: &App, tenant: String, page: Page, money: Money) -> Result<Value, Refusal> {
    let message = ListPaymentsRequest { tenant_id: tenant, limit: page.limit, after: page.after };
    let found = rpc::retry(3, || {
        let (mut payments, message) = (client(app), message.clone());
        async move { payments.list_payments(message).await }
    })
    .await?
    .into_inner();
    let data: Vec<Value> = found.payments.iter().map(|payment| payment_json(payment, money)).collect();
    let next = Some(found.next).filter(|next| !next.is_empty());
    Ok(json!({ "data": data, "next": next }))
}

async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let context = manager(&app, &request).await?;
    let payment = payment(&app, id, context.tenant().to_string()).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "data": payment_json(&payment, number) })))
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

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refund {
    /// All that is left when absent.
    amount: Option<Usd>,
    #[serde(default)]
    reason: String,
    source_id: Option<String>,
}

async fn refund(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let context = manager(&app, &request).await?;
    let key = idempotency_key(request.headers());
    let sent: Refund = read(&app, request).await?;
    let message = RefundPaymentRequest {
        payment_id: id,
        tenant_id: context.tenant().to_string(),
        amount: sent.amount.map(|amount| amount.nanos("amount")).transpose()?,
        reason: sent.reason,
        actor: actor(&context),
        source_id: source(sent.source_id, key),
    };
    let details = json!({ "reason": message.reason, "source_id": message.source_id });
    let payment = client(&app).refund_payment(message).await?.into_inner();
    note(&app, &context, "payment.refund", &payment.payment_id, details).await;
    Ok(reply::json(StatusCode::OK, &json!({ "data": payment_json(&payment, number) })))
}

async fn auto_top_up(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = manager(&app, &request).await?;
    let message = GetAutoTopUpRequest { tenant_id: context.tenant().to_string() };
    let found = rpc::retry(3, || {
        let (mut payments, message) = (client(&app), message.clone());
        async move { payments.get_auto_top_up(message).await }
    })
    .await?;
    Ok(reply::json(StatusCode::OK, &json!({ "data": auto_json(&found.into_inner()) })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    enabled: bool,
    threshold: Option<Usd>,
    amount: Option<Usd>,
}

async fn put_auto_top_up(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = manager(&app, &request).await?;
    let sent: Settings = read(&app, request).await?;
    let nanos = |usd: Option<Usd>, name| match usd {
        Some(usd) => usd.nanos(name),
        None if sent.enabled => Err(bad(format!("{name}: must be given to enable automatic purchases"))),
        None => Ok(0),
    };
    let message = PutAutoTopUpRequest {
        tenant_id: context.tenant().to_string(),
        enabled: sent.enabled,
        threshold: nanos(sent.threshold, "threshold")?,
        amount: nanos(sent.amount, "amount")?,
    };
    let put = client(&app).put_auto_top_up(message).await?.into_inner();
    let settings = auto_json(&put);
    note(&app, &context, "payment.auto_topup", &context.tenant().to_string(), settings.clone()).await;
    Ok(reply::json(StatusCode::OK, &json!({ "data": settings })))
}

async fn coinbase() -> Refusal {
    Refusal::with_status(StatusCode::GONE, COINBASE)
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

pub(super) fn client(app: &App) -> PaymentsClient<rpc::Channel> {
    PaymentsClient::new(app.billing.clone())
}

fn manager<'a>(
    app: &'a App,
    request: &Request,
) -> impl Future<Output = Result<Arc<Context>, auth::Error>> + use<'a> {
    auth::authenticate_as(&app.keys, request, KeyKind::Management)
}

async fn read<T: serde::de::DeserializeOwned>(app: &App, request: Request) -> Result<T, Refusal> {
    let http = &app.config.http;
    let bytes = body::read(request, http.max_admin_body_bytes.get(), http.body_timeout_ms.get()).await?;
    body::from_json(&bytes)
}

/// As the audit log names a key.
fn actor(context: &Context) -> String {
    format!("key:{}", context.key.id)
}

/// Writes what a key did to the audit log. The effect itself is billing's, which has it.
async fn note(app: &App, context: &Context, action: &'static str, target: &str, details: Value) {
    let tenant = context.tenant();
    let entry = audit::Entry {
        tenant: Some(tenant),
        actor: actor(context),
        action,
        target: target.to_owned(),
        details,
    };
    let written = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move { audit::insert(tx.connection(), &entry).await })
    })
    .await;
    if let Err(error) = written {
        tracing::error!(%error, action, "a change could not be written to the audit log");
    }
}

/// How an answer writes nano-USD.
pub(super) type Money = fn(i64) -> Value;

/// As the public API does.
pub(super) fn number(nanos: i64) -> Value {
    Value::Number(Amount::from_nanos(nanos).to_json_number())
}

/// As the operators' API does.
pub(super) fn text(nanos: i64) -> Value {
    Value::String(Amount::from_nanos(nanos).to_string())
}

pub(super) fn time(milliseconds: i64) -> Option<String> {
    let at = DateTime::from_timestamp_millis(milliseconds).filter(|_| milliseconds > 0)?;
    Some(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn said(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

pub(super) fn payment_json(payment: &Payment, money: Money) -> Value {
    let total = payment.amount.saturating_add(payment.fee).saturating_add(payment.tax);
    json!({
        "id": payment.payment_id,
        "kind": payment.kind,
        "status": payment.state,
        "amount": money(payment.amount),
        "fee": money(payment.fee),
        "tax": money(payment.tax),
        "total": money(total),
        "url": said(&payment.url),
        "failure": said(&payment.failure),
        "created_at": time(payment.created_at_ms),
        "paid_at": time(payment.paid_at_ms),
        "reversals": payment.reversals.iter().map(|reversal| reversal_json(reversal, money)).collect::<Vec<_>>(),
    })
}

fn reversal_json(reversal: &Reversal, money: Money) -> Value {
    json!({
        "id": reversal.reversal_id,
        "kind": reversal.kind,
        "status": reversal.state,
        "amount": money(reversal.amount),
        "owed": money(reversal.owed),
        "reason": said(&reversal.reason),
        "created_at": time(reversal.created_at_ms),
    })
}

fn auto_json(found: &AutoTopUp) -> Value {
    let card = said(&found.card_last4).map(|last4| json!({ "brand": found.card_brand, "last4": last4 }));
    json!({
        "enabled": found.enabled,
        "threshold": number(found.threshold),
        "amount": number(found.amount),
        "card": card,
        "running": found.running,
        "failures": found.failures,
        "last_failure": said(&found.last_failure),
        "next_try_at": time(found.next_try_at_ms),
        "flagged": found.flagged,
    })
}
