//! The record of what was changed, by whom.

use identity::TenantId;
use serde_json::Value;
use sqlx::PgExecutor;
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
