//! Organisations that are erased.

use chrono::{DateTime, Utc};
use identity::TenantId;
use pg::TenantTx;
use sqlx::PgPool;

use crate::erasure::{Fate, Rule};

/// An erasure as it stands.
#[derive(Debug)]
pub(crate) struct Erasure {
    pub(crate) requested_at: DateTime<Utc>,
    pub(crate) requested_by: String,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) unsettled: i64,
}

/// Notes that the transaction's tenant is to be erased; the first time counts.
pub(crate) async fn begin(tx: &mut TenantTx, actor: &str) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into identity.erasure (tenant_id, requested_by) values ($1, $2) on conflict (tenant_id) do nothing",
        tenant,
        actor,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The erasure of the transaction's tenant.
pub(crate) async fn find(tx: &mut TenantTx) -> Result<Option<Erasure>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Erasure,
        "select requested_at, requested_by, finished_at, unsettled from identity.erasure where tenant_id = $1",
        tenant,
    )
    .fetch_optional(tx.connection())
    .await
}

/// Notes what has not settled; when that is nothing, the erasure is finished.
pub(crate) async fn look(tx: &mut TenantTx, unsettled: i64) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update identity.erasure
         set unsettled = $2, finished_at = case when $2::bigint = 0 then coalesce(finished_at, now()) end
         where tenant_id = $1",
        tenant,
        unsettled,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Tenants whose erasure is not finished, the oldest first.
pub(crate) async fn unfinished(pool: &PgPool) -> Result<Vec<TenantId>, sqlx::Error> {
    let found =
        sqlx::query_scalar!(r#"select tenant as "tenant!" from identity.unfinished_erasures() tenant"#)
            .fetch_all(pool)
            .await?;
    Ok(found.into_iter().map(TenantId::from_uuid).collect())
}

/// Does what the plan says to the rows of the transaction's tenant. Again and again the same.
pub(crate) async fn erase(tx: &mut TenantTx, plan: &'static [Rule]) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    // Before the memberships that say who they are.
    sqlx::query!(r#"select identity.erase_people() as "people!""#).fetch_one(tx.connection()).await?;
    sqlx::query!("update identity.preset set designated_version_id = null where tenant_id = $1", tenant)
        .execute(tx.connection())
        .await?;
    for rule in plan.iter().filter(|rule| rule.fate == Fate::Deleted) {
        // The name is one of the plan's.
        let statement = format!("delete from {} where tenant_id = $1", rule.table);
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(tenant).execute(tx.connection()).await?;
    }
    blank(tx).await?;
    sqlx::query!(r#"select identity.erase_audit_details() as "details!""#).fetch_one(tx.connection()).await?;
    Ok(())
}

/// Takes names out of what others refer to. Keys last: their changes wait for each other, and every edge hears of them.
async fn blank(tx: &mut TenantTx) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update identity.organisation
         set slug = 'erased-' || id, name = 'Erased', default_text_model = null, default_image_model = null, default_plugins = null,
             default_provider_sort = null, erased_at = coalesce(erased_at, now()), updated_at = now()
         where id = $1",
        tenant,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "update identity.workspace
         set slug = 'erased-' || id, name = 'Erased', description = null, is_default = false,
             default_text_model = null, default_image_model = null, default_plugins = null, is_io_logged = false, is_broadcast = false,
             io_logging_api_key_ids = null, deleted_at = coalesce(deleted_at, now()), updated_at = now()
         where tenant_id = $1",
        tenant,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "update identity.api_key
         set name = 'Erased', label = 'erased', allowed_ips = null,
             -- That it was an app's stays.
             app = case when app is null then null else '' end,
             deleted_at = coalesce(deleted_at, now()),
             previous_hash = null, previous_until = null, updated_at = now()
         where tenant_id = $1 and (deleted_at is null or name <> 'Erased' or label <> 'erased')",
        tenant,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
