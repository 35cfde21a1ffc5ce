//! A key as its organisation sees it.

use chrono::{DateTime, Utc};
use pricing::Amount;
use rpc::billing::KeyUsage;
use serde::Serialize;
use serde_json::{Number, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::keys::Key;

/// An API key. Amounts are USD; windows are UTC days, weeks from Monday, and months.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeyRow)]
pub(super) struct Row {
    /// The key's name in paths, for good.
    hash: String,
    name: String,
    /// The masked form of its secret.
    label: String,
    disabled: bool,
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
    created_at: DateTime<Utc>,
    updated_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    /// To within a minute.
    last_used_at: Option<DateTime<Utc>>,
    creator_user_id: Option<String>,
    /// Always null: keys of users of other platforms are not kept.
    #[schema(value_type = Option<Object>)]
    external_user: Value,
    workspace_id: Uuid,
    /// `inference` or `management`.
    kind: &'static str,
    /// Where it may be used from; null = anywhere.
    allowed_ips: Option<Vec<String>>,
    /// Requests per minute; null = the platform's default, as of the next two.
    rate_limit_rpm: Option<u32>,
    /// Tokens per minute.
    rate_limit_tpm: Option<u32>,
    /// Requests at once.
    max_concurrent: Option<u32>,
    /// When it got its present secret, where that is not the first.
    rotated_at: Option<DateTime<Utc>>,
    /// Until when the secret before is in force too.
    previous_key_expires_at: Option<DateTime<Utc>>,
}

/// Nano-USD as the public API writes amounts.
pub(in crate::http::management) fn usd(nanos: i64) -> Number {
    Amount::from_nanos(nanos).to_json_number()
}

impl Row {
    pub(super) fn of(key: Key, used: Option<&KeyUsage>) -> Self {
        let nothing = KeyUsage::default();
        let used = used.unwrap_or(&nothing);
        Self {
            hash: key.hash.to_string(),
            name: key.name,
            label: key.label,
            disabled: key.disabled,
            limit: used.limit.map(usd),
            limit_remaining: used.limit_remaining.map(usd),
            limit_reset: Some(used.limit_reset.clone()).filter(|reset| !reset.is_empty()),
            include_byok_in_limit: used.limit_counts_own_keys,
            usage: usd(used.total),
            usage_daily: usd(used.daily),
            usage_weekly: usd(used.weekly),
            usage_monthly: usd(used.monthly),
            byok_usage: usd(used.own_keys_total),
            byok_usage_daily: usd(used.own_keys_daily),
            byok_usage_weekly: usd(used.own_keys_weekly),
            byok_usage_monthly: usd(used.own_keys_monthly),
            created_at: key.created_at,
            updated_at: Some(key.updated_at),
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            creator_user_id: key.creator.map(|person| person.to_string()),
            external_user: Value::Null,
            workspace_id: key.workspace,
            kind: key.kind.as_str(),
            allowed_ips: key.allowed_ips.map(|all| all.iter().map(ToString::to_string).collect()),
            rate_limit_rpm: key.ceilings.requests_per_minute,
            rate_limit_tpm: key.ceilings.tokens_per_minute,
            max_concurrent: key.ceilings.concurrent,
            rotated_at: key.rotated_at,
            previous_key_expires_at: key.previous_until.filter(|until| *until > Utc::now()),
        }
    }
}
