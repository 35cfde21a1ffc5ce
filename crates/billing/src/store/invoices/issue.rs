//! What changes periods, invoices and documents: one function each.

use chrono::NaiveDate;
use identity::TenantId;
use rpc::billing::BillingProfile;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// Closes a period if it is the open one. The period as JSON.
pub(crate) async fn close_period(pool: &PgPool, period: i64) -> Result<Vec<u8>, Error> {
    let closed = sqlx::query_scalar!(
        r#"select billing.period_json(billing.close_period($1))::text as "period!""#,
        period
    )
    .fetch_one(pool)
    .await?;
    Ok(closed.into_bytes())
}

/// Closes the open period when its month is over.
pub(crate) async fn close_due_period(pool: &PgPool) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!("select billing.close_due_period()").fetch_one(pool).await?)
}

/// Drafts the invoices of the oldest closed period that has none. It reads a whole period, which takes the time it
/// takes.
pub(crate) async fn draft(pool: &PgPool) -> Result<Option<i64>, Error> {
    let mut tx = pool.begin().await?;
    sqlx::query_scalar!("select set_config('statement_timeout', '0', true)").fetch_one(&mut *tx).await?;
    let period = sqlx::query_scalar!("select billing.draft_invoices()").fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(period)
}

/// Drafts enter their grace.
pub(crate) async fn begin_grace(pool: &PgPool, grace_ms: i64) -> Result<(), Error> {
    sqlx::query_scalar!("select billing.begin_grace($1)", grace_ms).fetch_one(pool).await?;
    Ok(())
}

/// Invoices whose grace is over, oldest first.
pub(crate) async fn due(pool: &PgPool, limit: i64) -> Result<Vec<Uuid>, Error> {
    let due = sqlx::query_scalar!(
        "select i.invoice_id from billing.invoice i
        where i.state = 'grace' and i.finalise_after <= billing.clock()
            and not exists (select from billing.invoicing_freeze f where f.tenant_id = i.tenant_id)
        order by i.period_id, i.invoice_id limit $1",
        limit
    )
    .fetch_all(pool)
    .await?;
    Ok(due)
}

/// Issues an invoice; `early` = whether its grace is over or not. The invoice as JSON.
pub(crate) async fn finalise(
    pool: &PgPool,
    invoice: Uuid,
    issuer: &Value,
    due_days: i32,
    early: bool,
) -> Result<Vec<u8>, Error> {
    let issued = sqlx::query_scalar!(
        r#"select billing.invoice_json(billing.finalise_invoice($1, $2, $3, $4))::text as "invoice!""#,
        invoice,
        issuer,
        due_days,
        early
    )
    .fetch_one(pool)
    .await?;
    Ok(issued.into_bytes())
}

pub(crate) async fn credit_note(
    pool: &PgPool,
    invoice: Uuid,
    amount: i64,
    reason: &str,
    source: &str,
    issuer: &Value,
) -> Result<Vec<u8>, Error> {
    let issued = sqlx::query_scalar!(
        r#"select billing.credit_note_json(billing.issue_credit_note($1, $2, $3, $4, $5))::text as "note!""#,
        invoice,
        amount,
        reason,
        source,
        issuer
    )
    .fetch_one(pool)
    .await?;
    Ok(issued.into_bytes())
}

/// Records that so many nano-USD came for an invoice.
pub(crate) async fn record_payment(
    pool: &PgPool,
    invoice: Uuid,
    amount: i64,
    (source, reference): (&str, &str),
    received_on: NaiveDate,
) -> Result<Vec<u8>, Error> {
    let recorded = sqlx::query_scalar!(
        r#"select billing.invoice_payment_json(billing.record_invoice_payment($1, $2, $3, $4, $5))::text as "paid!""#,
        invoice,
        amount,
        source,
        reference,
        received_on
    )
    .fetch_one(pool)
    .await?;
    Ok(recorded.into_bytes())
}

/// Issues receipts for purchases of the last `since_ms`, of all when that is null. How many were issued.
pub(crate) async fn receipts(
    pool: &PgPool,
    issuer: &Value,
    since_ms: Option<i64>,
    limit: i32,
) -> Result<i64, Error> {
    let issued = sqlx::query_scalar!(
        r#"select billing.issue_receipts($1,
            coalesce(billing.clock() - $2::bigint * interval '1 millisecond', 'epoch'), $3) as "issued!""#,
        issuer,
        since_ms,
        limit
    )
    .fetch_one(pool)
    .await?;
    Ok(issued)
}

/// Tenants whose invoicing is frozen.
pub(crate) async fn frozen(pool: &PgPool) -> Result<i64, Error> {
    let frozen = sqlx::query_scalar!(r#"select count(*) as "frozen!" from billing.invoicing_freeze"#);
    Ok(frozen.fetch_one(pool).await?)
}

pub(crate) async fn freeze(pool: &PgPool, tenant: TenantId, reason: &str) -> Result<bool, Error> {
    let frozen =
        sqlx::query_scalar!(r#"select billing.freeze_invoicing($1, $2) as "frozen!""#, tenant.uuid(), reason)
            .fetch_one(pool)
            .await?;
    Ok(frozen)
}

pub(crate) async fn unfreeze(pool: &PgPool, tenant: TenantId) -> Result<bool, Error> {
    let thawed = sqlx::query_scalar!(r#"select billing.unfreeze_invoicing($1) as "thawed!""#, tenant.uuid())
        .fetch_one(pool)
        .await?;
    Ok(thawed)
}

/// Writes whom a tenant's later documents are made out to. The profile as JSON.
pub(crate) async fn put_profile(
    pool: &PgPool,
    tenant: TenantId,
    profile: &BillingProfile,
) -> Result<Vec<u8>, Error> {
    let put = sqlx::query_scalar!(
        r#"select billing.profile_json(billing.put_billing_profile($1, $2, $3, $4, $5, $6, $7, $8, $9))::text
            as "profile!""#,
        tenant.uuid(),
        profile.name,
        &profile.address,
        profile.country,
        profile.tax_id,
        profile.email,
        profile.reference,
        profile.tax,
        i32::try_from(profile.tax_basis_points).unwrap_or(i32::MAX)
    )
    .fetch_one(pool)
    .await?;
    Ok(put.into_bytes())
}
