//! Money of organisations, and whether the books are in order.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use pricing::Amount;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{Breach, CheckInvariantsRequest, GetCreditsRequest, GrantCreditRequest};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::from_query;
use super::super::management::Named;
use super::super::payments::source;
use super::super::reply::{self, Refusal};
use super::record::note_once;
use super::{Operator, bad, idempotency, not_found, read, tenant};
use crate::access::{Outside, Turn};
use crate::service::App;
use crate::store::{audit, organisations};
use crate::text;

/// The invariant of the record of changes, which the edge verifies itself, and its breaches that are shown at most.
const RECORD: &str = "A1";
const MOST_FAULTS: i32 = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(grant)).routes(routes!(balance)).routes(routes!(invariants))
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CreditKind)]
enum Kind {
    #[default]
    Purchase,
    Promotion,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreditGrant)]
struct Grant {
    /// USD as a string.
    amount: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    reason: String,
    /// Granting again with the same id changes nothing; the header `Idempotency-Key` serves as well.
    source_id: Option<String>,
    /// When what is left of a promotion is taken away, RFC 3339.
    expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Granted {
    tenant_id: String,
    source_id: String,
    /// In USD, after the grant.
    balance: String,
}

/// Money of an organisation, in USD.
#[derive(Debug, Serialize, ToSchema)]
struct Balance {
    tenant_id: String,
    total_credits: String,
    total_usage: String,
    /// By requests that are being answered.
    held: String,
    balance: String,
    credit_line: String,
    available: String,
}

/// Grant credit to an organisation
#[utoipa::path(post, path = "/tenants/{tenant}/credits", operation_id = "grantCredit", tag = "Credits",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    request_body = Grant,
    responses((status = 200, description = "The balance after the grant", body = Granted)),
    security(("operator_token" = [])))]
async fn grant(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let named = idempotency::source(&operator, &request);
    let sent: Grant = read(&app, request).await?;
    let amount: Result<Amount, _> = sent.amount.parse();
    let amount = amount.ok().filter(|amount| *amount > Amount::ZERO).ok_or_else(|| {
        bad(format!("amount: `{}` is no amount: write USD above 0, such as \"25.00\"", sent.amount))
    })?;
    text::reason("reason", &sent.reason)?;
    let kind = match sent.kind {
        Kind::Purchase => "purchase",
        Kind::Promotion => "promotion",
    };
    if sent.expires_at.is_some_and(|at| at <= Utc::now() || matches!(sent.kind, Kind::Purchase)) {
        return Err(bad("expires_at: only promotions expire, and only later than now"));
    }
    let source_id = source(sent.source_id, named);
    let name = pg::in_tenant(&app.pool, tenant, |tx| Box::pin(organisations::name(tx))).await?;
    if name.is_none() {
        return Err(not_found("tenant"));
    }
    let message = GrantCreditRequest {
        tenant_id: tenant.to_string(),
        amount: amount.nanos(),
        kind: kind.to_owned(),
        reason: sent.reason.clone(),
        source_id: source_id.clone(),
        expires_at_ms: sent.expires_at.map_or(0, |at| at.timestamp_millis()),
    };
    let balance = rpc::retry(3, || {
        let (mut billing, message) = (BillingClient::new(app.billing.clone()), message.clone());
        async move { billing.grant_credit(message).await }
    })
    .await?
    .into_inner()
    .balance;
    let details = json!({ "amount": amount.to_string(), "kind": kind, "reason": sent.reason, "source_id": source_id, "expires_at": sent.expires_at });
    note_once(&app, operator.does("credit.grant", Some(tenant), tenant.to_string(), details)).await;
    let balance = Amount::from_nanos(balance).to_string();
    let body = Granted { tenant_id: tenant.to_string(), source_id, balance };
    Ok(reply::json(StatusCode::OK, &body))
}

/// Show the balance of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/balance", operation_id = "getBalance", tag = "Credits",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "The balance", body = Balance)),
    security(("operator_token" = [])))]
async fn balance(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let message = GetCreditsRequest { tenant_id: tenant.to_string() };
    let credits = rpc::retry(3, || {
        let (mut billing, message) = (BillingClient::new(app.billing.clone()), message.clone());
        async move { billing.get_credits(message).await }
    })
    .await?
    .into_inner();
    let usd = |nanos: i64| Amount::from_nanos(nanos).to_string();
    let balance = credits.total_credits.saturating_sub(credits.total_usage);
    let body = Balance {
        tenant_id: tenant.to_string(),
        total_credits: usd(credits.total_credits),
        total_usage: usd(credits.total_usage),
        held: usd(credits.held),
        balance: usd(balance),
        credit_line: usd(credits.line),
        available: usd(balance.saturating_add(credits.line).saturating_sub(credits.held).max(0)),
    };
    Ok(reply::json(StatusCode::OK, &body))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Check {
    /// What the last checks found, without another one.
    kept: bool,
}

/// Check whether the books are in order
#[utoipa::path(get, path = "/invariants", operation_id = "checkInvariants", tag = "Ledger",
    params(Check),
    responses((status = 200, description = "The invariants, and what breaks them", body = Invariants)),
    security(("operator_token" = [])))]
async fn invariants(
    _operator: Operator,
    State(app): State<Arc<App>>,
    turn: Turn,
    request: Request,
) -> Result<Response, Refusal> {
    let Check { kept } = from_query(&request.into_parts().0)?;
    let mut billing = BillingClient::new(app.billing.clone()).max_decoding_message_size(rpc::MAX_MESSAGE);
    let check = billing.check_invariants(CheckInvariantsRequest { kept });
    // A check of everything takes minutes where there is much, and is no reason for other operators to wait.
    let found =
        if kept { check.await } else { turn.outside(&app, Outside::Configured, check).await? }?.into_inner();
    let count = |name: &str| found.breaches.iter().filter(|breach| breach.invariant == name).count();
    let invariants = found.invariants.iter().map(|invariant| Invariant {
        invariant: invariant.name.clone(),
        meaning: invariant.meaning.clone(),
        freezes_invoicing: invariant.freezes,
        checked_at: time(invariant.checked_at_ms),
        whole_at: time(invariant.whole_at_ms),
        breaches: count(&invariant.name),
    });
    let breaches = found.breaches.iter().map(BreachRow::of);
    let mut body = Invariants { invariants: invariants.collect(), breaches: breaches.collect() };
    add_record(&app, &mut body).await?;
    Ok(reply::json(StatusCode::OK, &body))
}

/// Adds what the edge's own verification of the record of changes found.
async fn add_record(app: &App, to: &mut Invariants) -> Result<(), sqlx::Error> {
    let (walked, found) = (audit::walked(&app.pool).await?, audit::found(&app.pool, MOST_FAULTS).await?);
    let told = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    to.invariants.push(Invariant {
        invariant: RECORD.to_owned(),
        meaning: "The record of changes is whole: nothing sealed was changed, removed or added to."
            .to_owned(),
        freezes_invoicing: false,
        checked_at: walked.checked_at.map(told),
        whole_at: walked.whole_at.map(told),
        breaches: found.len(),
    });
    to.breaches.extend(found.into_iter().map(|fault| BreachRow {
        invariant: RECORD.to_owned(),
        detail: match fault.entry {
            Some(entry) => format!("entry {entry}: {}", fault.detail),
            None => fault.detail,
        },
        tenant_id: Some(fault.tenant).filter(|tenant| !tenant.is_nil()).map(|id| id.to_string()),
        account_id: None,
        generation_id: None,
        lease_id: None,
        found_at: Some(told(fault.found_at)),
    }));
    Ok(())
}

#[derive(Debug, Serialize, ToSchema)]
struct Invariants {
    invariants: Vec<Invariant>,
    breaches: Vec<BreachRow>,
}

/// What holds of the books at any time.
#[derive(Debug, Serialize, ToSchema)]
struct Invariant {
    invariant: String,
    meaning: String,
    /// No invoices are issued while it is broken.
    freezes_invoicing: bool,
    checked_at: Option<String>,
    /// When nothing was found last.
    whole_at: Option<String>,
    breaches: usize,
}

/// What breaks an invariant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Breach)]
struct BreachRow {
    invariant: String,
    detail: String,
    tenant_id: Option<String>,
    account_id: Option<String>,
    generation_id: Option<String>,
    lease_id: Option<String>,
    found_at: Option<String>,
}

impl BreachRow {
    fn of(breach: &Breach) -> Self {
        let known = |id: &str| Some(id.to_owned()).filter(|id| !id.is_empty());
        Self {
            invariant: breach.invariant.clone(),
            detail: breach.detail.clone(),
            tenant_id: known(&breach.tenant_id),
            account_id: known(&breach.account_id),
            generation_id: known(&breach.generation_id),
            lease_id: known(&breach.lease_id),
            found_at: time(breach.found_at_ms),
        }
    }
}

/// Milliseconds since 1970; 0 = never.
fn time(millis: i64) -> Option<String> {
    DateTime::from_timestamp_millis(millis)
        .filter(|_| millis > 0)
        .map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
}
