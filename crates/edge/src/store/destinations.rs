//! Where organisations have traces sent.

use chrono::{DateTime, Utc};
use identity::{CredentialId, Envelope, KeyHash};
use pg::TenantTx;
use serde_json::Value;
use uuid::Uuid;

use super::keys::Key;
use crate::byok::Sealed;
use crate::destinations::{Kind, Wants};

/// What may be said of a destination beside how it is reached.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) privacy_mode: bool,
    pub(crate) sends_cost: bool,
    pub(crate) sends_identity: bool,
    pub(crate) sends_request_context: bool,
    /// 0.0001 to 1.
    pub(crate) sampling_rate: f64,
    /// `None` = every key's generations.
    pub(crate) key_hashes: Option<Vec<KeyHash>>,
    pub(crate) filter_rules: Option<Value>,
    /// `None` = of whichever region.
    pub(crate) regions: Option<Vec<String>>,
}

/// A destination as it is stored, but for what is sealed.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) id: CredentialId,
    pub(crate) workspace: Uuid,
    pub(crate) kind: Kind,
    /// Its configuration, secrets masked.
    pub(crate) shown: Value,
    /// Of what is sealed, from 1.
    pub(crate) version: u32,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) settings: Settings,
}

struct Row {
    id: Uuid,
    workspace_id: Uuid,
    kind: String,
    name: String,
    enabled: bool,
    privacy_mode: bool,
    sends_cost: bool,
    sends_identity: bool,
    sends_request_context: bool,
    sampling_rate: f64,
    key_hashes: Option<Vec<Vec<u8>>>,
    filter_rules: Option<Value>,
    regions: Option<Vec<String>>,
    shown: Value,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for Destination {
    fn from(row: Row) -> Self {
        let hashes = |all: Vec<Vec<u8>>| {
            all.into_iter().filter_map(|hash| hash.try_into().ok().map(KeyHash)).collect()
        };
        Self {
            id: CredentialId::from_uuid(row.id),
            workspace: row.workspace_id,
            // The column admits no other.
            kind: Kind::named(&row.kind).unwrap_or(Kind::Webhook),
            shown: row.shown,
            version: u32::try_from(row.version).unwrap_or(0),
            created_at: row.created_at,
            updated_at: row.updated_at,
            settings: Settings {
                name: row.name,
                enabled: row.enabled,
                privacy_mode: row.privacy_mode,
                sends_cost: row.sends_cost,
                sends_identity: row.sends_identity,
                sends_request_context: row.sends_request_context,
                sampling_rate: row.sampling_rate,
                key_hashes: row.key_hashes.map(hashes),
                filter_rules: row.filter_rules,
                regions: row.regions,
            },
        }
    }
}

/// Those of a workspace, or the one with this id, oldest first; and how many there are of the whole list.
pub(crate) async fn list(
    tx: &mut TenantTx,
    (workspace, id): (Option<Uuid>, Option<Uuid>),
    (offset, limit): (i64, i64),
) -> Result<(Vec<Destination>, i64), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.destination
           where tenant_id = $1 and deleted_at is null and ($2::uuid is null or workspace_id = $2)"#,
        tenant,
        workspace,
    )
    .fetch_one(tx.connection())
    .await?;
    let rows = sqlx::query_as!(
        Row,
        r#"select d.id, d.workspace_id, d.kind, d.name, d.enabled, d.privacy_mode, d.sends_cost, d.sends_identity,
                  d.sends_request_context, d.sampling_rate, d.filter_rules, d.regions, d.shown, d.version,
                  d.created_at, d.updated_at,
                  case when d.key_ids is not null then
                      array(select a.hash from identity.api_key a
                            where a.tenant_id = d.tenant_id and a.id = any (d.key_ids) order by a.hash)
                  end as key_hashes
           from identity.destination d
           where d.tenant_id = $1 and d.deleted_at is null and ($2::uuid is null or d.workspace_id = $2)
             and ($3::uuid is null or d.id = $3)
           order by d.created_at, d.id offset $4 limit $5"#,
        tenant,
        workspace,
        id,
        offset,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok((rows.into_iter().map(Destination::from).collect(), total))
}

pub(crate) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<Destination>, sqlx::Error> {
    let (mut found, _) = list(tx, (None, Some(id)), (0, 1)).await?;
    Ok(found.pop())
}

/// How many of a kind a workspace has. Whoever counts next waits until the transaction ends.
pub(crate) async fn count(tx: &mut TenantTx, workspace: Uuid, kind: Kind) -> Result<i64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        r#"with locked as (select id from identity.workspace where tenant_id = $1 and id = $2 for update)
           select count(d.id) as "count!" from locked w
           left join identity.destination d
               on d.workspace_id = w.id and d.kind = $3 and d.tenant_id = $1 and d.deleted_at is null"#,
        tenant,
        workspace,
        kind.as_str(),
    )
    .fetch_one(tx.connection())
    .await
}

/// The ids of the tenant's API keys with these hashes; `None` unless there are as many.
pub(crate) async fn key_ids(tx: &mut TenantTx, hashes: &[KeyHash]) -> Result<Option<Vec<Uuid>>, sqlx::Error> {
    let (tenant, bytes): (_, Vec<Vec<u8>>) =
        (tx.tenant().uuid(), hashes.iter().map(|hash| hash.0.to_vec()).collect());
    let ids = sqlx::query_scalar!(
        "select id from identity.api_key where tenant_id = $1 and hash = any ($2)",
        tenant,
        &bytes,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(Some(ids).filter(|ids| ids.len() == bytes.len()))
}

pub(crate) async fn insert(
    tx: &mut TenantTx,
    destination: &Destination,
    keys: Option<&[Uuid]>,
    sealed: &Sealed,
) -> Result<(), sqlx::Error> {
    let (tenant, settings) = (tx.tenant().uuid(), &destination.settings);
    sqlx::query!(
        "insert into identity.destination
             (id, tenant_id, workspace_id, kind, name, enabled, privacy_mode, sends_cost, sends_identity,
              sends_request_context, sampling_rate, key_ids, filter_rules, regions, shown, version, key_version, sealed)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        destination.id.uuid(),
        tenant,
        destination.workspace,
        destination.kind.as_str(),
        settings.name,
        settings.enabled,
        settings.privacy_mode,
        settings.sends_cost,
        settings.sends_identity,
        settings.sends_request_context,
        settings.sampling_rate,
        keys,
        settings.filter_rules,
        settings.regions.as_deref(),
        destination.shown,
        signed(destination.version),
        signed(sealed.key_version),
        sealed.bytes,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes what is said of a destination. What failed before is tried anew at once.
pub(crate) async fn update(
    tx: &mut TenantTx,
    destination: &Destination,
    keys: Option<&[Uuid]>,
) -> Result<(), sqlx::Error> {
    let (tenant, settings) = (tx.tenant().uuid(), &destination.settings);
    sqlx::query!(
        "update identity.destination
         set name = $3, enabled = $4, privacy_mode = $5, sends_cost = $6, sends_identity = $7,
             sends_request_context = $8, sampling_rate = $9, key_ids = $10, filter_rules = $11, regions = $12,
             shown = $13, tries = 0, next_try_at = '-infinity', updated_at = now()
         where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant,
        destination.id.uuid(),
        settings.name,
        settings.enabled,
        settings.privacy_mode,
        settings.sends_cost,
        settings.sends_identity,
        settings.sends_request_context,
        settings.sampling_rate,
        keys,
        settings.filter_rules,
        settings.regions.as_deref(),
        destination.shown,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes what is sealed over what was.
pub(crate) async fn reseal(
    tx: &mut TenantTx,
    id: CredentialId,
    version: u32,
    sealed: &Sealed,
) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update identity.destination set version = $3, key_version = $4, sealed = $5
         where tenant_id = $1 and id = $2",
        tenant,
        id.uuid(),
        signed(version),
        signed(sealed.key_version),
        sealed.bytes,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Deletes a destination with its secrets and all that waits for it; its row stays. Whether there was one.
pub(crate) async fn delete(tx: &mut TenantTx, id: Uuid) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let deleted = sqlx::query!(
        "update identity.destination set deleted_at = now(), updated_at = now(), enabled = false, sealed = ''
         where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant,
        id,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!("delete from identity.trace where tenant_id = $1 and destination_id = $2", tenant, id)
        .execute(tx.connection())
        .await?;
    Ok(deleted.rows_affected() > 0)
}

/// The same with all destinations of a workspace.
pub(crate) async fn delete_of(tx: &mut TenantTx, workspace: Uuid) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let ids = sqlx::query_scalar!(
        "select id from identity.destination where tenant_id = $1 and workspace_id = $2 and deleted_at is null",
        tenant,
        workspace,
    )
    .fetch_all(tx.connection())
    .await?;
    for id in ids {
        delete(tx, id).await?;
    }
    Ok(())
}

/// The sealed configuration of a destination, in an envelope.
pub(crate) async fn envelope(tx: &mut TenantTx, id: CredentialId) -> Result<Option<Envelope>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select d.version, d.key_version, d.sealed, k.wrapped
         from identity.destination d
         join identity.tenant_key k on k.tenant_id = d.tenant_id and k.version = d.key_version
         where d.tenant_id = $1 and d.id = $2 and d.deleted_at is null",
        tenant,
        id.uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Envelope {
        key_version: u32::try_from(row.key_version).unwrap_or(0),
        wrapped_key: row.wrapped,
        version: u32::try_from(row.version).unwrap_or(0),
        sealed: row.sealed,
    }))
}

/// What is sealed of one destination, and what it is sealed for.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) id: CredentialId,
    pub(crate) kind: Kind,
    pub(crate) version: u32,
    pub(crate) sealed: Sealed,
}

/// Every configuration of the tenant as it is sealed.
pub(crate) async fn all_sealed(tx: &mut TenantTx) -> Result<Vec<Kept>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "select id, kind, version, key_version, sealed from identity.destination
         where tenant_id = $1 and deleted_at is null for update",
        tenant,
    )
    .fetch_all(tx.connection())
    .await?;
    let kept = rows.into_iter().filter_map(|row| {
        Some(Kept {
            id: CredentialId::from_uuid(row.id),
            kind: Kind::named(&row.kind)?,
            version: u32::try_from(row.version).ok()?,
            sealed: Sealed { key_version: u32::try_from(row.key_version).ok()?, bytes: row.sealed },
        })
    });
    Ok(kept.collect())
}

/// What the destinations that generations of this key go to want of them.
pub(crate) async fn of_key(tx: &mut TenantTx, key: &Key) -> Result<Vec<Wants>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Wants,
        r#"select sampling_rate, not privacy_mode as "content!"
           from identity.destination
           where tenant_id = $1 and workspace_id = $2 and enabled and deleted_at is null
             and (key_ids is null or $3 = any (key_ids))"#,
        tenant,
        key.workspace,
        key.id.uuid(),
    )
    .fetch_all(tx.connection())
    .await
}

fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
