//! Sign-ins with accounts elsewhere.

use std::time::Duration;

use identity::{KeyHash, PersonId, TenantId};
use sqlx::PgPool;
use uuid::Uuid;

use super::people::PersonTx;
use super::sessions::interval;

/// What an attempt began with.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// Remembers an attempt by the hash of its state, for so long.
pub(crate) async fn begin(
    pool: &PgPool,
    state: KeyHash,
    attempt: &Attempt,
    lasts: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!(
        r#"select identity.begin_oidc($1, $2, $3, $4)::text as "nothing?""#,
        state.0.as_slice(),
        attempt.nonce,
        attempt.verifier,
        interval(lasts),
    )
    .fetch_one(pool)
    .await?;
    Ok(())
}

/// The attempt with this state, once.
pub(crate) async fn take(pool: &PgPool, state: KeyHash) -> Result<Option<Attempt>, sqlx::Error> {
    sqlx::query_as!(
        Attempt,
        r#"select nonce as "nonce!", verifier as "verifier!" from identity.take_oidc($1)"#,
        state.0.as_slice(),
    )
    .fetch_optional(pool)
    .await
}

/// Whoever the issuer knows by this subject, and whether they are disabled.
pub(crate) async fn person(
    pool: &PgPool,
    issuer: &str,
    subject: &str,
) -> Result<Option<(PersonId, bool)>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select id as "id!", is_disabled as "is_disabled!" from identity.person_by_oidc($1, $2)"#,
        issuer,
        subject,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| (PersonId::from_uuid(row.id), row.is_disabled)))
}

/// The newest invitation in force of an e-mail address: its id and organisation.
pub(crate) async fn invitation(pool: &PgPool, email: &str) -> Result<Option<(Uuid, TenantId)>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select id as "id!", tenant_id as "tenant_id!" from identity.invitation_by_email($1)"#,
        email,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| (row.id, TenantId::from_uuid(row.tenant_id))))
}

/// Has the issuer vouch for the transaction's person from now on. Whether nobody did before.
pub(crate) async fn link(tx: &mut PersonTx, issuer: &str, subject: &str) -> Result<bool, sqlx::Error> {
    let person = tx.person().uuid();
    let done = sqlx::query!(
        "update identity.person set oidc_issuer = $2, oidc_subject = $3, updated_at = now()
         where id = $1 and oidc_issuer is null",
        person,
        issuer,
        subject,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
