//! Sessions of people who signed in.

use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::{KeyHash, PersonId, TenantId};
use sqlx::PgPool;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use super::people::PersonTx;
use crate::access::{Role, Session};

/// A length of time as PostgreSQL has it.
pub(crate) fn interval(length: Duration) -> PgInterval {
    let microseconds = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

/// The session in force with this secret. Looking it up is using it: it goes on for `idle` from now.
pub(crate) async fn by_secret(
    pool: &PgPool,
    secret: &str,
    idle: Duration,
) -> Result<Option<Session>, sqlx::Error> {
    let hash = KeyHash::of(secret);
    let row = sqlx::query!(
        r#"select id as "id!", person_id as "person_id!", is_platform_admin as "is_platform_admin!", tenant_id, role
           from identity.session_by_hash($1, $2)"#,
        hash.0.as_slice(),
        interval(idle),
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Session {
        id: row.id,
        person: PersonId::from_uuid(row.person_id),
        is_platform_admin: row.is_platform_admin,
        membership: row.tenant_id.map(TenantId::from_uuid).zip(row.role.as_deref().and_then(Role::named)),
    }))
}

/// A session that begins.
#[derive(Debug)]
pub(crate) struct NewSession {
    pub(crate) id: Uuid,
    pub(crate) hash: KeyHash,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) idle: Duration,
    pub(crate) longest: Duration,
    pub(crate) user_agent: String,
    pub(crate) address: String,
}

/// Adds a session of the transaction's person.
pub(crate) async fn insert(tx: &mut PersonTx, new: &NewSession) -> Result<(), sqlx::Error> {
    let person = tx.person().uuid();
    sqlx::query!(
        "insert into identity.session (id, hash, person_id, tenant_id, expires_at, ends_at, user_agent, address)
         values ($1, $2, $3, $4, now() + least($5, $6::interval), now() + $6, $7, $8)",
        new.id,
        new.hash.0.as_slice(),
        person,
        new.tenant.map(TenantId::uuid),
        interval(new.idle),
        interval(new.longest),
        new.user_agent,
        new.address,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A session as its person sees it.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) id: Uuid,
    pub(crate) tenant_id: Option<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) last_seen_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) user_agent: String,
    pub(crate) address: String,
}

/// The sessions in force of the transaction's person, the last used first.
pub(crate) async fn of_person(tx: &mut PersonTx) -> Result<Vec<Listed>, sqlx::Error> {
    let person = tx.person().uuid();
    sqlx::query_as!(
        Listed,
        "select id, tenant_id, created_at, last_seen_at, expires_at, user_agent, address from identity.session
         where person_id = $1 and revoked_at is null and least(expires_at, ends_at) > now()
         order by last_seen_at desc, id desc limit 1000",
        person,
    )
    .fetch_all(tx.connection())
    .await
}

/// The organisation that the transaction's person worked in last.
pub(crate) async fn last_tenant(tx: &mut PersonTx) -> Result<Option<TenantId>, sqlx::Error> {
    let person = tx.person().uuid();
    let last = sqlx::query_scalar!(
        r#"select tenant_id as "tenant_id!" from identity.session
           where person_id = $1 and tenant_id is not null order by last_seen_at desc limit 1"#,
        person,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(last.map(TenantId::from_uuid))
}

/// Whether a session of the transaction's person is in force and of an operator. Asking is not using it.
pub(crate) async fn is_of_operator(tx: &mut PersonTx, id: Uuid) -> Result<bool, sqlx::Error> {
    let person = tx.person().uuid();
    sqlx::query_scalar!(
        r#"select exists (select from identity.session s join identity.person p on p.id = s.person_id
               where s.person_id = $1 and s.id = $2 and s.revoked_at is null
                   and least(s.expires_at, s.ends_at) > now() and p.is_platform_admin and p.disabled_at is null)
           as "is!""#,
        person,
        id,
    )
    .fetch_one(tx.connection())
    .await
}

/// Has a session work in this organisation.
pub(crate) async fn choose(tx: &mut PersonTx, id: Uuid, tenant: TenantId) -> Result<(), sqlx::Error> {
    let person = tx.person().uuid();
    sqlx::query!(
        "update identity.session set tenant_id = $3 where person_id = $1 and id = $2",
        person,
        id,
        tenant.uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Ends a session of the transaction's person. Whether there was one.
pub(crate) async fn revoke(tx: &mut PersonTx, id: Uuid) -> Result<bool, sqlx::Error> {
    let person = tx.person().uuid();
    let done = sqlx::query!(
        "update identity.session set revoked_at = now()
         where person_id = $1 and id = $2 and revoked_at is null and expires_at > now()",
        person,
        id,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends every session of the transaction's person but one. How many.
pub(crate) async fn revoke_all(tx: &mut PersonTx, except: Option<Uuid>) -> Result<u64, sqlx::Error> {
    let person = tx.person().uuid();
    let done = sqlx::query!(
        "update identity.session set revoked_at = now()
         where person_id = $1 and revoked_at is null and id is distinct from $2",
        person,
        except,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}

/// Ends the session with this secret, whosever it is.
pub(crate) async fn end(pool: &PgPool, secret: &str) -> Result<(), sqlx::Error> {
    let hash = KeyHash::of(secret);
    sqlx::query_scalar!(r#"select identity.end_session($1)::text as "nothing?""#, hash.0.as_slice())
        .fetch_one(pool)
        .await?;
    Ok(())
}

/// Whether somebody signed in lately from the network that goes by this hash.
pub(crate) async fn is_known_network(pool: &PgPool, hash: KeyHash) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select identity.is_sign_in_network($1) as "is!""#, hash.0.as_slice())
        .fetch_one(pool)
        .await
}

/// Remembers that somebody signed in from the network that goes by this hash.
pub(crate) async fn remember_network(pool: &PgPool, hash: KeyHash) -> Result<(), sqlx::Error> {
    let hash = hash.0;
    sqlx::query_scalar!(
        r#"select identity.remember_sign_in_network($1)::text as "nothing?""#,
        hash.as_slice()
    )
    .fetch_one(pool)
    .await?;
    Ok(())
}

/// Forgets what ended a week ago, and where people signed in 60 days ago.
pub(crate) async fn forget_ended(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!(r#"select identity.forget_ended()::text as "nothing?""#).fetch_one(pool).await?;
    Ok(())
}
