//! Money in: buying credit, taking it back, and automatic purchases.
//!
//! OpenRouter sells credit on its web pages only; these paths are ours.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use pricing::Amount;
use rpc::billing::{
    AutoTopUp, CreateCheckoutRequest, GetAutoTopUpRequest, Payment, PutAutoTopUpRequest,
    RefundPaymentRequest, Reversal,
};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Asked, Data, Named, Sent, bad};
use crate::access::Caller;
use crate::http::payments::{self, Page, client, idempotency_key, said, source, time};
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::audit;
use crate::text;

/// As OpenRouter words it.
const COINBASE: &str = "The Coinbase APIs used by this endpoint have been deprecated, so the Coinbase Commerce \
    credits API has been removed. Use the web credits purchase flow instead.";

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(checkout))
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(refund))
        .routes(routes!(auto_top_up, put_auto_top_up))
        .routes(routes!(coinbase))
}

/// USD as a JSON number or, for those who keep away from floating point, as a string.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Usd {
    Text(String),
    Number(Number),
}

impl PartialSchema for Usd {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Number]))
            .description(Some("USD above 0, as a string or a number."))
            .into()
    }
}

impl ToSchema for Usd {}

impl Usd {
    fn nanos(&self, name: &str) -> Result<i64, Refusal> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        };
        payments::usd(&text, name)
    }
}

/// A payment. Money is in USD.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
struct PaymentRow {
    id: String,
    kind: String,
    status: String,
    /// What becomes credit.
    #[schema(value_type = f64)]
    amount: Number,
    #[schema(value_type = f64)]
    fee: Number,
    #[schema(value_type = f64)]
    tax: Number,
    #[schema(value_type = f64)]
    total: Number,
    /// Where it is paid.
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
    #[schema(value_type = f64)]
    amount: Number,
    /// What was spent already.
    #[schema(value_type = f64)]
    owed: Number,
    reason: Option<String>,
    created_at: Option<String>,
}

fn number(nanos: i64) -> Number {
    Amount::from_nanos(nanos).to_json_number()
}

impl PaymentRow {
    fn of(payment: &Payment) -> Self {
        Self {
            id: payment.payment_id.clone(),
            kind: payment.kind.clone(),
            status: payment.state.clone(),
            amount: number(payment.amount),
            fee: number(payment.fee),
            tax: number(payment.tax),
            total: number(payment.amount.saturating_add(payment.fee).saturating_add(payment.tax)),
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
            amount: number(reversal.amount),
            owed: number(reversal.owed),
            reason: said(&reversal.reason),
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

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Checkout {
    amount: Usd,
    /// Keeps the card for automatic purchases.
    #[serde(default)]
    save_card: bool,
    /// Where the page leads afterwards.
    #[serde(default)]
    return_url: String,
    /// Buying again with the same id changes nothing; the header `Idempotency-Key` serves as well.
    source_id: Option<String>,
}

/// Buy credit
#[utoipa::path(post, path = "/credits/checkout", operation_id = "createCheckout", tag = "Payments",
    request_body = Checkout,
    responses((status = 201, description = "The payment, and where it is paid", body = Data<PaymentRow>)),
    security(("management_key" = ["payments.write"]), ("session" = ["payments.write"])))]
async fn checkout(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Sent(sent): Sent<Checkout>,
) -> Result<Response, Refusal> {
    let message = CreateCheckoutRequest {
        tenant_id: caller.tenant.to_string(),
        amount: sent.amount.nanos("amount")?,
        source_id: source(sent.source_id, idempotency_key(&headers)),
        save_card: sent.save_card,
        return_url: sent.return_url,
    };
    let payment = client(&app).create_checkout(message).await?.into_inner();
    let details =
        json!({ "amount": Amount::from_nanos(payment.amount).to_string(), "source_id": payment.source_id });
    note(&app, &caller, "payment.checkout", &payment.payment_id, details).await;
    Ok(reply::json(StatusCode::CREATED, &Data { data: PaymentRow::of(&payment) }))
}

/// List the payments of the organisation
#[utoipa::path(get, path = "/credits/payments", operation_id = "listPayments", tag = "Payments", params(Page),
    responses((status = 200, description = "The payments, newest first", body = Payments)),
    security(("management_key" = ["payments.read"]), ("session" = ["payments.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(page): Asked<Page>,
) -> Result<Response, Refusal> {
    let found = payments::payments(&app, caller.tenant.to_string(), page).await?;
    let data = found.payments.iter().map(PaymentRow::of).collect();
    Ok(reply::json(StatusCode::OK, &Payments { data, next: said(&found.next) }))
}

/// Show a payment
#[utoipa::path(get, path = "/credits/payments/{id}", operation_id = "getPayment", tag = "Payments",
    params(("id" = String, Path, description = "The payment's id")),
    responses((status = 200, description = "The payment", body = Data<PaymentRow>)),
    security(("management_key" = ["payments.read"]), ("session" = ["payments.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let payment = payments::payment(&app, id, caller.tenant.to_string()).await?;
    Ok(reply::json(StatusCode::OK, &Data { data: PaymentRow::of(&payment) }))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refund {
    /// All that is left when absent.
    amount: Option<Usd>,
    #[serde(default)]
    reason: String,
    /// Refunding again with the same id changes nothing; the header `Idempotency-Key` serves as well.
    source_id: Option<String>,
}

/// Refund a payment
#[utoipa::path(post, path = "/credits/payments/{id}/refund", operation_id = "refundPayment", tag = "Payments",
    params(("id" = String, Path, description = "The payment's id")),
    request_body = Refund,
    responses((status = 200, description = "The payment as it is now", body = Data<PaymentRow>)),
    security(("management_key" = ["payments.write"]), ("session" = ["payments.write"])))]
async fn refund(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<String>,
    headers: HeaderMap,
    Sent(sent): Sent<Refund>,
) -> Result<Response, Refusal> {
    text::reason("reason", &sent.reason)?;
    let message = RefundPaymentRequest {
        payment_id: id,
        tenant_id: caller.tenant.to_string(),
        amount: sent.amount.map(|amount| amount.nanos("amount")).transpose()?,
        reason: sent.reason,
        actor: caller.actor(),
        source_id: source(sent.source_id, idempotency_key(&headers)),
    };
    let details = json!({ "reason": message.reason, "source_id": message.source_id });
    let payment = client(&app).refund_payment(message).await?.into_inner();
    note(&app, &caller, "payment.refund", &payment.payment_id, details).await;
    Ok(reply::json(StatusCode::OK, &Data { data: PaymentRow::of(&payment) }))
}

/// Automatic purchases. Money is in USD.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AutoTopUp)]
struct AutoRow {
    enabled: bool,
    /// Below this balance credit is bought.
    #[schema(value_type = f64)]
    threshold: Number,
    #[schema(value_type = f64)]
    amount: Number,
    card: Option<Card>,
    /// A purchase is under way.
    running: bool,
    failures: i32,
    last_failure: Option<String>,
    next_try_at: Option<String>,
    /// Somebody has to look at it.
    flagged: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct Card {
    brand: String,
    last4: String,
}

impl AutoRow {
    fn of(found: &AutoTopUp) -> Self {
        Self {
            enabled: found.enabled,
            threshold: number(found.threshold),
            amount: number(found.amount),
            card: said(&found.card_last4).map(|last4| Card { brand: found.card_brand.clone(), last4 }),
            running: found.running,
            failures: found.failures,
            last_failure: said(&found.last_failure),
            next_try_at: time(found.next_try_at_ms),
            flagged: found.flagged,
        }
    }
}

/// Show the settings of automatic purchases
#[utoipa::path(get, path = "/credits/auto-topup", operation_id = "getAutoTopUp", tag = "Payments",
    responses((status = 200, description = "The settings", body = Data<AutoRow>)),
    security(("management_key" = ["payments.read"]), ("session" = ["payments.read"])))]
async fn auto_top_up(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Refusal> {
    let message = GetAutoTopUpRequest { tenant_id: caller.tenant.to_string() };
    let found = rpc::retry(3, || {
        let (mut payments, message) = (client(&app), message.clone());
        async move { payments.get_auto_top_up(message).await }
    })
    .await?;
    Ok(reply::json(StatusCode::OK, &Data { data: AutoRow::of(&found.into_inner()) }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAutoTopUp)]
struct Settings {
    enabled: bool,
    threshold: Option<Usd>,
    amount: Option<Usd>,
}

/// Set automatic purchases
#[utoipa::path(put, path = "/credits/auto-topup", operation_id = "putAutoTopUp", tag = "Payments",
    request_body = Settings,
    responses((status = 200, description = "The settings as they are now", body = Data<AutoRow>)),
    security(("management_key" = ["payments.write"]), ("session" = ["payments.write"])))]
async fn put_auto_top_up(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(sent): Sent<Settings>,
) -> Result<Response, Refusal> {
    let nanos = |usd: Option<Usd>, name| match usd {
        Some(usd) => usd.nanos(name),
        None if sent.enabled => Err(bad(format!("{name}: must be given to enable automatic purchases"))),
        None => Ok(0),
    };
    let message = PutAutoTopUpRequest {
        tenant_id: caller.tenant.to_string(),
        enabled: sent.enabled,
        threshold: nanos(sent.threshold, "threshold")?,
        amount: nanos(sent.amount, "amount")?,
    };
    let put = client(&app).put_auto_top_up(message).await?.into_inner();
    let data = AutoRow::of(&put);
    note(&app, &caller, "payment.auto_topup", &caller.tenant.to_string(), json!(data)).await;
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// Buy credit through Coinbase, which is not possible any more
#[utoipa::path(post, path = "/credits/coinbase", operation_id = "createCoinbaseCharge", tag = "Credits",
    responses((status = 410, description = "It is not possible any more")),
    security(()))]
async fn coinbase() -> Refusal {
    Refusal::with_status(StatusCode::GONE, COINBASE)
}

/// Writes what was done to the audit log. The effect itself is billing's, which has it.
async fn note(app: &App, caller: &Caller, action: &'static str, target: &str, details: Value) {
    let entry = caller.does(action, target, details);
    let written = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { audit::insert(tx.connection(), &entry).await })
    })
    .await;
    if let Err(error) = written {
        tracing::error!(%error, action, "a change could not be written to the audit log");
    }
}
