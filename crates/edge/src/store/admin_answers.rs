//! What operators were answered under names of theirs, and the claims of what is being done.
//!
//! Each call is one statement that commits by itself.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

/// Which request of which operator, and which attempt at it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) actor: String,
    /// SHA-256 of the operator's name for it.
    pub(crate) name: [u8; 32],
    pub(crate) id: Uuid,
}

/// What there is under a name.
#[derive(Debug)]
pub(crate) enum Claim {
    /// It is this attempt's to do.
    Won,
    /// Another attempt does it.
    Running,
    /// It was done; the answer lies here sealed.
    Kept { status: u16, sealed: Vec<u8> },
    /// The name stands for another request.
    Different,
}

fn interval(time: Duration) -> PgInterval {
    let microseconds = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

/// Claims a request for an attempt, for `claim`; what comes of it is kept for `keep`.
pub(crate) async fn claim(
    pool: &PgPool,
    attempt: &Attempt,
    request: &[u8; 32],
    (claim, keep): (Duration, Duration),
) -> Result<Claim, sqlx::Error> {
    let row = sqlx::query!(
        r#"select state as "state!", is_same as "is_same!", status, sealed
           from identity.claim_admin_answer($1, $2, $3, $4, $5, $6)"#,
        attempt.actor,
        attempt.name.as_slice(),
        request.as_slice(),
        attempt.id,
        interval(claim),
        interval(keep),
    )
    .fetch_one(pool)
    .await?;
    Ok(match (row.state.as_str(), row.status.and_then(|status| u16::try_from(status).ok()), row.sealed) {
        ("won", _, _) => Claim::Won,
        _ if !row.is_same => Claim::Different,
        ("kept", Some(status), Some(sealed)) => Claim::Kept { status, sealed },
        _ => Claim::Running,
    })
}

/// Keeps a sealed answer. Whether the claim was still this attempt's.
pub(crate) async fn keep(
    pool: &PgPool,
    attempt: &Attempt,
    status: u16,
    sealed: &[u8],
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select identity.keep_admin_answer($1, $2, $3, $4, $5) as "is_ours!""#,
        attempt.actor,
        attempt.name.as_slice(),
        attempt.id,
        i32::from(status),
        sealed,
    )
    .fetch_one(pool)
    .await
}

/// Gives a claim back. Whether it was still this attempt's.
pub(crate) async fn release(pool: &PgPool, attempt: &Attempt) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select identity.release_admin_answer($1, $2, $3) as "is_ours!""#,
        attempt.actor,
        attempt.name.as_slice(),
        attempt.id,
    )
    .fetch_one(pool)
    .await
}
