//! API keys.

use chrono::{DateTime, Utc};
use identity::{KeyHash, KeyId, KeyKind, TenantId};
use pg::TenantTx;
use pricing::Amount;
use sqlx::PgPool;
use uuid::Uuid;

/// A key as it is stored; the key itself is not.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) tenant: TenantId,
    pub(crate) workspace: Uuid,
    pub(crate) kind: KeyKind,
    pub(crate) label: String,
    pub(crate) name: String,
    pub(crate) disabled: bool,
    /// Requests per minute; `None` = the platform's default.
    pub(crate) rate_limit: Option<u32>,
    pub(crate) limit: Option<Amount>,
    pub(crate) limit_reset: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
}

/// What a new key is to be.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    pub(crate) id: KeyId,
    pub(crate) hash: KeyHash,
    pub(crate) kind: KeyKind,
    pub(crate) label: String,
    pub(crate) name: String,
    pub(crate) rate_limit: Option<u32>,
    pub(crate) limit: Option<Amount>,
    pub(crate) limit_reset: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

fn kind(text: &str) -> KeyKind {
    // The column admits these two.
    if text == KeyKind::Management.as_str() { KeyKind::Management } else { KeyKind::Inference }
}

/// The key with this hash, whosesoever it is, unless it is deleted.
pub(crate) async fn by_hash(pool: &PgPool, hash: KeyHash) -> Result<Option<Key>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select id as "id!", tenant_id as "tenant_id!", workspace_id as "workspace_id!", kind as "kind!",
                  label as "label!", name as "name!", disabled as "disabled!", rate_limit_rpm, limit_nanos,
                  limit_reset, expires_at, created_at as "created_at!"
           from identity.key_by_hash($1)"#,
        hash.0.as_slice(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Key {
        id: KeyId::from_uuid(row.id),
        tenant: TenantId::from_uuid(row.tenant_id),
        workspace: row.workspace_id,
        kind: kind(&row.kind),
        label: row.label,
        name: row.name,
        disabled: row.disabled,
        rate_limit: row.rate_limit_rpm.and_then(|limit| u32::try_from(limit).ok()),
        limit: row.limit_nanos.map(Amount::from_nanos),
        limit_reset: row.limit_reset,
        expires_at: row.expires_at,
        created_at: row.created_at,
    }))
}

/// Every key of the tenant, oldest first, with its hash.
pub(crate) async fn list(tx: &mut TenantTx) -> Result<Vec<(KeyHash, Key)>, sqlx::Error> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "select hash, id, workspace_id, kind, label, name, disabled, rate_limit_rpm, limit_nanos, limit_reset,
                expires_at, created_at
         from identity.api_key
         where tenant_id = $1 and deleted_at is null
         order by created_at, id",
        tenant.uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let hash = KeyHash(row.hash.try_into().ok()?);
            let key = Key {
                id: KeyId::from_uuid(row.id),
                tenant,
                workspace: row.workspace_id,
                kind: kind(&row.kind),
                label: row.label,
                name: row.name,
                disabled: row.disabled,
                rate_limit: row.rate_limit_rpm.and_then(|limit| u32::try_from(limit).ok()),
                limit: row.limit_nanos.map(Amount::from_nanos),
                limit_reset: row.limit_reset,
                expires_at: row.expires_at,
                created_at: row.created_at,
            };
            Some((hash, key))
        })
        .collect())
}

/// The id of the tenant's key with this hash, also of one that was deleted.
pub(crate) async fn id_of(tx: &mut TenantTx, hash: KeyHash) -> Result<Option<KeyId>, sqlx::Error> {
    let tenant = tx.tenant();
    let id = sqlx::query_scalar!(
        "select id from identity.api_key where tenant_id = $1 and hash = $2",
        tenant.uuid(),
        hash.0.as_slice(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(id.map(KeyId::from_uuid))
}

/// Adds a key to the tenant's default workspace. Whether it is new: a hash that is known stays as it is.
pub(crate) async fn insert(tx: &mut TenantTx, key: &NewKey) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "insert into identity.api_key (id, tenant_id, workspace_id, hash, kind, label, name, rate_limit_rpm,
                                       limit_nanos, limit_reset, expires_at)
         select $1, $2, w.id, $3, $4, $5, $6, $7, $8, $9, $10
         from identity.workspace w
         where w.tenant_id = $2 and w.is_default
         on conflict (hash) do nothing",
        key.id.uuid(),
        tenant.uuid(),
        key.hash.0.as_slice(),
        key.kind.as_str(),
        key.label,
        key.name,
        key.rate_limit.and_then(|limit| i32::try_from(limit).ok()),
        key.limit.map(Amount::nanos),
        key.limit_reset,
        key.expires_at,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what may be changed of a key.
pub(crate) async fn update(tx: &mut TenantTx, key: &Key) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update identity.api_key
         set name = $3, disabled = $4, rate_limit_rpm = $5, limit_nanos = $6, limit_reset = $7, updated_at = now()
         where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant.uuid(),
        key.id.uuid(),
        key.name,
        key.disabled,
        key.rate_limit.and_then(|limit| i32::try_from(limit).ok()),
        key.limit.map(Amount::nanos),
        key.limit_reset,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

pub(crate) async fn delete(tx: &mut TenantTx, id: KeyId) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update identity.api_key set deleted_at = now(), updated_at = now()
         where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant.uuid(),
        id.uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes when a key was last used.
pub(crate) async fn touch(tx: &mut TenantTx, id: KeyId, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update identity.api_key set last_used_at = $3
         where tenant_id = $1 and id = $2 and (last_used_at is null or last_used_at < $3)",
        tenant.uuid(),
        id.uuid(),
        at,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
