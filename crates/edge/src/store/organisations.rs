//! Organisations, and the default workspace that each is made with.

use chrono::{DateTime, Utc};
use pg::TenantTx;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

/// Adds the transaction's tenant with its default workspace. Whether it is new: one that exists stays as it is.
pub(crate) async fn insert(tx: &mut TenantTx, slug: &str, name: &str) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "insert into identity.organisation (id, slug, name) values ($1, $2, $3) on conflict (id) do nothing",
        tenant,
        slug,
        name,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "insert into identity.workspace (id, tenant_id, slug, name, is_default)
         values ($1, $2, 'default', 'Default', true)",
        Uuid::now_v7(),
        tenant,
    )
    .execute(tx.connection())
    .await?;
    Ok(true)
}

/// An organisation as operators list it.
#[derive(Debug)]
pub(crate) struct Organisation {
    pub(crate) id: Uuid,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) created_at: DateTime<Utc>,
    /// When it was erased, if it was.
    pub(crate) erased_at: Option<DateTime<Utc>>,
}

/// At most so many organisations, in the order of their ids, that come after one and have a text in name or slug or
/// at the beginning of their id; empty = any.
pub(crate) async fn search(
    pool: &PgPool,
    text: &str,
    known: Uuid,
    at_most: i32,
) -> Result<Vec<Organisation>, sqlx::Error> {
    sqlx::query_as!(
        Organisation,
        r#"select id as "id!", slug as "slug!", name as "name!", created_at as "created_at!", erased_at
           from identity.organisations_found($1, $2, $3)"#,
        text,
        known,
        at_most,
    )
    .fetch_all(pool)
    .await
}

/// A workspace, as far as usage is told apart by it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) id: Uuid,
    pub(crate) is_default: bool,
}

/// The tenant's workspaces.
pub(crate) async fn workspaces(tx: &mut TenantTx) -> Result<Vec<Workspace>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(Workspace, "select id, is_default from identity.workspace where tenant_id = $1", tenant)
        .fetch_all(tx.connection())
        .await
}

/// The tenant's name, when it exists and is not erased.
pub(crate) async fn name(tx: &mut TenantTx) -> Result<Option<String>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!("select name from identity.organisation where id = $1 and erased_at is null", tenant)
        .fetch_optional(tx.connection())
        .await
}

/// An organisation with what it says for requests that leave it open.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) id: Uuid,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) default_text_model: Option<String>,
    pub(crate) default_image_model: Option<String>,
    pub(crate) default_provider_sort: Option<String>,
    /// An array.
    pub(crate) default_plugins: Option<Value>,
    pub(crate) are_plugins_final: bool,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// What the tenant says, when it exists.
pub(crate) async fn settings(tx: &mut TenantTx) -> Result<Option<Settings>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Settings,
        "select id, slug, name, default_text_model, default_image_model, default_provider_sort, default_plugins,
                are_plugins_final, created_at, updated_at
         from identity.organisation where id = $1",
        tenant,
    )
    .fetch_optional(tx.connection())
    .await
}

/// Nobody else changes the tenant until the transaction ends.
pub(crate) async fn hold(tx: &mut TenantTx) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!("select from identity.organisation where id = $1 for no key update", tenant)
        .fetch_optional(tx.connection())
        .await?;
    Ok(())
}

/// Writes what may be changed of the tenant.
pub(crate) async fn update(tx: &mut TenantTx, settings: &Settings) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update identity.organisation
         set name = $2, default_text_model = $3, default_image_model = $4, default_provider_sort = $5,
             default_plugins = $6, are_plugins_final = $7, updated_at = now()
         where id = $1",
        tenant,
        settings.name,
        settings.default_text_model,
        settings.default_image_model,
        settings.default_provider_sort,
        settings.default_plugins.as_ref(),
        settings.are_plugins_final,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
