//! To which keys and members guardrails are assigned.

use chrono::{DateTime, Utc};
use identity::{KeyHash, PersonId};
use pg::TenantTx;
use uuid::Uuid;

/// A guardrail of a key.
#[derive(Debug)]
pub(crate) struct OfKey {
    pub(crate) id: Uuid,
    pub(crate) guardrail: Uuid,
    pub(crate) hash: Vec<u8>,
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) assigned_by: Option<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
}

/// A guardrail of a member.
#[derive(Debug)]
pub(crate) struct OfMember {
    pub(crate) id: Uuid,
    pub(crate) guardrail: Uuid,
    pub(crate) person: Uuid,
    pub(crate) assigned_by: Option<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
}

/// Assignments of keys, of one guardrail or of all, the newest first, and how many there are.
pub(crate) async fn keys(
    tx: &mut TenantTx,
    of: Option<Uuid>,
    (offset, limit): (i64, i64),
) -> Result<(Vec<OfKey>, i64), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query_as!(
        OfKey,
        r#"select a.id, a.guardrail_id as guardrail, k.hash, k.name, k.label, a.assigned_by, a.created_at
           from identity.guardrail_key a
           join identity.api_key k on k.id = a.key_id and k.tenant_id = $1 and k.deleted_at is null
           where a.tenant_id = $1 and ($2::uuid is null or a.guardrail_id = $2)
           order by a.created_at desc, a.id desc
           offset $3 limit $4"#,
        tenant,
        of,
        offset,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!"
           from identity.guardrail_key a
           join identity.api_key k on k.id = a.key_id and k.tenant_id = $1 and k.deleted_at is null
           where a.tenant_id = $1 and ($2::uuid is null or a.guardrail_id = $2)"#,
        tenant,
        of,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok((rows, count))
}

/// Assignments of members, of one guardrail or of all, the newest first, and how many there are.
pub(crate) async fn members(
    tx: &mut TenantTx,
    of: Option<Uuid>,
    (offset, limit): (i64, i64),
) -> Result<(Vec<OfMember>, i64), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query_as!(
        OfMember,
        r#"select id, guardrail_id as guardrail, person_id as person, assigned_by, created_at
           from identity.guardrail_member
           where tenant_id = $1 and ($2::uuid is null or guardrail_id = $2)
           order by created_at desc, id desc
           offset $3 limit $4"#,
        tenant,
        of,
        offset,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.guardrail_member
           where tenant_id = $1 and ($2::uuid is null or guardrail_id = $2)"#,
        tenant,
        of,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok((rows, count))
}

/// The ids of the tenant's keys with these hashes; fewer than hashes where one is nobody's.
pub(crate) async fn key_ids(tx: &mut TenantTx, hashes: &[KeyHash]) -> Result<Vec<Uuid>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.0.to_vec()).collect();
    sqlx::query_scalar!(
        "select id from identity.api_key
         where tenant_id = $1 and hash = any ($2) and deleted_at is null",
        tenant,
        &hashes,
    )
    .fetch_all(tx.connection())
    .await
}

/// Those of some people who are members of the tenant.
pub(crate) async fn member_ids(tx: &mut TenantTx, people: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        "select person_id from identity.member where tenant_id = $1 and person_id = any ($2)",
        tenant,
        people,
    )
    .fetch_all(tx.connection())
    .await
}

/// Assigns a guardrail to keys, in place of any other. How many.
pub(crate) async fn assign_keys(
    tx: &mut TenantTx,
    guardrail: Uuid,
    keys: &[Uuid],
    by: Option<PersonId>,
) -> Result<u64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let ids: Vec<Uuid> = keys.iter().map(|_| Uuid::now_v7()).collect();
    let done = sqlx::query!(
        "insert into identity.guardrail_key as a (id, tenant_id, guardrail_id, key_id, assigned_by)
         select n.id, $1, $2, n.key_id, $5 from unnest($3::uuid[], $4::uuid[]) n(id, key_id)
         order by n.key_id
         on conflict (key_id) do update
             set id = excluded.id, guardrail_id = excluded.guardrail_id, assigned_by = excluded.assigned_by,
                 created_at = now()",
        tenant,
        guardrail,
        &ids,
        keys,
        by.map(PersonId::uuid),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}

/// Assigns a guardrail to members, in place of any other. How many.
pub(crate) async fn assign_members(
    tx: &mut TenantTx,
    guardrail: Uuid,
    people: &[Uuid],
    by: Option<PersonId>,
) -> Result<u64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let ids: Vec<Uuid> = people.iter().map(|_| Uuid::now_v7()).collect();
    let done = sqlx::query!(
        "insert into identity.guardrail_member as a (id, tenant_id, guardrail_id, person_id, assigned_by)
         select n.id, $1, $2, n.person_id, $5 from unnest($3::uuid[], $4::uuid[]) n(id, person_id)
         order by n.person_id
         on conflict (tenant_id, person_id) do update
             set id = excluded.id, guardrail_id = excluded.guardrail_id, assigned_by = excluded.assigned_by,
                 created_at = now()",
        tenant,
        guardrail,
        &ids,
        people,
        by.map(PersonId::uuid),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}

/// Takes a guardrail away from those of these keys that have it. How many.
pub(crate) async fn unassign_keys(
    tx: &mut TenantTx,
    guardrail: Uuid,
    keys: &[Uuid],
) -> Result<u64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "delete from identity.guardrail_key where tenant_id = $1 and guardrail_id = $2 and key_id = any ($3)",
        tenant,
        guardrail,
        keys,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}

/// Takes a guardrail away from those of these members who have it. How many.
pub(crate) async fn unassign_members(
    tx: &mut TenantTx,
    guardrail: Uuid,
    people: &[Uuid],
) -> Result<u64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "delete from identity.guardrail_member
         where tenant_id = $1 and guardrail_id = $2 and person_id = any ($3)",
        tenant,
        guardrail,
        people,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}
