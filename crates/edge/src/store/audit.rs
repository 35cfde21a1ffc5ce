//! The record of what was changed, by whom.

use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::TenantId;
use pg::TenantTx;
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use super::sessions::interval;

/// One change. `details` carries what was asked for, never a secret.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// `None` for what belongs to the platform. Must be the tenant of the transaction otherwise.
    pub(crate) tenant: Option<TenantId>,
    pub(crate) actor: String,
    /// `key.create`, `credit.grant`, ...
    pub(crate) action: &'static str,
    pub(crate) target: String,
    pub(crate) details: Value,
}

pub(crate) async fn insert(executor: impl PgExecutor<'_>, entry: &Entry) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into identity.audit_log (id, tenant_id, actor, action, target, details)
         values ($1, $2, $3, $4, $5, $6)",
        Uuid::now_v7(),
        entry.tenant.map(TenantId::uuid),
        entry.actor,
        entry.action,
        entry.target,
        entry.details,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Writes down what was done to the transaction's tenant, unless exactly that stands there already: of what is done once
/// under a name that is among the details.
pub(crate) async fn insert_once(tx: &mut TenantTx, entry: &Entry) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into identity.audit_log (id, tenant_id, actor, action, target, details)
         select $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::jsonb
         where not exists (
             select from identity.audit_log a
             where a.tenant_id = $2 and a.actor = $3 and a.action = $4 and a.target = $5 and a.details = $6)",
        Uuid::now_v7(),
        tx.tenant().uuid(),
        entry.actor,
        entry.action,
        entry.target,
        entry.details,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// What of the record is asked for; nothing filters nothing.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) tenant: Option<Uuid>,
    pub(crate) actor: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) since: Option<DateTime<Utc>>,
    /// The last id of the page before.
    pub(crate) before: Option<Uuid>,
    pub(crate) limit: i32,
}

/// A change, as it is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) id: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) tenant: Option<Uuid>,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) target: String,
    pub(crate) details: Value,
}

/// A page of everybody's changes, newest first: for operators alone.
pub(crate) async fn page(pool: &PgPool, wanted: Wanted) -> Result<Vec<Kept>, sqlx::Error> {
    sqlx::query_as!(
        Kept,
        r#"select id as "id!", at as "at!", tenant_id as tenant, actor as "actor!", action as "action!",
                  target as "target!", details as "details!"
           from identity.audit_page($1, $2, $3, $4, $5, $6, $7)"#,
        wanted.tenant,
        wanted.actor,
        wanted.action,
        wanted.target,
        wanted.since,
        wanted.before,
        wanted.limit,
    )
    .fetch_all(pool)
    .await
}

/// A page of the changes of the transaction's tenant, newest first.
pub(crate) async fn page_of_tenant(
    tx: &mut TenantTx,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Kept>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Kept,
        "select id, at, tenant_id as tenant, actor, action, target, details from identity.audit_log
         where tenant_id = $1 and ($2::uuid is null or id < $2)
         order by id desc limit $3",
        tenant,
        before,
        limit,
    )
    .fetch_all(tx.connection())
    .await
}

/// Seals about so many changes whose transactions have all ended. How many; none while another edge seals.
pub(crate) async fn seal(pool: &PgPool, at_most: i32) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select identity.seal_audit($1) as "sealed!""#, at_most).fetch_one(pool).await
}

/// What is wrong with a chain, and where first.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Zeros = the platform's chain.
    pub(crate) tenant: Uuid,
    /// In the chain, from 1; `None` for what has no place in it.
    pub(crate) position: Option<i64>,
    pub(crate) entry: Option<Uuid>,
    pub(crate) fault: String,
}

/// Verifies the chain of a tenant, or of everybody. A fault per chain that is not whole.
pub(crate) async fn verify(pool: &PgPool, tenant: Option<Uuid>) -> Result<Vec<Fault>, sqlx::Error> {
    sqlx::query_as!(
        Fault,
        r#"select tenant_id as "tenant!", place as position, entry_id as entry, fault as "fault!"
           from identity.verify_audit($1)"#,
        tenant,
    )
    .fetch_all(pool)
    .await
}

/// How far everybody's changes are sealed.
#[derive(Debug)]
pub(crate) struct Sealing {
    pub(crate) sealed: i64,
    pub(crate) waiting: i64,
    pub(crate) sealed_at: DateTime<Utc>,
}

pub(crate) async fn sealing(pool: &PgPool) -> Result<Sealing, sqlx::Error> {
    sqlx::query_as!(
        Sealing,
        r#"select sealed as "sealed!", waiting as "waiting!", sealed_at as "sealed_at!" from identity.audit_sealing()"#,
    )
    .fetch_one(pool)
    .await
}

/// Verifies about so many changes that were sealed since the last time, and as many of those before. How many; none
/// while another edge does, or did within `rest`.
pub(crate) async fn walk(pool: &PgPool, at_most: i32, rest: Duration) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select identity.walk_audit($1, $2) as "looked!""#, at_most, interval(rest))
        .fetch_one(pool)
        .await
}

/// What walks found and none has seen mended.
#[derive(Debug)]
pub(crate) struct Found {
    /// The later it was found, the higher.
    pub(crate) id: i64,
    /// Zeros = the platform's chain.
    pub(crate) tenant: Uuid,
    pub(crate) entry: Option<Uuid>,
    pub(crate) detail: String,
    pub(crate) found_at: DateTime<Utc>,
}

pub(crate) async fn found(pool: &PgPool, at_most: i32) -> Result<Vec<Found>, sqlx::Error> {
    sqlx::query_as!(
        Found,
        r#"select id as "id!", tenant_id as "tenant!", entry_id as entry, detail as "detail!", found_at as "found_at!"
           from identity.audit_found($1)"#,
        at_most,
    )
    .fetch_all(pool)
    .await
}

/// When it was walked last, and when everything was read last.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) checked_at: Option<DateTime<Utc>>,
    pub(crate) whole_at: Option<DateTime<Utc>>,
}

pub(crate) async fn walked(pool: &PgPool) -> Result<Walked, sqlx::Error> {
    sqlx::query_as!(Walked, "select checked_at, whole_at from identity.audit_walk").fetch_one(pool).await
}
