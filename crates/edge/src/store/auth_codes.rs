//! Codes that apps exchange for keys.

use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::{KeyHash, KeyId, PersonId, TenantId};
use pg::TenantTx;
use pricing::Amount;
use sqlx::PgPool;
use uuid::Uuid;

use super::sessions::interval;
use crate::access::Role;

/// Whoever allowed an app to have a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Giver {
    /// A member, in the role that they have now.
    Person(PersonId, Role),
    /// A management key.
    Key(KeyId),
}

/// What a key is to be that an app gets.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) workspace: Uuid,
    /// Where the app lives, as people see it; empty = it has no address.
    pub(crate) app: String,
    /// What the verifier is held against, and how: `S256` or `plain`.
    pub(crate) challenge: Option<(String, String)>,
    pub(crate) key_name: String,
    pub(crate) limit: Option<Amount>,
    pub(crate) limit_reset: Option<String>,
    pub(crate) key_expires_at: Option<DateTime<Utc>>,
}

/// Keeps a grant of the transaction's tenant under the hash of its code, for so long. When it was made. The tenant's
/// codes that ended a day ago are forgotten.
pub(crate) async fn insert(
    tx: &mut TenantTx,
    (hash, lasts): (KeyHash, Duration),
    giver: Giver,
    grant: &Grant,
) -> Result<DateTime<Utc>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "delete from identity.auth_code where tenant_id = $1 and expires_at < now() - interval '1 day'",
        tenant
    )
    .execute(tx.connection())
    .await?;
    let (person, key) = match giver {
        Giver::Person(person, _) => (Some(person.uuid()), None),
        Giver::Key(key) => (None, Some(key.uuid())),
    };
    let challenge = grant.challenge.as_ref();
    let (challenge, method) = challenge.map(|(text, method)| (text.as_str(), method.as_str())).unzip();
    sqlx::query_scalar!(
        "insert into identity.auth_code (hash, tenant_id, workspace_id, person_id, key_id, app, challenge,
             challenge_method, key_name, limit_nanos, limit_reset, key_expires_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now() + $13)
         returning created_at",
        hash.0.as_slice(),
        tenant,
        grant.workspace,
        person,
        key,
        grant.app,
        challenge,
        method,
        grant.key_name,
        grant.limit.map(Amount::nanos),
        grant.limit_reset,
        grant.key_expires_at,
        interval(lasts),
    )
    .fetch_one(tx.connection())
    .await
}

/// A code in force, and whose it is.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) tenant: TenantId,
    pub(crate) giver: Giver,
    pub(crate) grant: Grant,
}

/// The grant in force whose code has this hash, while whoever allowed it is still somebody here.
pub(crate) async fn by_hash(pool: &PgPool, hash: KeyHash) -> Result<Option<Held>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select tenant_id as "tenant_id!", workspace_id as "workspace_id!", person_id, role, key_id, app as "app!",
                  challenge, challenge_method, key_name as "key_name!", limit_nanos, limit_reset, key_expires_at
           from identity.auth_code_by_hash($1)"#,
        hash.0.as_slice(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.and_then(|row| {
        let person = row.person_id.map(PersonId::from_uuid).zip(row.role.as_deref().and_then(Role::named));
        let giver = person
            .map(|(person, role)| Giver::Person(person, role))
            .or_else(|| row.key_id.map(|key| Giver::Key(KeyId::from_uuid(key))))?;
        let grant = Grant {
            workspace: row.workspace_id,
            app: row.app,
            challenge: row.challenge.zip(row.challenge_method),
            key_name: row.key_name,
            limit: row.limit_nanos.map(Amount::from_nanos),
            limit_reset: row.limit_reset,
            key_expires_at: row.key_expires_at,
        };
        Some(Held { tenant: TenantId::from_uuid(row.tenant_id), giver, grant })
    }))
}

/// Uses a code of the transaction's tenant up. Whether it was still in force, and nobody else is at it: who comes second
/// does not wait for the first.
pub(crate) async fn spend(tx: &mut TenantTx, hash: KeyHash) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update identity.auth_code set used_at = now()
         where tenant_id = $1 and hash = (select hash from identity.auth_code
             where tenant_id = $1 and hash = $2 and used_at is null and expires_at > now() for update skip locked)",
        tenant,
        hash.0.as_slice(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Workspaces of the transaction's tenant that a person may have keys in, the default one first: all of them for whoever
/// reaches all keys, else those that they belong to.
pub(crate) async fn workspaces(
    tx: &mut TenantTx,
    person: PersonId,
    reaches_all: bool,
) -> Result<Vec<(Uuid, String)>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "select w.id, w.name from identity.workspace w
         where w.tenant_id = $1 and w.deleted_at is null
             and ($3 or w.is_default or exists (select from identity.workspace_member m
                 where m.tenant_id = $1 and m.workspace_id = w.id and m.person_id = $2))
         order by w.is_default desc, w.name, w.id limit 1000",
        tenant,
        person.uuid(),
        reaches_all,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
