//! Invitations into organisations.

use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::{KeyHash, PersonId, TenantId};
use pg::TenantTx;
use sqlx::PgPool;
use uuid::Uuid;

use super::people::PersonTx;
use super::sessions::interval;
use crate::access::Role;

/// An invitation that is open, as the organisation sees it.
#[derive(Debug, Clone)]
pub(crate) struct Invitation {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) role: String,
    pub(crate) workspace_ids: Vec<Uuid>,
    pub(crate) invited_by: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Whoever is to be invited.
#[derive(Debug, Clone)]
pub(crate) struct NewInvitation {
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) workspaces: Vec<Uuid>,
    pub(crate) hash: KeyHash,
    pub(crate) invited_by: String,
    pub(crate) lasts: Duration,
}

/// Whether somebody with this e-mail address is a member of the transaction's organisation.
pub(crate) async fn is_member(tx: &mut TenantTx, email: &str) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        r#"select exists (
               select from identity.member m join identity.person p on p.id = m.person_id
               where m.tenant_id = $1 and p.email = $2) as "is_member!""#,
        tenant,
        email,
    )
    .fetch_one(tx.connection())
    .await
}

/// How many of these are workspaces of the transaction's organisation.
pub(crate) async fn count_workspaces(tx: &mut TenantTx, workspaces: &[Uuid]) -> Result<i64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.workspace where tenant_id = $1 and id = any($2)"#,
        tenant,
        workspaces,
    )
    .fetch_one(tx.connection())
    .await
}

/// An invitation that was taken back.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) id: Uuid,
    pub(crate) role: String,
    pub(crate) invited_by: String,
}

/// Takes back what is open of an address.
pub(crate) async fn replace(tx: &mut TenantTx, email: &str) -> Result<Vec<Ended>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Ended,
        "update identity.invitation set revoked_at = now()
         where tenant_id = $1 and email = $2 and accepted_at is null and revoked_at is null
         returning id, role, invited_by",
        tenant,
        email,
    )
    .fetch_all(tx.connection())
    .await
}

/// Adds an invitation.
pub(crate) async fn insert(tx: &mut TenantTx, new: &NewInvitation) -> Result<Invitation, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Invitation,
        "insert into identity.invitation (id, tenant_id, email, role, workspace_ids, hash, invited_by, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, now() + $8)
         returning id, email, role, workspace_ids, invited_by, created_at, expires_at",
        Uuid::now_v7(),
        tenant,
        new.email,
        new.role.as_str(),
        new.workspaces.as_slice(),
        new.hash.0.as_slice(),
        new.invited_by,
        interval(new.lasts),
    )
    .fetch_one(tx.connection())
    .await
}

/// The open invitations of the transaction's organisation, the newest first.
pub(crate) async fn open(
    tx: &mut TenantTx,
    offset: i64,
    limit: i64,
) -> Result<(Vec<Invitation>, i64), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query_as!(
        Invitation,
        "select id, email, role, workspace_ids, invited_by, created_at, expires_at from identity.invitation
         where tenant_id = $1 and accepted_at is null and revoked_at is null and expires_at > now()
         order by created_at desc, id desc offset $2 limit $3",
        tenant,
        offset,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.invitation
           where tenant_id = $1 and accepted_at is null and revoked_at is null and expires_at > now()"#,
        tenant,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok((found, total))
}

/// Takes an open invitation of the transaction's organisation back, if there is one.
pub(crate) async fn revoke(tx: &mut TenantTx, id: Uuid) -> Result<Option<Ended>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Ended,
        "update identity.invitation set revoked_at = now()
         where tenant_id = $1 and id = $2 and accepted_at is null and revoked_at is null
         returning id, role, invited_by",
        tenant,
        id,
    )
    .fetch_optional(tx.connection())
    .await
}

/// Takes back what is open of these inviters, where a role is named only what makes somebody that. The invitations' ids.
pub(crate) async fn withdraw(
    tx: &mut TenantTx,
    inviters: &[String],
    of: Option<Role>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        "update identity.invitation set revoked_at = now()
         where tenant_id = $1 and invited_by = any ($2) and ($3::text is null or role = $3)
             and accepted_at is null and revoked_at is null
         returning id",
        tenant,
        inviters,
        of.map(Role::as_str),
    )
    .fetch_all(tx.connection())
    .await
}

/// An invitation in force, as whoever holds its token sees it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) id: Uuid,
    pub(crate) tenant: TenantId,
    pub(crate) email: String,
    /// Whoever has the address already.
    pub(crate) person: Option<PersonId>,
    pub(crate) is_disabled: bool,
}

/// The invitation in force whose token has this hash.
pub(crate) async fn by_hash(pool: &PgPool, hash: KeyHash) -> Result<Option<Held>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select id as "id!", tenant_id as "tenant_id!", email as "email!", person_id,
                  is_disabled as "is_disabled!"
           from identity.invitation_by_hash($1)"#,
        hash.0.as_slice(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Held {
        id: row.id,
        tenant: TenantId::from_uuid(row.tenant_id),
        email: row.email,
        person: row.person_id.map(PersonId::from_uuid),
        is_disabled: row.is_disabled,
    }))
}

/// What an accepted invitation gives.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) role: Role,
    pub(crate) workspaces: Vec<Uuid>,
}

/// Uses an invitation up for the transaction's person. `None` when it is in force no longer, or whoever invited could not
/// do so now: a member whose role does not give the invitation's, or a key that is not in force. The platform always can.
pub(crate) async fn accept(
    tx: &mut PersonTx,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<Accepted>, sqlx::Error> {
    let person = tx.person().uuid();
    let row = sqlx::query!(
        "update identity.invitation i set accepted_at = now(), accepted_by = $3
         where i.tenant_id = $1 and i.id = $2 and i.accepted_at is null and i.revoked_at is null
             and i.expires_at > now()
             and (i.invited_by = 'platform'
                 or exists (select from identity.member m
                     where m.tenant_id = $1 and i.invited_by = 'user:' || m.person_id::text
                         and (m.role = 'owner' or m.role = 'admin' and i.role <> 'owner'))
                 or exists (select from identity.api_key k
                     where k.tenant_id = $1 and i.invited_by = 'key:' || k.id::text
                         and k.deleted_at is null and not k.disabled
                         and (k.expires_at is null or k.expires_at > now())))
         returning i.role, i.workspace_ids",
        tenant.uuid(),
        id,
        person,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.and_then(|row| Some(Accepted { role: Role::named(&row.role)?, workspaces: row.workspace_ids })))
}
