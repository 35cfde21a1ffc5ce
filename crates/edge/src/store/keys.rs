//! API keys.

use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::{KeyHash, KeyId, KeyKind, PersonId, TenantId};
use ipnet::IpNet;
use pg::TenantTx;
use pricing::Amount;
use sqlx::PgPool;
use uuid::Uuid;

use super::ceilings;
use super::sessions::interval;
use crate::limits::Ceilings;

/// A key as it is stored; its secret is not.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    /// Its public name: the hash of its first secret, for good.
    pub(crate) hash: KeyHash,
    pub(crate) tenant: TenantId,
    pub(crate) workspace: Uuid,
    pub(crate) kind: KeyKind,
    /// The masked form of its present secret.
    pub(crate) label: String,
    pub(crate) name: String,
    pub(crate) disabled: bool,
    pub(crate) ceilings: Ceilings,
    pub(crate) limit: Option<Amount>,
    pub(crate) limit_reset: Option<String>,
    /// Where it may be used from; `None` = anywhere.
    pub(crate) allowed_ips: Option<Vec<IpNet>>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// The member who created it, or whom it was created for.
    pub(crate) creator: Option<PersonId>,
    /// Where the app lives that got the key, as people see it; `None` = it is no app's.
    pub(crate) app: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) last_used_at: Option<DateTime<Utc>>,
    pub(crate) rotated_at: Option<DateTime<Utc>>,
    /// Until when the secret before the last rotation is in force too.
    pub(crate) previous_until: Option<DateTime<Utc>>,
}

impl Key {
    /// The creator as messages carry them; empty where there is none.
    pub(crate) fn creator_id(&self) -> String {
        self.creator.map(|person| person.to_string()).unwrap_or_default()
    }
}

/// What a new key is to be.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    pub(crate) id: KeyId,
    pub(crate) hash: KeyHash,
    pub(crate) kind: KeyKind,
    pub(crate) label: String,
    pub(crate) name: String,
    /// `None` = the default workspace.
    pub(crate) workspace: Option<Uuid>,
    pub(crate) creator: Option<PersonId>,
    /// The app that gets it; `None` = it is no app's.
    pub(crate) app: Option<String>,
    /// Who made it, as the audit log names them.
    pub(crate) made_by: String,
    pub(crate) ceilings: Ceilings,
    pub(crate) limit: Option<Amount>,
    pub(crate) limit_reset: Option<String>,
    pub(crate) allowed_ips: Option<Vec<IpNet>>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// Which keys of a tenant a list is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    pub(crate) kind: KeyKind,
    /// `None` = of all workspaces.
    pub(crate) workspace: Option<Uuid>,
    pub(crate) with_disabled: bool,
}

/// The columns that every look-up reads.
struct Row {
    id: Uuid,
    hash: Vec<u8>,
    previous_hash: Option<Vec<u8>>,
    tenant_id: Uuid,
    workspace_id: Uuid,
    kind: String,
    label: String,
    name: String,
    disabled: bool,
    rate_limit_rpm: Option<i32>,
    rate_limit_tpm: Option<i32>,
    max_concurrent: Option<i32>,
    limit_nanos: Option<i64>,
    limit_reset: Option<String>,
    allowed_ips: Option<Vec<String>>,
    expires_at: Option<DateTime<Utc>>,
    creator_person_id: Option<Uuid>,
    app: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    rotated_at: Option<DateTime<Utc>>,
    previous_until: Option<DateTime<Utc>>,
}

macro_rules! keys {
    ($from:literal, $($argument:expr),*) => {
        sqlx::query_as!(
            Row,
            r#"select id as "id!", hash as "hash!", previous_hash, tenant_id as "tenant_id!",
                workspace_id as "workspace_id!", kind as "kind!", label as "label!", name as "name!",
                disabled as "disabled!", rate_limit_rpm, rate_limit_tpm, max_concurrent, limit_nanos, limit_reset, allowed_ips, expires_at,
                creator_person_id, app, created_at as "created_at!", updated_at as "updated_at!", last_used_at,
                rotated_at, previous_until "# + $from,
            $($argument),*
        )
    };
}

impl From<Row> for Key {
    fn from(row: Row) -> Self {
        Self {
            id: KeyId::from_uuid(row.id),
            // The column admits nothing but 32 bytes.
            hash: KeyHash(row.hash.try_into().unwrap_or_default()),
            tenant: TenantId::from_uuid(row.tenant_id),
            workspace: row.workspace_id,
            kind: kind(&row.kind),
            label: row.label,
            name: row.name,
            disabled: row.disabled,
            ceilings: Ceilings {
                requests_per_minute: ceilings::limit(row.rate_limit_rpm),
                tokens_per_minute: ceilings::limit(row.rate_limit_tpm),
                concurrent: ceilings::limit(row.max_concurrent),
            },
            limit: row.limit_nanos.map(Amount::from_nanos),
            limit_reset: row.limit_reset,
            // What cannot be read admits nobody.
            allowed_ips: row.allowed_ips.map(|all| all.iter().filter_map(|one| one.parse().ok()).collect()),
            expires_at: row.expires_at,
            creator: row.creator_person_id.map(PersonId::from_uuid),
            app: row.app,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_used_at: row.last_used_at,
            rotated_at: row.rotated_at,
            previous_until: row.previous_until,
        }
    }
}

fn kind(text: &str) -> KeyKind {
    // The column admits these two.
    if text == KeyKind::Management.as_str() { KeyKind::Management } else { KeyKind::Inference }
}

fn texts(networks: Option<&Vec<IpNet>>) -> Option<Vec<String>> {
    networks.map(|networks| networks.iter().map(ToString::to_string).collect())
}

/// The key that this is the hash of a secret of, whosesoever it is, and when that secret ends; unless it is deleted or
/// that secret is no longer in force.
pub(crate) async fn by_secret(
    pool: &PgPool,
    secret: KeyHash,
) -> Result<Option<(Key, Option<DateTime<Utc>>)>, sqlx::Error> {
    let found = keys!("from identity.key_by_hash($1)", secret.0.as_slice()).fetch_optional(pool).await?;
    Ok(found.map(|row| {
        let is_previous = row.previous_hash.as_deref() == Some(secret.0.as_slice());
        let until = row.previous_until.filter(|_| is_previous);
        (row.into(), until)
    }))
}

/// The key of this public name, whosesoever it is, unless it is deleted. The hash of a secret in force names it too.
pub(crate) async fn named(pool: &PgPool, name: KeyHash) -> Result<Option<Key>, sqlx::Error> {
    let found = keys!("from identity.key_named($1)", name.0.as_slice()).fetch_optional(pool).await?;
    Ok(found.map(Key::from))
}

/// The same of the transaction's tenant.
pub(crate) async fn find(tx: &mut TenantTx, name: KeyHash) -> Result<Option<Key>, sqlx::Error> {
    let tenant = tx.tenant();
    let found = keys!(
        "from identity.api_key where tenant_id = $1 and deleted_at is null
             and (hash = $2 or secret_hash = $2 or (previous_hash = $2 and previous_until > now()))",
        tenant.uuid(),
        name.0.as_slice()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(found.map(Key::from))
}

/// The same, and nobody else changes it before the transaction ends.
pub(crate) async fn lock(tx: &mut TenantTx, name: KeyHash) -> Result<Option<Key>, sqlx::Error> {
    let tenant = tx.tenant();
    let found = keys!(
        "from identity.api_key where tenant_id = $1 and deleted_at is null
             and (hash = $2 or secret_hash = $2 or (previous_hash = $2 and previous_until > now()))
         for no key update",
        tenant.uuid(),
        name.0.as_slice()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(found.map(Key::from))
}

/// Every key of the tenant, oldest first.
pub(crate) async fn list(tx: &mut TenantTx) -> Result<Vec<Key>, sqlx::Error> {
    let tenant = tx.tenant();
    let found = keys!(
        "from identity.api_key where tenant_id = $1 and deleted_at is null order by created_at, id",
        tenant.uuid()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(Key::from).collect())
}

/// A page of the tenant's keys, newest first.
pub(crate) async fn page(
    tx: &mut TenantTx,
    filter: Filter,
    offset: i64,
    at_most: i64,
) -> Result<Vec<Key>, sqlx::Error> {
    let tenant = tx.tenant();
    let found = keys!(
        "from identity.api_key where tenant_id = $1 and deleted_at is null and kind = $2
             and ($3::uuid is null or workspace_id = $3) and ($4 or not disabled)
         order by created_at desc, id desc offset $5 limit $6",
        tenant.uuid(),
        filter.kind.as_str(),
        filter.workspace,
        filter.with_disabled,
        offset,
        at_most
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found.into_iter().map(Key::from).collect())
}

/// The id of the tenant's key with this name, also of one that was deleted.
pub(crate) async fn id_of(tx: &mut TenantTx, hash: KeyHash) -> Result<Option<KeyId>, sqlx::Error> {
    let tenant = tx.tenant();
    let id = sqlx::query_scalar!(
        "select id from identity.api_key where tenant_id = $1 and (hash = $2 or secret_hash = $2)",
        tenant.uuid(),
        hash.0.as_slice(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(id.map(KeyId::from_uuid))
}

/// Where a new key would belong, and whether whoever it is for belongs there too.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) workspace: Uuid,
    /// Of the organisation.
    pub(crate) is_member: bool,
    /// Of the workspace; the default one has everybody.
    pub(crate) is_inside: bool,
}

/// The workspace, `None` for the default one, as a place for keys of `creator`.
pub(crate) async fn place(
    tx: &mut TenantTx,
    workspace: Option<Uuid>,
    creator: Option<PersonId>,
) -> Result<Option<Place>, sqlx::Error> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Place,
        r#"select w.id as workspace,
             exists (select from identity.member m
                 where m.tenant_id = $1 and m.person_id = $3) as "is_member!",
             w.is_default or exists (select from identity.workspace_member m
                 where m.tenant_id = $1 and m.workspace_id = w.id and m.person_id = $3) as "is_inside!"
         from identity.workspace w
         where w.tenant_id = $1 and w.deleted_at is null and (w.id = $2 or $2::uuid is null and w.is_default)"#,
        tenant.uuid(),
        workspace,
        creator.map(PersonId::uuid),
    )
    .fetch_optional(tx.connection())
    .await
}

/// Adds a key. Whether it is new: a hash that is known stays as it is, and nothing is added to a workspace that the
/// tenant does not have.
pub(crate) async fn insert(tx: &mut TenantTx, key: &NewKey) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant();
    let networks = texts(key.allowed_ips.as_ref());
    let done = sqlx::query!(
        "insert into identity.api_key (id, tenant_id, workspace_id, hash, kind, label, name, rate_limit_rpm,
                                       limit_nanos, limit_reset, expires_at, allowed_ips, creator_person_id, creator,
                                       rate_limit_tpm, max_concurrent, app)
         select $1, $2, w.id, $3, $4, $5, $6, $7, $8, $9, $10, $12, $13, $14, $15, $16, $17
         from identity.workspace w
         where w.tenant_id = $2 and (w.id = $11 or $11::uuid is null and w.is_default)
         on conflict (hash) do nothing",
        key.id.uuid(),
        tenant.uuid(),
        key.hash.0.as_slice(),
        key.kind.as_str(),
        key.label,
        key.name,
        ceilings::column(key.ceilings.requests_per_minute),
        key.limit.map(Amount::nanos),
        key.limit_reset,
        key.expires_at,
        key.workspace,
        networks.as_deref(),
        key.creator.map(PersonId::uuid),
        key.made_by,
        ceilings::column(key.ceilings.tokens_per_minute),
        ceilings::column(key.ceilings.concurrent),
        key.app,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what may be changed of a key.
pub(crate) async fn update(tx: &mut TenantTx, key: &Key) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant();
    let networks = texts(key.allowed_ips.as_ref());
    sqlx::query!(
        "update identity.api_key
         set name = $3, disabled = $4, rate_limit_rpm = $5, limit_nanos = $6, limit_reset = $7, allowed_ips = $8,
             rate_limit_tpm = $9, max_concurrent = $10, updated_at = now()
         where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant.uuid(),
        key.id.uuid(),
        key.name,
        key.disabled,
        ceilings::column(key.ceilings.requests_per_minute),
        key.limit.map(Amount::nanos),
        key.limit_reset,
        networks.as_deref(),
        ceilings::column(key.ceilings.tokens_per_minute),
        ceilings::column(key.ceilings.concurrent),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Gives a key another secret. The one before is in force for `overlap` more; any older one no longer.
pub(crate) async fn rotate(
    tx: &mut TenantTx,
    id: KeyId,
    (secret, label): (KeyHash, &str),
    by: Option<PersonId>,
    overlap: Duration,
) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant();
    let overlap = Some(overlap).filter(|overlap| !overlap.is_zero()).map(interval);
    sqlx::query!(
        "update identity.api_key
         set previous_hash = case when $5::interval is not null then coalesce(secret_hash, hash) end,
             previous_until = now() + $5::interval, secret_hash = $3, label = $4,
             rotated_by = coalesce($6, rotated_by), rotated_at = now(), updated_at = now()
         where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant.uuid(),
        id.uuid(),
        secret.0.as_slice(),
        label,
        overlap,
        by.map(PersonId::uuid),
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
