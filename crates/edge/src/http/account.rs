//! What a key may know of itself and its organisation: `/key` and `/credits`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, Datelike as _, Days, Months, NaiveTime, SecondsFormat, Utc};
use http::StatusCode;
use identity::KeyKind;
use pricing::Amount;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{GetCreditsRequest, GetKeyUsageRequest, KeyUsage};
use serde_json::{Value, json};

use super::reply::{self, Refusal};
use crate::auth::{self, Context};
use crate::service::App;

/// `GET /api/v1/key`: the calling key.
pub(crate) async fn key(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = auth::authenticate(&app.keys, request.headers()).await?;
    let message =
        GetKeyUsageRequest { tenant_id: context.tenant().to_string(), key_id: context.key.id.to_string() };
    let usage = rpc::retry(3, || {
        let (mut billing, message) = (BillingClient::new(app.billing.clone()), message.clone());
        async move { billing.get_key_usage(message).await }
    })
    .await?
    .into_inner();
    let free = app.limits.free_per_day(context.tenant(), usage.has_paid);
    let free_used = app.limits.spent(&free).await;
    let mut data = key_json(&context, &usage);
    data["free_model_daily_requests"] = json!({
        "limit": free.limit,
        "remaining": free.limit.saturating_sub(free_used),
        "used": free_used,
    });
    Ok(reply::json(StatusCode::OK, &json!({ "data": data })))
}

fn key_json(context: &Context, usage: &KeyUsage) -> Value {
    let key = &context.key;
    let usd = |nanos: i64| Value::Number(Amount::from_nanos(nanos).to_json_number());
    let budget = budget(usage);
    json!({
        "label": key.label,
        "name": key.name,
        "hash": context.hash.to_string(),
        "limit": usage.limit.map(usd),
        "limit_remaining": usage.limit_remaining.map(usd),
        "limit_reset": Some(usage.limit_reset.as_str()).filter(|reset| !reset.is_empty()),
        "usage": usd(usage.total),
        "usage_daily": usd(usage.daily),
        "usage_weekly": usd(usage.weekly),
        "usage_monthly": usd(usage.monthly),
        "byok_usage": usd(usage.own_keys_total),
        "byok_usage_daily": usd(usage.own_keys_daily),
        "byok_usage_weekly": usd(usage.own_keys_weekly),
        "byok_usage_monthly": usd(usage.own_keys_monthly),
        "include_byok_in_limit": usage.limit_counts_own_keys,
        "is_free_tier": !usage.has_paid,
        "is_management_key": key.kind == KeyKind::Management,
        "is_provisioning_key": key.kind == KeyKind::Management,
        "creator_user_id": null,
        "organization_id": context.tenant().to_string(),
        "workspace_id": key.workspace.to_string(),
        "created_at": time(key.created_at),
        "expires_at": key.expires_at.map(time),
        "allowed_data_regions": ["global"],
        "budgets": budget.iter().collect::<Vec<_>>(),
        "effective_budget": budget,
        "rate_limit": {
            "requests": key.rate_limit.map_or(-1, i64::from),
            "interval": "1m",
            "note": "This field is deprecated and safe to ignore.",
        },
    })
}

/// The key's own limit as a budget.
fn budget(usage: &KeyUsage) -> Option<Value> {
    let usd = |nanos: i64| Value::Number(Amount::from_nanos(nanos).to_json_number());
    let limit = usage.limit?;
    let remaining = usage.limit_remaining.unwrap_or(limit);
    Some(json!({
        "scope": "key_limit",
        "budget_id": null,
        "guardrail_id": null,
        "include_byok": usage.limit_counts_own_keys,
        "limit_usd": usd(limit),
        "remaining_usd": usd(remaining),
        "spend_usd": usd(limit.saturating_sub(remaining)),
        "reset_interval": Some(usage.limit_reset.as_str()).filter(|reset| !reset.is_empty()),
        "resets_at": resets_at(&usage.limit_reset, Utc::now()).map(time),
    }))
}

/// When a window that began before `now` ends: at UTC midnight, on Monday, or on the first.
fn resets_at(reset: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let today = now.date_naive();
    let day = match reset {
        "daily" => today.checked_add_days(Days::new(1))?,
        "weekly" => {
            let since_monday = u64::from(today.weekday().num_days_from_monday());
            today.checked_add_days(Days::new(7 - since_monday))?
        }
        "monthly" => today.with_day(1)?.checked_add_months(Months::new(1))?,
        _ => return None,
    };
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `GET /api/v1/credits`: what the organisation bought and used.
pub(crate) async fn credits(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = auth::authenticate_as(&app.keys, request.headers(), KeyKind::Management).await?;
    let message = GetCreditsRequest { tenant_id: context.tenant().to_string() };
    let credits = rpc::retry(3, || {
        let (mut billing, message) = (BillingClient::new(app.billing.clone()), message.clone());
        async move { billing.get_credits(message).await }
    })
    .await?
    .into_inner();
    let body = json!({ "data": {
        "total_credits": Amount::from_nanos(credits.total_credits).to_json_number(),
        "total_usage": Amount::from_nanos(credits.total_usage).to_json_number(),
    }});
    Ok(reply::json(StatusCode::OK, &body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_at_midnight_on_monday_and_on_the_first() {
        let now = DateTime::parse_from_rfc3339("2026-12-31T23:59:59Z").unwrap().to_utc();
        let at = |reset| resets_at(reset, now).map(time);
        assert_eq!(at("daily").as_deref(), Some("2027-01-01T00:00:00.000Z"));
        assert_eq!(at("weekly").as_deref(), Some("2027-01-04T00:00:00.000Z"));
        assert_eq!(at("monthly").as_deref(), Some("2027-01-01T00:00:00.000Z"));
        assert_eq!(at(""), None);
    }
}
