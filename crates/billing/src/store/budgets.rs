//! Budgets, the accounts that a key's requests reserve from, and credit lines.

use chrono::{DateTime, Utc};
use identity::TenantId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// On whose behalf a key's requests spend.
#[derive(Debug, Clone)]
pub(crate) struct Spender {
    pub tenant: Uuid,
    pub key: Uuid,
    pub workspace: Option<Uuid>,
    /// The member whose key it is.
    pub member: Option<Uuid>,
    /// Assigned to the key or its workspace.
    pub guardrails: Vec<Uuid>,
    pub member_guardrails: Vec<Uuid>,
}

/// What a request reserves from.
#[derive(Debug)]
pub(crate) struct SpendAccount {
    pub account_id: Uuid,
    pub kind: String,
    /// Of a budget: `workspace`, `member` or `guardrail`.
    pub subject_kind: Option<String>,
    pub reset: String,
    /// Nano-USD.
    pub limit: Option<i64>,
    pub counts_own_keys: bool,
}

/// Which budget.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub tenant: TenantId,
    pub subject_kind: String,
    pub subject: Uuid,
    /// `daily`, `weekly`, `monthly`, or empty: it never resets.
    pub reset: String,
}

/// A budget and its window at this moment, in nano-USD.
#[derive(Debug)]
pub(crate) struct Budget {
    pub account_id: Uuid,
    pub subject_kind: String,
    pub subject: Uuid,
    pub holder_kind: Option<String>,
    pub holder: Option<Uuid>,
    pub reset: String,
    pub limit: i64,
    pub left: i64,
    pub held: i64,
    /// Of a window that ends.
    pub ends_at: Option<DateTime<Utc>>,
    pub counts_own_keys: bool,
    pub created_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
}

/// Which budgets to list.
#[derive(Debug)]
pub(crate) struct Filter {
    pub tenant: TenantId,
    /// Kind and id; all subjects without.
    pub subject: Option<(String, Uuid)>,
    /// One account alone.
    pub account: Option<Uuid>,
    /// The last account of the page before.
    pub after: Uuid,
    pub limit: i64,
}

/// Nano-USD.
#[derive(Debug)]
pub(crate) struct CreditLine {
    pub line: i64,
    pub posted: i64,
    pub held: i64,
    pub available: i64,
}

/// The accounts that a key's requests reserve from, the broadest first. Opens those of guardrails' budgets that are
/// asked for the first time.
pub(crate) async fn spend_accounts(pool: &PgPool, spender: &Spender) -> Result<Vec<SpendAccount>, Error> {
    let accounts = sqlx::query_as!(
        SpendAccount,
        r#"select account_id as "account_id!", kind as "kind!", subject_kind, reset as "reset!",
            limit_nano as "limit", counts_own_keys as "counts_own_keys!"
        from billing.spend_accounts($1, $2, $3, $4, $5, $6)"#,
        spender.tenant,
        spender.key,
        spender.workspace,
        spender.member,
        &spender.guardrails,
        &spender.member_guardrails,
    )
    .fetch_all(pool)
    .await?;
    Ok(accounts)
}

/// Sets a budget. Its account.
pub(crate) async fn put(
    pool: &PgPool,
    place: &Place,
    limit: i64,
    counts_own_keys: Option<bool>,
) -> Result<Uuid, Error> {
    let account = sqlx::query_scalar!(
        r#"select billing.put_budget($1, $2, $3, $4, $5, $6) as "account!""#,
        place.tenant.uuid(),
        place.subject_kind,
        place.subject,
        place.reset,
        limit,
        counts_own_keys,
    )
    .fetch_one(pool)
    .await?;
    Ok(account)
}

/// Takes a budget away. Whether there was one.
pub(crate) async fn delete(pool: &PgPool, place: &Place) -> Result<bool, Error> {
    let existed = sqlx::query_scalar!(
        r#"select billing.drop_budget($1, $2, $3, $4) as "existed!""#,
        place.tenant.uuid(),
        place.subject_kind,
        place.subject,
        place.reset,
    )
    .fetch_one(pool)
    .await?;
    Ok(existed)
}

/// Budgets in the order of their accounts. The holders of a guardrail's budgets come with that guardrail alone.
pub(crate) async fn list(pool: &PgPool, filter: &Filter) -> Result<Vec<Budget>, Error> {
    let (kind, subject) = filter.subject.clone().unzip();
    let budgets = sqlx::query_as!(
        Budget,
        r#"with now as materialized (select billing.clock() as at)
        select a.account_id, a.subject_kind as "subject_kind!", a.subject_id as "subject!", a.holder_kind,
            a.holder_id as holder, a.reset, a.limit_nano as "limit!",
            coalesce(b.posted, billing.opening(a, billing.window_start(a.reset, now.at))) as "left!",
            coalesce(b.held, 0) as "held!",
            nullif(billing.window_end(a.reset, now.at), 'infinity') as ends_at,
            a.counts_own_keys, a.created_at, a.changed_at
        from billing.account a
        cross join now
        left join billing.balance b on b.account_id = a.account_id
            and b.window_start = billing.window_start(a.reset, now.at)
        where a.kind = 'budget' and a.tenant_id = $1 and a.limit_nano is not null and a.account_id > $5
            and ($4::uuid is null or a.account_id = $4)
            and case when $2::text is null then a.holder_id is null
                else a.subject_kind = $2 and a.subject_id = $3 end
        order by a.account_id
        limit $6"#,
        filter.tenant.uuid(),
        kind,
        subject,
        filter.account,
        filter.after,
        filter.limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(budgets)
}

/// Whether what own credentials serve counts for a subject's budgets, whether or not it has any now.
pub(crate) async fn counts_own_keys(
    pool: &PgPool,
    tenant: TenantId,
    kind: &str,
    subject: Uuid,
) -> Result<bool, Error> {
    let counts = sqlx::query_scalar!(
        r#"select coalesce(bool_or(counts_own_keys), false) as "counts!" from billing.account
        where kind = 'budget' and tenant_id = $1 and subject_kind = $2 and subject_id = $3"#,
        tenant.uuid(),
        kind,
        subject,
    )
    .fetch_one(pool)
    .await?;
    Ok(counts)
}

pub(crate) async fn credit_line(pool: &PgPool, tenant: TenantId) -> Result<Option<CreditLine>, Error> {
    let line = sqlx::query_as!(
        CreditLine,
        r#"select b.line, b.posted as "posted!", b.held, b.available as "available!"
        from billing.tenant t
        join billing.balance b on b.account_id = t.credit_account_id and b.window_start = 'epoch'
        where t.tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(line)
}

/// Counts what was on its way past limits that were set lately: how many accounts, at most so many.
pub(crate) async fn refit(pool: &PgPool, lately_ms: i64, limit: i32) -> Result<i64, Error> {
    let fitted = sqlx::query_scalar!(r#"select billing.refit($1, $2) as "fitted!""#, lately_ms, limit)
        .fetch_one(pool)
        .await?;
    Ok(fitted)
}

/// Brings the bounds of lowered credit lines down to what is still owed: how many.
pub(crate) async fn lower_lines(pool: &PgPool) -> Result<i64, Error> {
    let lowered =
        sqlx::query_scalar!(r#"select billing.lower_lines() as "lowered!""#).fetch_one(pool).await?;
    Ok(lowered)
}
