//! Who answers for management keys: whoever made one or rotated it, whom it was made for, and whoever answers for the key
//! that made it.

use identity::{KeyHash, KeyId, PersonId};
use pg::TenantTx;
use uuid::Uuid;

/// A key that was in force until now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disabled {
    pub(crate) id: KeyId,
    /// Its public name.
    pub(crate) hash: KeyHash,
}

/// Disables the management keys that somebody answers for. Keys that operators made are nobody's until somebody rotates
/// them.
pub(crate) async fn disable(tx: &mut TenantTx, person: PersonId) -> Result<Vec<Disabled>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "with recursive made as (
             select id from identity.api_key
             where tenant_id = $1 and kind = 'management'
                 and (creator_person_id = $2 or rotated_by = $2
                     or creator_person_id is not null and creator = 'user:' || $2::uuid::text)
             union
             select k.id from identity.api_key k join made on k.creator = 'key:' || made.id::text
             where k.tenant_id = $1 and k.kind = 'management')
         update identity.api_key k set disabled = true, updated_at = now()
         from made
         where k.tenant_id = $1 and k.id = made.id and not k.disabled and k.deleted_at is null
         returning k.id, k.hash",
        tenant,
        person.uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    // The column admits nothing but 32 bytes.
    let disabled = rows.into_iter().map(|row| Disabled {
        id: KeyId::from_uuid(row.id),
        hash: KeyHash(row.hash.try_into().unwrap_or_default()),
    });
    Ok(disabled.collect())
}

/// The people who answer for a management key.
pub(crate) async fn of(tx: &mut TenantTx, key: KeyId) -> Result<Vec<Uuid>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        r#"with recursive line as (
               select id, creator, creator_person_id, rotated_by from identity.api_key
               where tenant_id = $1 and id = $2
               union
               select k.id, k.creator, k.creator_person_id, k.rotated_by
               from identity.api_key k join line on line.creator = 'key:' || k.id::text
               where k.tenant_id = $1)
           select creator_person_id as "person!" from line where creator_person_id is not null
           union
           select rotated_by from line where rotated_by is not null
           union
           select split_part(creator, ':', 2)::uuid from line
           where creator_person_id is not null and creator like 'user:%'"#,
        tenant,
        key.uuid(),
    )
    .fetch_all(tx.connection())
    .await
}

/// Those of these people who are owners or admins, and stay it until the transaction ends.
pub(crate) async fn hold_managing(tx: &mut TenantTx, people: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        "select person_id from identity.member
         where tenant_id = $1 and person_id = any ($2) and role in ('owner', 'admin')
         order by person_id for key share",
        tenant,
        people,
    )
    .fetch_all(tx.connection())
    .await
}

/// Whether a key is in force, and nobody disables it until the transaction ends.
pub(crate) async fn hold_key(tx: &mut TenantTx, key: KeyId) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let held = sqlx::query_scalar!(
        "select id from identity.api_key
         where tenant_id = $1 and id = $2 and not disabled and deleted_at is null for share",
        tenant,
        key.uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(held.is_some())
}
