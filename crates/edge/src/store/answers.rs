//! Answers kept under a name that the client gave, and the claims of those that are being made.
//!
//! Each call is one statement that commits by itself.

use std::time::Duration;

use identity::{GenerationId, KeyId, TenantId};
use sqlx::PgPool;
use sqlx::postgres::types::PgInterval;

/// Which answer of which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tenant: TenantId,
    pub(crate) key: KeyId,
    /// SHA-256 of the client's name for it.
    pub(crate) name: [u8; 32],
}

/// What is there under a name.
#[derive(Debug)]
pub(crate) enum Claim {
    /// It is ours to make.
    Won,
    /// Somebody else makes it.
    Running(GenerationId),
    /// It was made, and lies here sealed.
    Kept(Vec<u8>),
    /// It was made once, and was too large to be kept.
    TooLarge,
    /// The name stands for another request.
    Different,
}

fn interval(time: Duration) -> PgInterval {
    let microseconds = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

/// Claims an answer for `generation`, which `edge` will make, for `claim`; what comes of it is kept for `keep`.
pub(crate) async fn claim(
    pool: &PgPool,
    place: Place,
    request: &[u8; 32],
    generation: GenerationId,
    edge: &str,
    (claim, keep): (Duration, Duration),
) -> Result<Claim, sqlx::Error> {
    let row = sqlx::query!(
        r#"select state as "state!", generation_id as "generation_id!", is_same as "is_same!", sealed
           from identity.claim_answer($1, $2, $3, $4, $5, $6, $7, $8)"#,
        place.tenant.uuid(),
        place.key.uuid(),
        place.name.as_slice(),
        request.as_slice(),
        generation.uuid(),
        edge,
        interval(claim),
        interval(keep),
    )
    .fetch_one(pool)
    .await?;
    Ok(match (row.state.as_str(), row.sealed) {
        ("won", _) => Claim::Won,
        _ if !row.is_same => Claim::Different,
        ("kept", Some(sealed)) => Claim::Kept(sealed),
        ("too_large", _) => Claim::TooLarge,
        _ => Claim::Running(GenerationId::from_uuid(row.generation_id)),
    })
}

/// Extends a claim. Whether it is still this generation's.
pub(crate) async fn extend(
    pool: &PgPool,
    place: Place,
    generation: GenerationId,
    claim: Duration,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select identity.extend_claim($1, $2, $3, $4, $5) as "is_ours!""#,
        place.tenant.uuid(),
        place.key.uuid(),
        place.name.as_slice(),
        generation.uuid(),
        interval(claim),
    )
    .fetch_one(pool)
    .await
}

/// Keeps a sealed answer, or with `None` that it was too large. Whether the claim was still this generation's.
pub(crate) async fn keep(
    pool: &PgPool,
    place: Place,
    generation: GenerationId,
    sealed: Option<&[u8]>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select identity.keep_answer($1, $2, $3, $4, $5) as "is_ours!""#,
        place.tenant.uuid(),
        place.key.uuid(),
        place.name.as_slice(),
        generation.uuid(),
        sealed,
    )
    .fetch_one(pool)
    .await
}

/// Gives a claim back. Whether it was still this generation's.
pub(crate) async fn release(
    pool: &PgPool,
    place: Place,
    generation: GenerationId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select identity.release_claim($1, $2, $3, $4) as "is_ours!""#,
        place.tenant.uuid(),
        place.key.uuid(),
        place.name.as_slice(),
        generation.uuid(),
    )
    .fetch_one(pool)
    .await
}

/// Forgets at most so many answers whose time is over. How many there were.
pub(crate) async fn sweep(pool: &PgPool, at_most: i32) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select identity.sweep_answers($1) as "swept!""#, at_most).fetch_one(pool).await
}
