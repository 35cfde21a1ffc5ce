//! The record of what was changed, by whom.

use chrono::{DateTime, Utc};
use identity::TenantId;
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

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
