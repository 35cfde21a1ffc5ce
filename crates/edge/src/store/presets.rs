//! Presets and their versions.

use chrono::{DateTime, Utc};
use pg::TenantTx;
use serde_json::Value;
use uuid::Uuid;

/// A preset without its versions.
#[derive(Debug, Clone)]
pub(crate) struct Preset {
    pub(crate) id: Uuid,
    pub(crate) workspace: Uuid,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// `active`, `disabled` or `archived`.
    pub(crate) status: String,
    pub(crate) status_updated_at: Option<DateTime<Utc>>,
    pub(crate) designated_version: Option<Uuid>,
    pub(crate) creator: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// A version, which never changes.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) id: Uuid,
    pub(crate) preset: Uuid,
    /// From 1.
    pub(crate) number: i32,
    /// Members of a chat request, as a JSON object.
    pub(crate) config: Value,
    pub(crate) system_prompt: Option<String>,
    pub(crate) creator: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// What a new version is to be.
#[derive(Debug, Clone)]
pub(crate) struct NewVersion {
    pub(crate) workspace: Uuid,
    pub(crate) slug: String,
    pub(crate) config: Value,
    pub(crate) system_prompt: Option<String>,
    pub(crate) creator: String,
}

macro_rules! presets {
    ($before:literal, $after:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Preset,
            $before + " id, workspace_id as workspace, slug, name, description, status, status_updated_at,
                designated_version_id as designated_version, creator, created_at, updated_at " + $after,
            $($argument),+
        )
    };
}

macro_rules! versions {
    ($before:literal, $after:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Version,
            $before + " id, preset_id as preset, version as number, config, system_prompt, creator, created_at " + $after,
            $($argument),+
        )
    };
}

/// The presets of a workspace, the one that changed last first.
pub(crate) async fn list(
    tx: &mut TenantTx,
    workspace: Uuid,
    offset: i64,
    limit: i64,
) -> Result<Vec<Preset>, sqlx::Error> {
    let tenant = tx.tenant();
    presets!(
        "select",
        "from identity.preset
         where tenant_id = $1 and workspace_id = $2
         order by updated_at desc, id desc
         offset $3 limit $4",
        tenant.uuid(),
        workspace,
        offset,
        limit,
    )
    .fetch_all(tx.connection())
    .await
}

/// How many presets a workspace has.
pub(crate) async fn count(tx: &mut TenantTx, workspace: Uuid) -> Result<i64, sqlx::Error> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.preset where tenant_id = $1 and workspace_id = $2"#,
        tenant.uuid(),
        workspace,
    )
    .fetch_one(tx.connection())
    .await
}

/// The same number, and nobody else makes one there or deletes the workspace before the transaction ends; `None` where it
/// is deleted. Versions are written meanwhile.
pub(crate) async fn hold_count(tx: &mut TenantTx, workspace: Uuid) -> Result<Option<i64>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let held = sqlx::query!(
        "select from identity.workspace where tenant_id = $1 and id = $2 and deleted_at is null for no key update",
        tenant,
        workspace,
    )
    .fetch_optional(tx.connection())
    .await?;
    match held {
        Some(_) => count(tx, workspace).await.map(Some),
        None => Ok(None),
    }
}

/// The preset of that name.
pub(crate) async fn by_slug(
    tx: &mut TenantTx,
    workspace: Uuid,
    slug: &str,
) -> Result<Option<Preset>, sqlx::Error> {
    let tenant = tx.tenant();
    presets!(
        "select",
        "from identity.preset
         where tenant_id = $1 and workspace_id = $2 and slug = $3",
        tenant.uuid(),
        workspace,
        slug,
    )
    .fetch_optional(tx.connection())
    .await
}

/// The version that is in force.
pub(crate) async fn designated(tx: &mut TenantTx, preset: &Preset) -> Result<Option<Version>, sqlx::Error> {
    let tenant = tx.tenant();
    versions!(
        "select",
        "from identity.preset_version
         where tenant_id = $1 and preset_id = $2 and id = $3",
        tenant.uuid(),
        preset.id,
        preset.designated_version,
    )
    .fetch_optional(tx.connection())
    .await
}

pub(crate) async fn version(
    tx: &mut TenantTx,
    preset: Uuid,
    number: i32,
) -> Result<Option<Version>, sqlx::Error> {
    let tenant = tx.tenant();
    versions!(
        "select",
        "from identity.preset_version
         where tenant_id = $1 and preset_id = $2 and version = $3",
        tenant.uuid(),
        preset,
        number,
    )
    .fetch_optional(tx.connection())
    .await
}

/// The versions of a preset, oldest first.
pub(crate) async fn versions(
    tx: &mut TenantTx,
    preset: Uuid,
    offset: i64,
    limit: i64,
) -> Result<Vec<Version>, sqlx::Error> {
    let tenant = tx.tenant();
    versions!(
        "select",
        "from identity.preset_version
         where tenant_id = $1 and preset_id = $2
         order by version
         offset $3 limit $4",
        tenant.uuid(),
        preset,
        offset,
        limit,
    )
    .fetch_all(tx.connection())
    .await
}

pub(crate) async fn count_versions(tx: &mut TenantTx, preset: Uuid) -> Result<i64, sqlx::Error> {
    let tenant = tx.tenant();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.preset_version where tenant_id = $1 and preset_id = $2"#,
        tenant.uuid(),
        preset,
    )
    .fetch_one(tx.connection())
    .await
}

/// The preset of that name, and nobody else changes it or writes a version of it before the transaction ends.
pub(crate) async fn hold(
    tx: &mut TenantTx,
    workspace: Uuid,
    slug: &str,
) -> Result<Option<Preset>, sqlx::Error> {
    let tenant = tx.tenant();
    presets!(
        "select",
        "from identity.preset
         where tenant_id = $1 and workspace_id = $2 and slug = $3
         for update",
        tenant.uuid(),
        workspace,
        slug,
    )
    .fetch_optional(tx.connection())
    .await
}

/// Makes the preset that a version is to be the first of, and holds it. The workspace's count is held.
pub(crate) async fn make(tx: &mut TenantTx, new: &NewVersion) -> Result<Preset, sqlx::Error> {
    let tenant = tx.tenant();
    presets!(
        "insert into identity.preset (id, tenant_id, workspace_id, slug, name, creator)
         values ($1, $2, $3, $4, $4, $5)
         returning",
        "",
        Uuid::now_v7(),
        tenant.uuid(),
        new.workspace,
        new.slug,
        new.creator,
    )
    .fetch_one(tx.connection())
    .await
}

/// Writes a version of a preset that is held, and puts it in force.
pub(crate) async fn add(
    tx: &mut TenantTx,
    mut preset: Preset,
    new: &NewVersion,
) -> Result<(Preset, Version), sqlx::Error> {
    let tenant = tx.tenant();
    let version = versions!(
        "insert into identity.preset_version
             (id, tenant_id, preset_id, version, config, system_prompt, creator, created_at)
         select $1, $2, $3, coalesce(max(v.version), 0) + 1, $4, $5, $6, clock_timestamp()
         from identity.preset_version v
         where v.tenant_id = $2 and v.preset_id = $3
         returning",
        "",
        Uuid::now_v7(),
        tenant.uuid(),
        preset.id,
        new.config,
        new.system_prompt,
        new.creator,
    )
    .fetch_one(tx.connection())
    .await?;
    preset.designated_version = Some(version.id);
    preset.updated_at = version.created_at;
    update(tx, &preset).await?;
    Ok((preset, version))
}

/// Writes what may be changed of a preset that is held.
pub(crate) async fn update(tx: &mut TenantTx, preset: &Preset) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant();
    sqlx::query!(
        "update identity.preset
         set name = $3, description = $4, status = $5, status_updated_at = $6, updated_at = $7,
             designated_version_id = $8
         where tenant_id = $1 and id = $2",
        tenant.uuid(),
        preset.id,
        preset.name,
        preset.description,
        preset.status,
        preset.status_updated_at,
        preset.updated_at,
        preset.designated_version,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Deletes the preset of that name with its versions, or all of the workspace.
pub(crate) async fn delete(
    tx: &mut TenantTx,
    workspace: Uuid,
    slug: Option<&str>,
) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    // Presets and their versions refer to each other.
    sqlx::query!(
        "update identity.preset set designated_version_id = null
         where tenant_id = $1 and workspace_id = $2 and ($3::text is null or slug = $3)",
        tenant,
        workspace,
        slug,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "delete from identity.preset_version v using identity.preset p
         where p.tenant_id = $1 and p.workspace_id = $2 and ($3::text is null or p.slug = $3)
             and v.tenant_id = $1 and v.preset_id = p.id",
        tenant,
        workspace,
        slug,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "delete from identity.preset
         where tenant_id = $1 and workspace_id = $2 and ($3::text is null or slug = $3)",
        tenant,
        workspace,
        slug,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
