//! Guardrails, and what applies to a key.

pub(crate) mod assignments;

use chrono::{DateTime, Utc};
use identity::PersonId;
use pg::TenantTx;
use pricing::Amount;
use sqlx::types::Json;
use uuid::Uuid;

use super::keys::Key;
use crate::guardrails::{Applied, Guardrails, Rules, Scope, combine};

/// A guardrail as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Guardrail {
    pub(crate) id: Uuid,
    /// `None` = the organisation's policy.
    pub(crate) workspace: Option<Uuid>,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) limit: Option<Amount>,
    /// `daily`, `weekly`, `monthly`; `None` = the limit is for ever.
    pub(crate) reset_interval: Option<String>,
    pub(crate) counts_own_keys: bool,
    pub(crate) rules: Rules,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    /// Counts its changes; 0 = it is not kept yet.
    pub(crate) revision: i64,
}

struct Row {
    id: Uuid,
    workspace_id: Option<Uuid>,
    name: String,
    description: Option<String>,
    limit_nanos: Option<i64>,
    reset_interval: Option<String>,
    counts_own_keys: bool,
    rules: Json<Rules>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    revision: i64,
}

impl From<Row> for Guardrail {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            workspace: row.workspace_id,
            name: row.name,
            description: row.description,
            limit: row.limit_nanos.map(Amount::from_nanos),
            reset_interval: row.reset_interval,
            counts_own_keys: row.counts_own_keys,
            rules: row.rules.0,
            created_at: row.created_at,
            updated_at: row.updated_at,
            revision: row.revision,
        }
    }
}

/// The guardrails of a workspace, the newest first, and how many there are.
pub(crate) async fn list(
    tx: &mut TenantTx,
    workspace: Uuid,
    offset: i64,
    limit: i64,
) -> Result<(Vec<Guardrail>, i64), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query_as!(
        Row,
        r#"select id, workspace_id, name, description, limit_nanos, reset_interval, counts_own_keys,
                  rules as "rules: Json<Rules>", created_at, updated_at, revision
           from identity.guardrail
           where tenant_id = $1 and workspace_id = $2
           order by created_at desc, id desc
           offset $3 limit $4"#,
        tenant,
        workspace,
        offset,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.guardrail where tenant_id = $1 and workspace_id = $2"#,
        tenant,
        workspace,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok((rows.into_iter().map(Guardrail::from).collect(), count))
}

/// A guardrail of the tenant's, other than its policy.
pub(crate) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<Guardrail>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query_as!(
        Row,
        r#"select id, workspace_id, name, description, limit_nanos, reset_interval, counts_own_keys,
                  rules as "rules: Json<Rules>", created_at, updated_at, revision
           from identity.guardrail
           where tenant_id = $1 and id = $2 and workspace_id is not null"#,
        tenant,
        id,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(Guardrail::from))
}

/// The organisation's policy, where it has one.
pub(crate) async fn policy(tx: &mut TenantTx) -> Result<Option<Guardrail>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query_as!(
        Row,
        r#"select id, workspace_id, name, description, limit_nanos, reset_interval, counts_own_keys,
                  rules as "rules: Json<Rules>", created_at, updated_at, revision
           from identity.guardrail
           where tenant_id = $1 and workspace_id is null"#,
        tenant,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(Guardrail::from))
}

/// Keeps a guardrail that was not kept before. Whether it is now: not when somebody else was faster.
pub(crate) async fn insert(
    tx: &mut TenantTx,
    guardrail: &Guardrail,
    creator: &str,
) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "insert into identity.guardrail (id, tenant_id, workspace_id, name, description, limit_nanos, reset_interval,
                                         counts_own_keys, rules, creator)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict do nothing",
        guardrail.id,
        tenant,
        guardrail.workspace,
        guardrail.name,
        guardrail.description,
        guardrail.limit.map(Amount::nanos),
        guardrail.reset_interval,
        guardrail.counts_own_keys,
        Json(&guardrail.rules) as _,
        creator,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Changes a guardrail. Whether it could be: not when it was changed since it was read.
pub(crate) async fn update(tx: &mut TenantTx, guardrail: &Guardrail) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "update identity.guardrail
         set name = $4, description = $5, limit_nanos = $6, reset_interval = $7, counts_own_keys = $8, rules = $9,
             updated_at = now(), revision = revision + 1
         where tenant_id = $1 and id = $2 and revision = $3",
        tenant,
        guardrail.id,
        guardrail.revision,
        guardrail.name,
        guardrail.description,
        guardrail.limit.map(Amount::nanos),
        guardrail.reset_interval,
        guardrail.counts_own_keys,
        Json(&guardrail.rules) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a guardrail with its assignments. Whether there was one.
pub(crate) async fn delete(tx: &mut TenantTx, id: Uuid) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "delete from identity.guardrail where tenant_id = $1 and id = $2 and workspace_id is not null",
        tenant,
        id,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Has every edge forget what it knows of the tenant's keys.
pub(crate) async fn changed(tx: &mut TenantTx) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!("select identity.tenant_changed($1)", tenant).execute(tx.connection()).await?;
    Ok(())
}

/// All guardrails that apply to a key, as one.
pub(crate) async fn of_key(tx: &mut TenantTx, key: &Key) -> Result<Guardrails, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"select g.id, a.scope as "scope!", g.limit_nanos is not null as "has_limit!", g.rules as "rules: Json<Rules>"
           from (
               select 'organization' as scope, id from identity.guardrail
               where tenant_id = $1 and workspace_id is null
               union all
               select 'workspace', $2
               union all
               select 'member', guardrail_id from identity.guardrail_member
               where tenant_id = $1 and person_id = $3
               union all
               select 'key', guardrail_id from identity.guardrail_key where tenant_id = $1 and key_id = $4
           ) a
           join identity.guardrail g on g.id = a.id and g.tenant_id = $1"#,
        tenant,
        crate::guardrails::default_id(key.workspace),
        key.creator.map(PersonId::uuid),
        key.id.uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    let applied: Vec<Applied> = rows
        .into_iter()
        .map(|row| Applied {
            id: row.id,
            scope: scope(&row.scope),
            has_limit: row.has_limit,
            rules: row.rules.0,
        })
        .collect();
    // Unknown is not unlimited: such a key cannot be looked up.
    combine(&applied).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn scope(text: &str) -> Scope {
    match text {
        "organization" => Scope::Organization,
        "workspace" => Scope::Workspace,
        "member" => Scope::Member,
        _ => Scope::Key,
    }
}
