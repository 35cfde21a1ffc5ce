//! The calling key.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Datelike as _, Days, Months, NaiveTime, Utc};
use http::StatusCode;
use identity::KeyKind;
use rpc::billing::KeyUsage;
use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::Data;
use super::row::usd;
use crate::access::{Caller, Who};
use crate::auth::Context;
use crate::http::reply::{self, Refusal};
use crate::keys;
use crate::service::App;

/// The key that calls. Amounts are USD; windows are UTC days, weeks from Monday, and months.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::management) struct CurrentKey {
    label: String,
    name: String,
    hash: String,
    #[schema(value_type = Option<f64>)]
    limit: Option<Number>,
    #[schema(value_type = Option<f64>)]
    limit_remaining: Option<Number>,
    /// `daily`, `weekly`, `monthly`; null = the limit never begins anew.
    limit_reset: Option<String>,
    include_byok_in_limit: bool,
    #[schema(value_type = f64)]
    usage: Number,
    #[schema(value_type = f64)]
    usage_daily: Number,
    #[schema(value_type = f64)]
    usage_weekly: Number,
    #[schema(value_type = f64)]
    usage_monthly: Number,
    /// What the organisation's own provider keys paid for it, at list price.
    #[schema(value_type = f64)]
    byok_usage: Number,
    #[schema(value_type = f64)]
    byok_usage_daily: Number,
    #[schema(value_type = f64)]
    byok_usage_weekly: Number,
    #[schema(value_type = f64)]
    byok_usage_monthly: Number,
    /// Whether the organisation never bought credit.
    is_free_tier: bool,
    is_management_key: bool,
    /// The same, under its older name.
    is_provisioning_key: bool,
    creator_user_id: Option<String>,
    organization_id: String,
    workspace_id: Uuid,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    /// Where it may be used from; null = anywhere.
    allowed_ips: Option<Vec<String>>,
    allowed_data_regions: Vec<&'static str>,
    budgets: Vec<Budget>,
    effective_budget: Option<Budget>,
    free_model_daily_requests: FreeRequests,
    rate_limit: RateLimit,
}

/// The key's own limit as a budget.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = KeyBudget)]
struct Budget {
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
    resets_at: Option<DateTime<Utc>>,
}

/// Requests to free models, by UTC day.
#[derive(Debug, Serialize, ToSchema)]
struct FreeRequests {
    limit: u64,
    remaining: u64,
    used: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct RateLimit {
    /// -1 = the platform's default.
    requests: i64,
    interval: &'static str,
    note: &'static str,
}

fn reset(usage: &KeyUsage) -> Option<String> {
    Some(usage.limit_reset.clone()).filter(|reset| !reset.is_empty())
}

impl Budget {
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
            resets_at: resets_at(&usage.limit_reset, Utc::now()),
        })
    }
}

impl CurrentKey {
    fn of(context: &Context, usage: &KeyUsage, free: FreeRequests) -> Self {
        let key = &context.key;
        let is_management_key = key.kind == KeyKind::Management;
        let budget = Budget::of(usage);
        Self {
            label: key.label.clone(),
            name: key.name.clone(),
            hash: key.hash.to_string(),
            limit: usage.limit.map(usd),
            limit_remaining: usage.limit_remaining.map(usd),
            limit_reset: reset(usage),
            include_byok_in_limit: usage.limit_counts_own_keys,
            usage: usd(usage.total),
            usage_daily: usd(usage.daily),
            usage_weekly: usd(usage.weekly),
            usage_monthly: usd(usage.monthly),
            byok_usage: usd(usage.own_keys_total),
            byok_usage_daily: usd(usage.own_keys_daily),
            byok_usage_weekly: usd(usage.own_keys_weekly),
            byok_usage_monthly: usd(usage.own_keys_monthly),
            is_free_tier: !usage.has_paid,
            is_management_key,
            is_provisioning_key: is_management_key,
            creator_user_id: key.creator.map(|person| person.to_string()),
            organization_id: context.tenant().to_string(),
            workspace_id: key.workspace,
            created_at: key.created_at,
            expires_at: key.expires_at,
            allowed_ips: key.allowed_ips.as_ref().map(|all| all.iter().map(ToString::to_string).collect()),
            allowed_data_regions: vec!["global"],
            budgets: budget.clone().into_iter().collect(),
            effective_budget: budget,
            free_model_daily_requests: free,
            rate_limit: RateLimit {
                requests: key.ceilings.requests_per_minute.map_or(-1, i64::from),
                interval: "1m",
                note: "This field is deprecated and safe to ignore.",
            },
        }
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

/// Get current API key
#[utoipa::path(get, path = "/key", operation_id = "getCurrentKey", tag = "API Keys",
    responses((status = 200, description = "The key that calls", body = Data<CurrentKey>)),
    security(("inference_key" = []), ("management_key" = [])))]
pub(in crate::http::management) async fn current(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    match &caller.who {
        Who::Key(context) => show(&app, context).await,
        // The guard lets none in.
        Who::Person { .. } => Err(super::not_found()),
    }
}

/// What a key may know of itself.
async fn show(app: &App, context: &Context) -> Result<Response, Refusal> {
    let keys = [context.key.clone()];
    let usage = keys::usage(app, context.tenant(), &keys).await?.into_iter().next().unwrap_or_default();
    let rule = app.limits.free_per_day(context.tenant(), usage.bought);
    let used = app.limits.spent(&rule).await;
    let free = FreeRequests { limit: rule.limit, remaining: rule.limit.saturating_sub(used), used };
    let data = CurrentKey::of(context, &usage, free);
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;

    use super::*;

    #[test]
    fn windows_end_at_midnight_on_monday_and_on_the_first() {
        let now = DateTime::parse_from_rfc3339("2026-12-31T23:59:59Z").unwrap().to_utc();
        let at = |reset| resets_at(reset, now).map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        assert_eq!(at("daily").as_deref(), Some("2027-01-01T00:00:00Z"));
        assert_eq!(at("weekly").as_deref(), Some("2027-01-04T00:00:00Z"));
        assert_eq!(at("monthly").as_deref(), Some("2027-01-01T00:00:00Z"));
        assert_eq!(at(""), None);
    }
}
