//! The members of an organisation, and of its workspaces.

use chrono::{DateTime, Utc};
use identity::PersonId;
use pg::TenantTx;
use uuid::Uuid;

use crate::access::Role;

/// A member of the organisation.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) person: Uuid,
    pub(crate) email: String,
    /// Empty = not known.
    pub(crate) name: String,
    pub(crate) role: String,
}

/// A page of members, those first who came first.
pub(crate) async fn list(tx: &mut TenantTx, offset: i64, limit: i64) -> Result<Vec<Member>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Member,
        "select m.person_id as person, p.email, p.name, m.role
         from identity.member m
         join identity.person p on p.id = m.person_id
         where m.tenant_id = $1
         order by m.created_at, m.person_id
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
    sqlx::query_scalar!(r#"select count(*) as "count!" from identity.member where tenant_id = $1"#, tenant)
        .fetch_one(tx.connection())
        .await
}

/// A member whom nobody else changes, and who makes no keys, until the transaction ends.
pub(crate) async fn hold(tx: &mut TenantTx, person: PersonId) -> Result<Option<Member>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Member,
        "select m.person_id as person, p.email, p.name, m.role
         from identity.member m
         join identity.person p on p.id = m.person_id
         where m.tenant_id = $1 and m.person_id = $2
         for update of m",
        tenant,
        person.uuid(),
    )
    .fetch_optional(tx.connection())
    .await
}

/// Whether somebody else is an owner, and stays one until the transaction ends.
pub(crate) async fn has_other_owner(tx: &mut TenantTx, than: PersonId) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    // All of them in one order, so that owners who demote each other do not wait in a circle.
    let owners = sqlx::query_scalar!(
        "select person_id from identity.member where tenant_id = $1 and role = 'owner'
         order by person_id for update",
        tenant,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(owners.iter().any(|owner| *owner != than.uuid()))
}

/// Gives a member another role, in the workspaces that they are in, too.
pub(crate) async fn set_role(tx: &mut TenantTx, person: PersonId, role: Role) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update identity.member set role = $3, updated_at = now() where tenant_id = $1 and person_id = $2",
        tenant,
        person.uuid(),
        role.as_str(),
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "update identity.workspace_member
         set role = case when $3 in ('owner', 'admin') then 'admin' else 'member' end
         where tenant_id = $1 and person_id = $2",
        tenant,
        person.uuid(),
        role.as_str(),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Removes a member from the organisation and from all of its workspaces.
pub(crate) async fn remove(tx: &mut TenantTx, person: PersonId) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "delete from identity.member where tenant_id = $1 and person_id = $2",
        tenant,
        person.uuid()
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// How many keys for calling models that a member made live: neither deleted nor expired. A disabled one may be enabled
/// again.
pub(crate) async fn live_keys(tx: &mut TenantTx, person: PersonId) -> Result<i64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.api_key
           where tenant_id = $1 and creator_person_id = $2 and kind = 'inference' and deleted_at is null
             and (expires_at is null or expires_at > now())"#,
        tenant,
        person.uuid(),
    )
    .fetch_one(tx.connection())
    .await
}

/// Somebody's part in a workspace.
#[derive(Debug, Clone)]
pub(crate) struct Membership {
    pub(crate) person: Uuid,
    /// `admin` or `member`.
    pub(crate) role: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// A page of a workspace's members. `everyone` = it is the default one, which has every member of the organisation.
pub(crate) async fn of_workspace(
    tx: &mut TenantTx,
    (workspace, everyone): (Uuid, bool),
    (offset, limit): (i64, i64),
) -> Result<Vec<Membership>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Membership,
        r#"select person_id as "person!", role as "role!", created_at as "created_at!" from (
               select person_id, created_at,
                      case when role in ('owner', 'admin') then 'admin' else 'member' end as role
               from identity.member
               where tenant_id = $1 and $3
               union all
               select person_id, created_at, role
               from identity.workspace_member
               where tenant_id = $1 and workspace_id = $2 and not $3) as m
           order by created_at, person_id
           offset $4 limit $5"#,
        tenant,
        workspace,
        everyone,
        offset,
        limit,
    )
    .fetch_all(tx.connection())
    .await
}

pub(crate) async fn count_of_workspace(
    tx: &mut TenantTx,
    (workspace, everyone): (Uuid, bool),
) -> Result<i64, sqlx::Error> {
    if everyone {
        return count(tx).await;
    }
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.workspace_member where tenant_id = $1 and workspace_id = $2"#,
        tenant,
        workspace,
    )
    .fetch_one(tx.connection())
    .await
}

/// Those of these people who are members of the organisation, with the part that they have in every workspace that
/// they are added to.
pub(crate) async fn among(tx: &mut TenantTx, people: &[Uuid]) -> Result<Vec<Membership>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Membership,
        r#"select person_id as person, created_at,
                  case when role in ('owner', 'admin') then 'admin' else 'member' end as "role!"
           from identity.member
           where tenant_id = $1 and person_id = any ($2)
           order by created_at, person_id
           for key share"#,
        tenant,
        people,
    )
    .fetch_all(tx.connection())
    .await
}

/// Adds members to a workspace, each with the part that their role in the organisation gives. Answers their parts;
/// whoever is there already gets theirs anew.
pub(crate) async fn add(
    tx: &mut TenantTx,
    workspace: Uuid,
    people: &[Uuid],
) -> Result<Vec<Membership>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Membership,
        r#"insert into identity.workspace_member as w (workspace_id, person_id, tenant_id, role)
           select $2, m.person_id, m.tenant_id,
                  case when m.role in ('owner', 'admin') then 'admin' else 'member' end
           from identity.member m
           where m.tenant_id = $1 and m.person_id = any ($3)
           order by m.person_id
           on conflict (workspace_id, person_id) do update set role = excluded.role
           returning w.person_id as person, w.role, w.created_at"#,
        tenant,
        workspace,
        people,
    )
    .fetch_all(tx.connection())
    .await
}

/// Those of these people who made keys in the workspace that live.
pub(crate) async fn with_live_keys(
    tx: &mut TenantTx,
    workspace: Uuid,
    people: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        r#"select distinct creator_person_id as "person!" from identity.api_key
           where tenant_id = $1 and workspace_id = $2 and creator_person_id = any ($3) and deleted_at is null
             and (expires_at is null or expires_at > now())
           order by 1"#,
        tenant,
        workspace,
        people,
    )
    .fetch_all(tx.connection())
    .await
}

/// Removes members from a workspace that is held. How many were there.
pub(crate) async fn remove_from(
    tx: &mut TenantTx,
    workspace: Uuid,
    people: &[Uuid],
) -> Result<u64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "delete from identity.workspace_member
         where tenant_id = $1 and workspace_id = $2 and person_id = any ($3)",
        tenant,
        workspace,
        people,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}
