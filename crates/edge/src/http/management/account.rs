//! What a key may know of itself and its organisation.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Datelike as _, Days, Months, NaiveTime, SecondsFormat, Utc};
use http::StatusCode;
use identity::KeyKind;
use pricing::Amount;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{GetCreditsRequest, GetKeyUsageRequest, KeyUsage};
use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Data;
use crate::access::{Caller, CallingKey};
use crate::auth::Context;
use crate::http::reply::{self, Refusal};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(key)).routes(routes!(key_as_it_was)).routes(routes!(credits))
}

/// Show the calling key
#[utoipa::path(get, path = "/key", operation_id = "getCurrentKey", tag = "API Keys",
    responses((status = 200, description = "The key", body = Data<CurrentKey>)),
    security(("inference_key" = ["keys.read"]), ("management_key" = ["keys.read"])))]
async fn key(State(app): State<Arc<App>>, CallingKey(context): CallingKey) -> Result<Response, Refusal> {
    let message =
        GetKeyUsageRequest { tenant_id: context.tenant().to_string(), key_id: context.key.id.to_string() };
    let usage = rpc::retry(3, || {
        let (mut billing, message) = (BillingClient::new(app.billing.clone()), message.clone());
        async move { billing.get_key_usage(message).await }
    })
    .await?
    .into_inner();
    let free = app.limits.free_per_day(context.tenant(), usage.has_paid);
    let used = app.limits.spent(&free).await;
    let free = FreeRequests { limit: free.limit, remaining: free.limit.saturating_sub(used), used };
    Ok(reply::json(StatusCode::OK, &Data { data: CurrentKey::of(&context, &usage, free) }))
}

/// Show the calling key, by its former path
#[utoipa::path(get, path = "/auth/key", operation_id = "getCurrentKeyByFormerPath", tag = "API Keys",
    responses((status = 200, description = "The key", body = Data<CurrentKey>)),
    security(("inference_key" = ["keys.read"]), ("management_key" = ["keys.read"])))]
async fn key_as_it_was(app: State<Arc<App>>, caller: CallingKey) -> Result<Response, Refusal> {
    key(app, caller).await
}

/// A key as it sees itself. Money is in USD.
#[derive(Debug, Serialize, ToSchema)]
struct CurrentKey {
    label: String,
    name: String,
    /// SHA-256 of the key in hexadecimal.
    hash: String,
    /// Null = none.
    #[schema(value_type = Option<f64>)]
    limit: Option<Number>,
    #[schema(value_type = Option<f64>)]
    limit_remaining: Option<Number>,
    /// `daily`, `weekly` or `monthly`; null = the limit is for ever.
    limit_reset: Option<String>,
    #[schema(value_type = f64)]
    usage: Number,
    #[schema(value_type = f64)]
    usage_daily: Number,
    #[schema(value_type = f64)]
    usage_weekly: Number,
    #[schema(value_type = f64)]
    usage_monthly: Number,
    #[schema(value_type = f64)]
    byok_usage: Number,
    #[schema(value_type = f64)]
    byok_usage_daily: Number,
    #[schema(value_type = f64)]
    byok_usage_weekly: Number,
    #[schema(value_type = f64)]
    byok_usage_monthly: Number,
    include_byok_in_limit: bool,
    /// Nothing was ever paid.
    is_free_tier: bool,
    is_management_key: bool,
    is_provisioning_key: bool,
    creator_user_id: Option<String>,
    organization_id: String,
    workspace_id: String,
    created_at: String,
    expires_at: Option<String>,
    allowed_data_regions: [&'static str; 1],
    budgets: Vec<KeyBudget>,
    effective_budget: Option<KeyBudget>,
    rate_limit: RateLimit,
    free_model_daily_requests: FreeRequests,
}

/// Requests to free models today, UTC.
#[derive(Debug, Serialize, ToSchema)]
struct FreeRequests {
    limit: u64,
    remaining: u64,
    used: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct RateLimit {
    /// -1 = none.
    requests: i64,
    interval: &'static str,
    note: &'static str,
}

impl CurrentKey {
    fn of(context: &Context, usage: &KeyUsage, free_model_daily_requests: FreeRequests) -> Self {
        let key = &context.key;
        let budget = KeyBudget::of(usage);
        let is_management_key = key.kind == KeyKind::Management;
        Self {
            label: key.label.clone(),
            name: key.name.clone(),
            hash: context.hash.to_string(),
            limit: usage.limit.map(usd),
            limit_remaining: usage.limit_remaining.map(usd),
            limit_reset: reset(usage),
            usage: usd(usage.total),
            usage_daily: usd(usage.daily),
            usage_weekly: usd(usage.weekly),
            usage_monthly: usd(usage.monthly),
            byok_usage: usd(usage.own_keys_total),
            byok_usage_daily: usd(usage.own_keys_daily),
            byok_usage_weekly: usd(usage.own_keys_weekly),
            byok_usage_monthly: usd(usage.own_keys_monthly),
            include_byok_in_limit: usage.limit_counts_own_keys,
            is_free_tier: !usage.has_paid,
            is_management_key,
            is_provisioning_key: is_management_key,
            creator_user_id: None,
            organization_id: context.tenant().to_string(),
            workspace_id: key.workspace.to_string(),
            created_at: time(key.created_at),
            expires_at: key.expires_at.map(time),
            allowed_data_regions: ["global"],
            budgets: budget.iter().cloned().collect(),
            effective_budget: budget,
            rate_limit: RateLimit {
                requests: key.rate_limit.map_or(-1, i64::from),
                interval: "1m",
                note: "This field is deprecated and safe to ignore.",
            },
            free_model_daily_requests,
        }
    }
}

fn usd(nanos: i64) -> Number {
    Amount::from_nanos(nanos).to_json_number()
}

fn reset(usage: &KeyUsage) -> Option<String> {
    Some(usage.limit_reset.clone()).filter(|reset| !reset.is_empty())
}

/// The key's own limit as a budget.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct KeyBudget {
    scope: &'static str,
    budget_id: Option<String>,
    guardrail_id: Option<String>,
    include_byok: bool,
    #[schema(value_type = f64)]
    limit_usd: Number,
    #[schema(value_type = f64)]
    remaining_usd: Number,
    #[schema(value_type = f64)]
    spend_usd: Number,
    reset_interval: Option<String>,
    resets_at: Option<String>,
}

impl KeyBudget {
    fn of(usage: &KeyUsage) -> Option<Self> {
        let limit = usage.limit?;
        let remaining = usage.limit_remaining.unwrap_or(limit);
        Some(Self {
            scope: "key_limit",
            budget_id: None,
            guardrail_id: None,
            include_byok: usage.limit_counts_own_keys,
            limit_usd: usd(limit),
            remaining_usd: usd(remaining),
            spend_usd: usd(limit.saturating_sub(remaining)),
            reset_interval: reset(usage),
            resets_at: resets_at(&usage.limit_reset, Utc::now()).map(time),
        })
    }
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

/// What an organisation bought and used, in USD.
#[derive(Debug, Serialize, ToSchema)]
struct Credits {
    #[schema(value_type = f64)]
    total_credits: Number,
    #[schema(value_type = f64)]
    total_usage: Number,
}

/// Show the credits of the organisation
#[utoipa::path(get, path = "/credits", operation_id = "getCredits", tag = "Credits",
    responses((status = 200, description = "What was bought and used", body = Data<Credits>)),
    security(("management_key" = ["credits.read"]), ("session" = ["credits.read"])))]
async fn credits(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Refusal> {
    let message = GetCreditsRequest { tenant_id: caller.tenant.to_string() };
    let credits = rpc::retry(3, || {
        let (mut billing, message) = (BillingClient::new(app.billing.clone()), message.clone());
        async move { billing.get_credits(message).await }
    })
    .await?
    .into_inner();
    let data = Credits { total_credits: usd(credits.total_credits), total_usage: usd(credits.total_usage) };
    Ok(reply::json(StatusCode::OK, &Data { data }))
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
