//! Tenants, credit and limits of keys.

use chrono::{DateTime, Utc};
use identity::{AccountId, KeyId, TenantId};
use sqlx::PgPool;

use crate::Error;

/// The largest limit; twice it is still in range.
pub(crate) const LIMIT_MAX: i64 = i64::MAX / 4;

/// What is known of whoever pays.
pub(crate) struct Terms {
    pub has_paid: bool,
}

pub(crate) struct Credits {
    pub added: i64,
    pub spent: i64,
    pub held: i64,
    /// What may be owed.
    pub line: i64,
}

/// What a key spent, by its UTC window, and what its limit leaves.
pub(crate) struct KeyUsage {
    pub total: i64,
    pub daily: i64,
    pub weekly: i64,
    pub monthly: i64,
    pub limit: Option<i64>,
    pub remaining: Option<i64>,
    pub reset: String,
    pub has_paid: bool,
}

pub(crate) async fn terms(pool: &PgPool, tenant: TenantId) -> Result<Option<Terms>, Error> {
    let terms = sqlx::query_as!(
        Terms,
        r#"select t.has_paid
        from billing.tenant t
        where t.tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(terms)
}

pub(crate) async fn credits(pool: &PgPool, tenant: TenantId) -> Result<Option<Credits>, Error> {
    let credits = sqlx::query_as!(
        Credits,
        "select b.added, b.spent, b.held, b.line from billing.tenant t
        join billing.balance b on b.account_id = t.credit_account_id and b.window_start = 'epoch'
        where t.tenant_id = $1",
        tenant.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(credits)
}

pub(crate) async fn key_usage(
    pool: &PgPool,
    tenant: TenantId,
    key: KeyId,
) -> Result<Option<KeyUsage>, Error> {
    let usage = sqlx::query_as!(
        KeyUsage,
        r#"with now as materialized (select billing.clock() as at)
        select t.has_paid,
            billing.key_spent($2, 'epoch') as "total!",
            billing.key_spent($2, billing.window_start('daily', now.at)) as "daily!",
            billing.key_spent($2, billing.window_start('weekly', now.at)) as "weekly!",
            billing.key_spent($2, billing.window_start('monthly', now.at)) as "monthly!",
            a.limit_nano as "limit?",
            case when a.limit_nano is not null then greatest(coalesce(b.posted,
                billing.opening(a, billing.window_start(a.reset, now.at))), 0) end as remaining,
            coalesce(a.reset, '') as "reset!"
        from billing.tenant t
        cross join now
        left join billing.account a on a.kind = 'key_limit' and a.key_id = $2 and a.tenant_id = t.tenant_id
        left join billing.balance b on b.account_id = a.account_id
            and b.window_start = billing.window_start(a.reset, now.at)
        where t.tenant_id = $1"#,
        tenant.uuid(),
        key.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(usage)
}

/// Opens a tenant's credit account; the same one when it is open.
pub(crate) async fn open_tenant(
    pool: &PgPool,
    tenant: TenantId,
    plan: &str,
    markup_basis_points: i32,
) -> Result<AccountId, Error> {
    let account = sqlx::query_scalar!(
        r#"select billing.open_tenant($1, $2, $3) as "account!""#,
        tenant.uuid(),
        plan,
        markup_basis_points
    )
    .fetch_one(pool)
    .await?;
    Ok(AccountId::from_uuid(account))
}

pub(crate) async fn put_key_limit(
    pool: &PgPool,
    tenant: TenantId,
    key: KeyId,
    limit: Option<i64>,
    reset: &str,
    counts_own_keys: Option<bool>,
) -> Result<(), Error> {
    sqlx::query!(
        "select billing.put_key_limit($1, $2, $3, $4, $5)",
        tenant.uuid(),
        key.uuid(),
        limit,
        reset,
        counts_own_keys
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Adds credit once per source. The balance after it. What is left of a promotion goes at `expires_at`.
pub(crate) async fn grant_credit(
    pool: &PgPool,
    tenant: TenantId,
    amount: i64,
    kind: &str,
    source: &str,
    note: &str,
    expires_at: Option<DateTime<Utc>>,
) -> Result<i64, Error> {
    let balance = sqlx::query_scalar!(
        r#"select billing.grant_credit($1, $2, $3, $4, $5, $6) as "balance!""#,
        tenant.uuid(),
        amount,
        kind,
        source,
        note,
        expires_at
    )
    .fetch_one(pool)
    .await?;
    Ok(balance)
}
