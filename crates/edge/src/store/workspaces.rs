//! The workspaces of an organisation.

use chrono::{DateTime, Utc};
use identity::PersonId;
use pg::TenantTx;
use serde_json::Value;
use uuid::Uuid;

use super::keys::Key;
use super::{destinations, presets};
use crate::admission::DefaultPlugins;

/// Live workspaces of an organisation at most: nobody pays for keeping them.
pub(crate) const MOST: i64 = 1_000;

/// What a workspace says for requests that leave it open, and for what it does not say its organisation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    /// The model of conversations and text completions.
    pub(crate) text_model: Option<String>,
    /// The model that makes images.
    pub(crate) image_model: Option<String>,
    /// `price`, `throughput`, `latency` or `exacto`.
    pub(crate) provider_sort: Option<String>,
    /// The platform's own tools that requests may not name.
    pub(crate) disabled_server_tools: Vec<String>,
    pub(crate) plugins: DefaultPlugins,
}

/// A workspace as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    pub(crate) id: Uuid,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) is_default: bool,
    pub(crate) description: Option<String>,
    pub(crate) default_text_model: Option<String>,
    pub(crate) default_image_model: Option<String>,
    pub(crate) default_provider_sort: Option<String>,
    /// An array.
    pub(crate) default_plugins: Option<Value>,
    pub(crate) are_plugins_final: bool,
    pub(crate) disabled_server_tools: Vec<String>,
    pub(crate) is_io_logged: bool,
    pub(crate) io_logging_sampling_rate: f64,
    pub(crate) io_logging_api_key_ids: Option<Vec<i64>>,
    pub(crate) is_broadcast: bool,
    pub(crate) is_data_discount_logged: bool,
    pub(crate) creator: Option<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl Workspace {
    /// A workspace that says nothing yet.
    pub(crate) fn new(slug: String, name: String, creator: Option<PersonId>) -> Self {
        let now = Utc::now();
        Self {
            id: Uuid::now_v7(),
            slug,
            name,
            is_default: false,
            description: None,
            default_text_model: None,
            default_image_model: None,
            default_provider_sort: None,
            default_plugins: None,
            are_plugins_final: false,
            disabled_server_tools: Vec::new(),
            is_io_logged: false,
            io_logging_sampling_rate: 1.0,
            io_logging_api_key_ids: None,
            is_broadcast: false,
            is_data_discount_logged: false,
            creator: creator.map(PersonId::uuid),
            created_at: now,
            updated_at: now,
        }
    }
}

/// The workspace of the transaction's tenant that goes by this id or slug.
pub(crate) async fn named(tx: &mut TenantTx, name: &str) -> Result<Option<Uuid>, sqlx::Error> {
    // The database knows no such text.
    if name.contains('\0') {
        return Ok(None);
    }
    let (tenant, id) = (tx.tenant().uuid(), name.parse::<Uuid>().ok());
    sqlx::query_scalar!(
        "select id from identity.workspace where tenant_id = $1 and (id = $2 or slug = $3) and deleted_at is null
         order by id = $2 desc limit 1",
        tenant,
        id,
        name,
    )
    .fetch_optional(tx.connection())
    .await
}

/// The same with all that it says.
pub(crate) async fn find(tx: &mut TenantTx, name: &str) -> Result<Option<Workspace>, sqlx::Error> {
    let Some(id) = named(tx, name).await? else { return Ok(None) };
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Workspace,
        "select id, slug, name, is_default, description, default_text_model, default_image_model,
                default_provider_sort, default_plugins, are_plugins_final, disabled_server_tools, is_io_logged, io_logging_sampling_rate,
                io_logging_api_key_ids, is_broadcast, is_data_discount_logged, creator_person_id as creator,
                created_at, updated_at
         from identity.workspace
         where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant,
        id,
    )
    .fetch_optional(tx.connection())
    .await
}

/// The same, and nobody else changes it, deletes it or makes keys in it until the transaction ends.
pub(crate) async fn hold(tx: &mut TenantTx, name: &str) -> Result<Option<Workspace>, sqlx::Error> {
    let Some(id) = named(tx, name).await? else { return Ok(None) };
    let tenant = tx.tenant().uuid();
    sqlx::query!("select from identity.workspace where tenant_id = $1 and id = $2 for update", tenant, id)
        .fetch_optional(tx.connection())
        .await?;
    find(tx, &id.to_string()).await
}

/// A page of workspaces, the default one first, the others in the order in which they were made.
pub(crate) async fn list(tx: &mut TenantTx, offset: i64, limit: i64) -> Result<Vec<Workspace>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Workspace,
        "select id, slug, name, is_default, description, default_text_model, default_image_model,
                default_provider_sort, default_plugins, are_plugins_final, disabled_server_tools, is_io_logged, io_logging_sampling_rate,
                io_logging_api_key_ids, is_broadcast, is_data_discount_logged, creator_person_id as creator,
                created_at, updated_at
         from identity.workspace
         where tenant_id = $1 and deleted_at is null
         order by is_default desc, created_at, id
         offset $2 limit $3",
        tenant,
        offset,
        limit,
    )
    .fetch_all(tx.connection())
    .await
}

pub(crate) async fn count(tx: &mut TenantTx) -> Result<i64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.workspace where tenant_id = $1 and deleted_at is null"#,
        tenant,
    )
    .fetch_one(tx.connection())
    .await
}

/// Adds a workspace that says nothing yet beside its name.
pub(crate) async fn insert(tx: &mut TenantTx, workspace: &Workspace) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into identity.workspace (id, tenant_id, slug, name, creator_person_id) values ($1, $2, $3, $4, $5)",
        workspace.id,
        tenant,
        workspace.slug,
        workspace.name,
        workspace.creator,
    )
    .execute(tx.connection())
    .await?;
    update(tx, workspace).await
}

/// Writes what may be changed of a workspace.
pub(crate) async fn update(tx: &mut TenantTx, workspace: &Workspace) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update identity.workspace
         set slug = $3, name = $4, description = $5, default_text_model = $6, default_image_model = $7,
             default_provider_sort = $8, disabled_server_tools = $9, is_io_logged = $10,
             io_logging_sampling_rate = $11, io_logging_api_key_ids = $12, is_broadcast = $13,
             is_data_discount_logged = $14, default_plugins = $15, are_plugins_final = $16, updated_at = now()
         where tenant_id = $1 and id = $2 and deleted_at is null",
        tenant,
        workspace.id,
        workspace.slug,
        workspace.name,
        workspace.description,
        workspace.default_text_model,
        workspace.default_image_model,
        workspace.default_provider_sort,
        &workspace.disabled_server_tools,
        workspace.is_io_logged,
        workspace.io_logging_sampling_rate,
        workspace.io_logging_api_key_ids.as_deref(),
        workspace.is_broadcast,
        workspace.is_data_discount_logged,
        workspace.default_plugins.as_ref(),
        workspace.are_plugins_final,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Deletes a workspace that is held, with its memberships, guardrails, presets, credentials, destinations and codes of
/// apps. Answers the guardrails, whose budgets are billing's.
pub(crate) async fn delete(tx: &mut TenantTx, workspace: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let guardrails = sqlx::query_scalar!(
        "delete from identity.guardrail where tenant_id = $1 and workspace_id = $2 returning id",
        tenant,
        workspace,
    )
    .fetch_all(tx.connection())
    .await?;
    sqlx::query!(
        "delete from identity.provider_credential where tenant_id = $1 and workspace_id = $2",
        tenant,
        workspace,
    )
    .execute(tx.connection())
    .await?;
    presets::delete(tx, workspace, None).await?;
    destinations::delete_of(tx, workspace).await?;
    sqlx::query!(
        "delete from identity.auth_code where tenant_id = $1 and workspace_id = $2",
        tenant,
        workspace
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "delete from identity.workspace_member where tenant_id = $1 and workspace_id = $2",
        tenant,
        workspace
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "update identity.workspace set deleted_at = now(), updated_at = now() where tenant_id = $1 and id = $2",
        tenant,
        workspace,
    )
    .execute(tx.connection())
    .await?;
    Ok(guardrails)
}

/// How many keys of the workspace live: neither deleted nor expired. A disabled one may be enabled again.
pub(crate) async fn live_keys(tx: &mut TenantTx, workspace: Uuid) -> Result<i64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.api_key
           where tenant_id = $1 and workspace_id = $2 and deleted_at is null
             and (expires_at is null or expires_at > now())"#,
        tenant,
        workspace,
    )
    .fetch_one(tx.connection())
    .await
}

/// Something changed that governs all keys of the tenant. Last in its transaction: changes of all tenants wait for
/// each other here.
pub(crate) async fn tenant_changed(tx: &mut TenantTx) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(r#"select identity.tenant_changed($1)::text as "nothing?""#, tenant)
        .fetch_one(tx.connection())
        .await?;
    Ok(())
}

/// What a key's requests get that leave it open, and the member who made the key.
pub(crate) async fn governing(tx: &mut TenantTx, key: &Key) -> Result<Defaults, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"select coalesce(w.default_text_model, o.default_text_model) as text_model,
                  coalesce(w.default_image_model, o.default_image_model) as image_model,
                  coalesce(w.default_provider_sort, o.default_provider_sort) as provider_sort,
                  w.disabled_server_tools, w.default_plugins, w.are_plugins_final,
                  o.default_plugins as account_plugins, o.are_plugins_final as are_account_plugins_final
           from identity.workspace w
           join identity.organisation o on o.id = w.tenant_id
           where w.tenant_id = $1 and w.id = $2"#,
        tenant,
        key.workspace,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map_or_else(Defaults::default, |row| Defaults {
        text_model: row.text_model,
        image_model: row.image_model,
        provider_sort: row.provider_sort,
        disabled_server_tools: row.disabled_server_tools,
        plugins: DefaultPlugins::of(
            (row.default_plugins.as_ref(), row.are_plugins_final),
            (row.account_plugins.as_ref(), row.are_account_plugins_final),
        ),
    }))
}
