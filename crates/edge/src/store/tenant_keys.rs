//! The wrapped data keys of tenants.

use identity::TenantId;
use pg::TenantTx;
use sqlx::PgPool;
use uuid::Uuid;

/// A data key as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct WrappedKey {
    pub(crate) version: u32,
    pub(crate) wrapped: Vec<u8>,
    /// Names the key that it is wrapped under.
    pub(crate) wrapped_by: String,
}

pub(super) fn version(number: i32) -> u32 {
    // The column admits none below 1.
    u32::try_from(number).unwrap_or(0)
}

pub(super) fn number(version: u32) -> i32 {
    i32::try_from(version).unwrap_or(i32::MAX)
}

/// Makes others wait who would change the tenant's keys, or what is sealed under them, until the transaction ends.
pub(crate) async fn lock(tx: &mut TenantTx) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('tenant_key:' || $1, 0)) as \"locked: ()\"",
        tx.tenant().to_string(),
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(())
}

/// Every key of the tenant, the newest first.
pub(crate) async fn all(tx: &mut TenantTx) -> Result<Vec<WrappedKey>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "select version, wrapped, wrapped_by from identity.tenant_key where tenant_id = $1 order by version desc",
        tenant,
    )
    .fetch_all(tx.connection())
    .await?;
    let read = rows.into_iter().map(|row| WrappedKey {
        version: version(row.version),
        wrapped: row.wrapped,
        wrapped_by: row.wrapped_by,
    });
    Ok(read.collect())
}

/// A version that neither a key, a credential nor kept content of the tenant ever had.
pub(crate) async fn next_version(tx: &mut TenantTx) -> Result<u32, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let last = sqlx::query_scalar!(
        r#"select greatest(
               (select max(version) from identity.tenant_key where tenant_id = $1),
               (select max(key_version) from identity.provider_credential where tenant_id = $1),
               (select max(key_version) from identity.exchange where tenant_id = $1), 0) as "last!""#,
        tenant,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(version(last).saturating_add(1))
}

pub(crate) async fn insert(tx: &mut TenantTx, key: &WrappedKey) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into identity.tenant_key (tenant_id, version, wrapped, wrapped_by) values ($1, $2, $3, $4)",
        tenant,
        number(key.version),
        key.wrapped,
        key.wrapped_by,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Puts another wrap into the place of a key's.
pub(crate) async fn rewrap(tx: &mut TenantTx, key: &WrappedKey) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update identity.tenant_key set wrapped = $3, wrapped_by = $4, rewrapped_at = now()
         where tenant_id = $1 and version = $2",
        tenant,
        number(key.version),
        key.wrapped,
        key.wrapped_by,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Deletes the keys before a version; how many there were.
pub(crate) async fn delete_before(tx: &mut TenantTx, version: u32) -> Result<u64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let deleted = sqlx::query!(
        "delete from identity.tenant_key where tenant_id = $1 and version < $2",
        tenant,
        number(version)
    )
    .execute(tx.connection())
    .await?;
    Ok(deleted.rows_affected())
}

/// The same, but for those that kept content is sealed under.
pub(crate) async fn delete_unused_before(tx: &mut TenantTx, version: u32) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    // Waits for content that is being kept under one of them, so that the next statement sees it.
    sqlx::query!("select from identity.tenant_key where tenant_id = $1 for update", tenant)
        .fetch_all(tx.connection())
        .await?;
    sqlx::query!(
        "delete from identity.tenant_key k
         where k.tenant_id = $1 and k.version < $2 and not exists (
             select from identity.exchange e where e.tenant_id = k.tenant_id and e.key_version = k.version)",
        tenant,
        number(version),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Tells every edge, with the transaction's commit, that something changed that governs all of the tenant's keys.
pub(crate) async fn tell(tx: &mut TenantTx) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(r#"select identity.tenant_changed($1) as "told: ()""#, tenant)
        .fetch_one(tx.connection())
        .await?;
    Ok(())
}

/// Tenants after `known` with keys that are wrapped under another key than the named one.
pub(crate) async fn wrapped_otherwise(
    pool: &PgPool,
    wrapper: &str,
    known: Uuid,
    at_most: i32,
) -> Result<Vec<TenantId>, sqlx::Error> {
    let found = sqlx::query_scalar!(
        r#"select tenant as "tenant!" from identity.tenants_wrapped_otherwise($1, $2, $3) tenant"#,
        wrapper,
        known,
        at_most,
    )
    .fetch_all(pool)
    .await?;
    Ok(found.into_iter().map(TenantId::from_uuid).collect())
}
