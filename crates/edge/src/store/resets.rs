//! Passwords that were forgotten.

use std::time::Duration;

use identity::{KeyHash, PersonId};
use sqlx::PgPool;
use uuid::Uuid;

use super::people::PersonTx;
use super::sessions::interval;

/// Remembers the hash of a token that the transaction's person may set a password with, for so long.
pub(crate) async fn insert(tx: &mut PersonTx, hash: KeyHash, lasts: Duration) -> Result<(), sqlx::Error> {
    let person = tx.person().uuid();
    sqlx::query!(
        "insert into identity.password_reset (id, hash, person_id, expires_at) values ($1, $2, $3, now() + $4)",
        Uuid::now_v7(),
        hash.0.as_slice(),
        person,
        interval(lasts),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A reset in force, and whose it is.
#[derive(Debug)]
pub(crate) struct Reset {
    pub(crate) person: PersonId,
    pub(crate) email: String,
}

/// The reset in force whose token has this hash.
pub(crate) async fn by_hash(pool: &PgPool, hash: KeyHash) -> Result<Option<Reset>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select person_id as "person_id!", email as "email!" from identity.password_reset_by_hash($1)"#,
        hash.0.as_slice(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Reset { person: PersonId::from_uuid(row.person_id), email: row.email }))
}

/// Uses the token up, and every other one of the transaction's person. Whether it was still in force.
pub(crate) async fn spend(tx: &mut PersonTx, hash: KeyHash) -> Result<bool, sqlx::Error> {
    let person = tx.person().uuid();
    let spent = sqlx::query_scalar!(
        r#"with used as (
               update identity.password_reset set used_at = now() where person_id = $1 and used_at is null
               returning hash, expires_at)
           select exists (select from used where hash = $2 and expires_at > now()) as "is_spent!""#,
        person,
        hash.0.as_slice(),
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(spent)
}
