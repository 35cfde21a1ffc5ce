//! Payments, what goes back of them, and who pays.

use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::TenantId;
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Error;
use crate::app::payments::Wanted;
use crate::processor::Facts;

/// A purchase of credit. Amounts are nano-USD.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub payment_id: Uuid,
    pub tenant_id: Uuid,
    pub kind: String,
    pub source: String,
    pub amount: i64,
    pub fee: i64,
    pub tax: i64,
    pub state: String,
    pub saves_card: bool,
    pub customer_id: Option<String>,
    pub payment_method_id: Option<String>,
    pub session_id: Option<String>,
    pub intent_id: Option<String>,
    pub url: Option<String>,
    pub failure: Option<String>,
    pub created_at: DateTime<Utc>,
    pub paid_at: Option<DateTime<Utc>>,
    /// Seconds since it was opened, by billing's clock.
    pub age: i64,
    pub reversals: Json<Vec<Reversal>>,
}

impl Payment {
    pub(crate) fn age(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.age).unwrap_or(0))
    }
}

#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Reversal {
    pub reversal_id: Uuid,
    pub kind: String,
    pub amount: i64,
    pub credit: i64,
    pub lost: i64,
    pub state: String,
    pub reason: String,
    pub actor: String,
    pub processor_id: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// When credit is to be bought by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub enabled: bool,
    pub threshold: i64,
    pub amount: i64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct AutoTopUp {
    pub enabled: bool,
    pub threshold: i64,
    pub amount: i64,
    pub card_brand: Option<String>,
    pub card_last4: Option<String>,
    pub running: bool,
    pub failures: i32,
    pub failure: Option<String>,
    /// `None` = at any time.
    pub next_at: Option<DateTime<Utc>>,
    pub flagged: bool,
}

/// Opens a payment, or finds the one that has the source. Its fee is what the tenant's plan says.
pub(crate) async fn open(
    pool: &PgPool,
    id: Uuid,
    tenant: TenantId,
    source: &str,
    amount: i64,
    saves_card: bool,
) -> Result<Payment, Error> {
    let id = sqlx::query_scalar!(
        r#"select p.payment_id as "id!" from billing.open_payment($1, $2, 'checkout', $3, $4, $5) p"#,
        id,
        tenant.uuid(),
        source,
        amount,
        saves_card,
    )
    .fetch_one(pool)
    .await?;
    get(pool, id).await?.ok_or(Error::Unknown("payment"))
}

pub(crate) async fn get(pool: &PgPool, id: Uuid) -> Result<Option<Payment>, Error> {
    Ok(all(pool, &[id]).await?.pop())
}

/// The payments, newest first.
async fn all(pool: &PgPool, ids: &[Uuid]) -> Result<Vec<Payment>, Error> {
    let payments = sqlx::query_as!(
        Payment,
        r#"select p.payment_id, p.tenant_id, p.kind, p.source, p.amount, p.fee, p.tax, p.state, p.saves_card,
            p.customer_id, p.payment_method_id, p.session_id, p.intent_id, p.url, p.failure, p.created_at, p.paid_at,
            extract(epoch from billing.clock() - p.created_at)::bigint as "age!",
            coalesce((select jsonb_agg(to_jsonb(r) order by r.created_at, r.reversal_id)
                from billing.reversal r where r.payment_id = p.payment_id), '[]') as "reversals!: Json<Vec<Reversal>>"
        from billing.payment p where p.payment_id = any ($1)
        order by p.created_at desc, p.payment_id desc"#,
        ids,
    )
    .fetch_all(pool)
    .await?;
    Ok(payments)
}

/// A page of a tenant's payments after `after`, newest first.
pub(crate) async fn list(
    pool: &PgPool,
    tenant: TenantId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Payment>, Error> {
    let ids = sqlx::query_scalar!(
        r#"select p.payment_id from billing.payment p
        where p.tenant_id = $1 and ($2::uuid is null or (p.created_at, p.payment_id)
            < (select a.created_at, a.payment_id from billing.payment a where a.payment_id = $2 and a.tenant_id = $1))
        order by p.created_at desc, p.payment_id desc limit $3"#,
        tenant.uuid(),
        after,
        limit,
    )
    .fetch_all(pool)
    .await?;
    all(pool, &ids).await
}

/// The payment that something at the processor belongs to.
pub(crate) async fn find(
    pool: &PgPool,
    id: Option<Uuid>,
    session: Option<&str>,
    intent: Option<&str>,
) -> Result<Option<Payment>, Error> {
    let id = sqlx::query_scalar!(
        "select payment_id from billing.payment where payment_id = $1 or session_id = $2 or intent_id = $3 limit 1",
        id,
        session,
        intent,
    )
    .fetch_optional(pool)
    .await?;
    match id {
        Some(id) => get(pool, id).await,
        None => Ok(None),
    }
}

/// Notes the page of a payment. The first one stays.
pub(crate) async fn put_session(
    pool: &PgPool,
    id: Uuid,
    session: &str,
    url: Option<&str>,
) -> Result<Payment, Error> {
    sqlx::query!(
        "update billing.payment set session_id = coalesce(session_id, $2), url = coalesce(url, $3) where payment_id = $1",
        id,
        session,
        url,
    )
    .execute(pool)
    .await?;
    get(pool, id).await?.ok_or(Error::Unknown("payment"))
}

/// Brings the books to what the processor says. Saying it again changes nothing.
pub(crate) async fn apply(pool: &PgPool, id: Uuid, facts: &Facts) -> Result<Payment, Error> {
    sqlx::query!("select p.state from billing.apply_payment($1, $2) p", id, Json(facts) as _)
        .fetch_one(pool)
        .await?;
    get(pool, id).await?.ok_or(Error::Unknown("payment"))
}

/// Takes a refund out of credit. `hours` bounds how long after paying.
pub(crate) async fn open_refund(
    pool: &PgPool,
    id: Uuid,
    wanted: &Wanted,
    hours: Option<u32>,
) -> Result<(), Error> {
    sqlx::query!(
        "select r.state from billing.open_refund($1, $2, $3, $4, $5, $6, $7, $8 * interval '1 hour') r",
        id,
        wanted.payment,
        wanted.tenant.map(TenantId::uuid),
        wanted.source,
        wanted.amount,
        wanted.reason,
        wanted.actor,
        hours.map(f64::from),
    )
    .fetch_one(pool)
    .await?;
    Ok(())
}

/// Refunds that the processor has not confirmed to have.
pub(crate) async fn unasked_refunds(pool: &PgPool, payment: Uuid) -> Result<Vec<Reversal>, Error> {
    let found = sqlx::query_as!(
        Reversal,
        "select reversal_id, kind, amount, credit, lost, state, reason, actor, processor_id, created_at
        from billing.reversal
        where payment_id = $1 and kind = 'refund' and state = 'pending' and processor_id is null
        order by created_at",
        payment,
    )
    .fetch_all(pool)
    .await?;
    Ok(found)
}

/// Gives back what a refund took that will not be made.
pub(crate) async fn refuse_refund(pool: &PgPool, reversal: Uuid) -> Result<(), Error> {
    sqlx::query!("select billing.refuse_refund($1)", reversal).execute(pool).await?;
    Ok(())
}

/// Payments that nobody asked about for `after_ms`; they are the caller's to ask about.
pub(crate) async fn due(pool: &PgPool, after_ms: i64, batch: i32) -> Result<Vec<Uuid>, Error> {
    let due = sqlx::query_scalar!(
        r#"select id as "id!" from billing.due_payments($1 * interval '1 millisecond', $2) id"#,
        f64::from(i32::try_from(after_ms).unwrap_or(i32::MAX)),
        batch,
    )
    .fetch_all(pool)
    .await?;
    Ok(due)
}

/// Begins the automatic purchases that are due; they are the caller's to charge.
pub(crate) async fn begin_auto_top_ups(pool: &PgPool, batch: i32) -> Result<Vec<Uuid>, Error> {
    let begun = sqlx::query_scalar!(r#"select id as "id!" from billing.begin_auto_top_ups($1) id"#, batch)
        .fetch_all(pool)
        .await?;
    Ok(begun)
}

/// Nano-USD of promotions that were taken away.
pub(crate) async fn expire_promotions(pool: &PgPool, batch: i32) -> Result<i64, Error> {
    let expired = sqlx::query_scalar!(r#"select billing.expire_promotions($1) as "nano!""#, batch);
    Ok(expired.fetch_one(pool).await?)
}

/// Nano-USD that were owed and taken.
pub(crate) async fn collect_owed(pool: &PgPool, batch: i32) -> Result<i64, Error> {
    let collected = sqlx::query_scalar!(r#"select billing.collect_owed($1) as "nano!""#, batch);
    Ok(collected.fetch_one(pool).await?)
}

pub(crate) async fn auto_top_up(pool: &PgPool, tenant: TenantId) -> Result<AutoTopUp, Error> {
    let found = sqlx::query_as!(
        AutoTopUp,
        r#"select auto_enabled as enabled, auto_threshold as threshold, auto_amount as amount, card_brand, card_last4,
            auto_payment_id is not null as "running!", auto_failures as failures, auto_failure as failure,
            nullif(auto_next_at, '-infinity') as next_at, flagged
        from billing.payer where tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(found.unwrap_or_default())
}

pub(crate) async fn put_auto_top_up(
    pool: &PgPool,
    tenant: TenantId,
    wish: Settings,
) -> Result<AutoTopUp, Error> {
    let Settings { enabled, threshold, amount } = wish;
    sqlx::query!(
        "select r.flagged from billing.put_auto_top_up($1, $2, $3, $4) r",
        tenant.uuid(),
        enabled,
        threshold,
        amount
    )
    .fetch_one(pool)
    .await?;
    auto_top_up(pool, tenant).await
}
