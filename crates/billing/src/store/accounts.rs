//! Tenants, credit and limits of keys.

use chrono::{DateTime, Utc};
use identity::{AccountId, KeyId, TenantId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// The largest limit; twice it is still in range.
pub(crate) const LIMIT_MAX: i64 = i64::MAX / 4;

/// What is known of whoever pays.
pub(crate) struct Terms {
    pub has_paid: bool,
    /// Nano-USD, less what went back.
    pub bought: i64,
}

pub(crate) struct Credits {
    pub added: i64,
    pub spent: i64,
    pub held: i64,
    /// What may be owed.
    pub line: i64,
}

/// What a key spent and what the tenant's own credentials paid for it at list price, by UTC window, in nano-USD; and
/// what its limit leaves.
pub(crate) struct KeyUsage {
    pub key: Uuid,
    pub total: i64,
    pub daily: i64,
    pub weekly: i64,
    pub monthly: i64,
    pub own_total: i64,
    pub own_daily: i64,
    pub own_weekly: i64,
    pub own_monthly: i64,
    pub limit: Option<i64>,
    pub remaining: Option<i64>,
    pub reset: String,
    pub counts_own_keys: bool,
    pub has_paid: bool,
    pub bought: i64,
}

pub(crate) async fn terms(pool: &PgPool, tenant: TenantId) -> Result<Option<Terms>, Error> {
    let terms = sqlx::query_as!(
        Terms,
        r#"select t.has_paid, billing.bought(t.tenant_id) as "bought!"
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

/// What these keys of a tenant used, in their order; nothing of a tenant that is unknown.
pub(crate) async fn key_usage(
    pool: &PgPool,
    tenant: TenantId,
    keys: &[Uuid],
) -> Result<Vec<KeyUsage>, Error> {
    let usage = sqlx::query_as!(
        KeyUsage,
        r#"with windows as materialized (select now.at,
            (billing.window_start('daily', now.at) at time zone 'UTC')::date as daily,
            (billing.window_start('weekly', now.at) at time zone 'UTC')::date as weekly,
            (billing.window_start('monthly', now.at) at time zone 'UTC')::date as monthly
            from (select billing.clock() as at) now)
        select k.id as "key!", t.has_paid, p.bought as "bought!", s.total as "total!", s.daily as "daily!", s.weekly as "weekly!",
            s.monthly as "monthly!", s.own_total as "own_total!", s.own_daily as "own_daily!",
            s.own_weekly as "own_weekly!", s.own_monthly as "own_monthly!",
            a.limit_nano as "limit?",
            case when a.limit_nano is not null then greatest(coalesce(b.posted,
                billing.opening(a, billing.window_start(a.reset, w.at))), 0) end as remaining,
            coalesce(a.reset, '') as "reset!", coalesce(a.counts_own_keys, false) as "counts_own_keys!"
        from billing.tenant t
        cross join windows w
        cross join lateral billing.bought(t.tenant_id) as p (bought)
        cross join unnest($2::uuid[]) with ordinality as k (id, n)
        cross join lateral (select
            coalesce(sum(u.charge), 0)::bigint as total,
            coalesce(sum(u.charge) filter (where u.day >= w.daily), 0)::bigint as daily,
            coalesce(sum(u.charge) filter (where u.day >= w.weekly), 0)::bigint as weekly,
            coalesce(sum(u.charge) filter (where u.day >= w.monthly), 0)::bigint as monthly,
            coalesce(sum(u.upstream_cost), 0)::bigint as own_total,
            coalesce(sum(u.upstream_cost) filter (where u.day >= w.daily), 0)::bigint as own_daily,
            coalesce(sum(u.upstream_cost) filter (where u.day >= w.weekly), 0)::bigint as own_weekly,
            coalesce(sum(u.upstream_cost) filter (where u.day >= w.monthly), 0)::bigint as own_monthly
            from billing.key_usage u where u.key_id = k.id and u.tenant_id = t.tenant_id) s
        left join billing.account a on a.kind = 'key_limit' and a.key_id = k.id and a.tenant_id = t.tenant_id
        left join billing.balance b on b.account_id = a.account_id
            and b.window_start = billing.window_start(a.reset, w.at)
        where t.tenant_id = $1
        order by k.n"#,
        tenant.uuid(),
        keys,
    )
    .fetch_all(pool)
    .await?;
    Ok(usage)
}

/// Rows of usage that one statement takes names away from.
const NAMED: i32 = 5_000;

/// Forgets who a tenant is and how it pays; what was booked stays. How much of it has not settled yet.
pub(crate) async fn erase_tenant(pool: &PgPool, tenant: TenantId) -> Result<i64, Error> {
    sqlx::query!(r#"select billing.erase_tenant($1) as "erased: ()""#, tenant.uuid()).fetch_one(pool).await?;
    // Looked at first: what settles meanwhile still loses its names below.
    let unsettled = sqlx::query_scalar!(r#"select billing.unsettled($1) as "unsettled!""#, tenant.uuid())
        .fetch_one(pool)
        .await?;
    while erase_names(pool, tenant).await? >= i64::from(NAMED) {}
    // Last: what is folded by now names nobody.
    while erase_apps(pool, tenant).await? >= i64::from(NAMED) {}
    Ok(unsettled)
}

async fn erase_names(pool: &PgPool, tenant: TenantId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select billing.erase_usage_names($1, $2) as "erased!""#, tenant.uuid(), NAMED)
        .fetch_one(pool)
        .await
}

async fn erase_apps(pool: &PgPool, tenant: TenantId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select billing.erase_usage_apps($1, $2) as "erased!""#, tenant.uuid(), NAMED)
        .fetch_one(pool)
        .await
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

/// Whether credit was granted by this source.
pub(crate) async fn is_granted(pool: &PgPool, tenant: TenantId, source: &str) -> Result<bool, Error> {
    // The database knows no such text.
    if source.contains('\0') {
        return Ok(false);
    }
    let known = sqlx::query_scalar!(
        r#"select exists (select from billing.transfer
            where source_id = md5($1::uuid::text || '/' || $2::text)::uuid and kind in ('purchase', 'promotion')) as "known!""#,
        tenant.uuid(),
        source
    )
    .fetch_one(pool)
    .await?;
    Ok(known)
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
