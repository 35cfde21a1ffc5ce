//! What is allowed of all keys of an organisation together.

use pg::TenantTx;

use crate::limits::Ceilings;

/// A limit as its column has it.
pub(super) fn limit(column: Option<i32>) -> Option<u32> {
    column.and_then(|limit| u32::try_from(limit).ok())
}

/// A limit as its column takes it.
pub(super) fn column(limit: Option<u32>) -> Option<i32> {
    limit.and_then(|limit| i32::try_from(limit).ok())
}

/// The tenant's limits.
pub(crate) async fn of_tenant(tx: &mut TenantTx) -> Result<Ceilings, sqlx::Error> {
    Ok(find(tx).await?.unwrap_or_default())
}

/// The same, when the tenant exists.
pub(crate) async fn find(tx: &mut TenantTx) -> Result<Option<Ceilings>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query!(
        "select rate_limit_rpm, rate_limit_tpm, max_concurrent from identity.organisation where id = $1",
        tenant
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(found.map(|row| Ceilings {
        requests_per_minute: limit(row.rate_limit_rpm),
        tokens_per_minute: limit(row.rate_limit_tpm),
        concurrent: limit(row.max_concurrent),
    }))
}

/// Sets the tenant's limits, and has every edge forget what it knows of its keys. Whether there is such a tenant.
pub(crate) async fn put(tx: &mut TenantTx, ceilings: Ceilings) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update identity.organisation set rate_limit_rpm = $2, rate_limit_tpm = $3, max_concurrent = $4, updated_at = now()
         where id = $1",
        tenant,
        column(ceilings.requests_per_minute),
        column(ceilings.tokens_per_minute),
        column(ceilings.concurrent),
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("select identity.tenant_changed($1)", tenant).execute(tx.connection()).await?;
    Ok(true)
}
