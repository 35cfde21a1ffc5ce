//! Messages that were set aside for people.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::Error;

#[derive(Debug, Clone)]
pub(crate) struct Parked {
    pub parked_id: i64,
    /// What `payload` is: `record`, `witness`, or the subject of the bus that carried it.
    pub subject: String,
    pub payload: Vec<u8>,
    pub error: String,
    pub parked_at: DateTime<Utc>,
    pub decision: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
}

/// How many nobody has decided on.
pub(crate) async fn waiting(pool: &PgPool) -> Result<i64, Error> {
    let waiting =
        sqlx::query_scalar!(r#"select count(*) as "waiting!" from billing.parked where decision is null"#);
    Ok(waiting.fetch_one(pool).await?)
}

/// The newest first, below `before`.
pub(crate) async fn list(
    pool: &PgPool,
    with_decided: bool,
    before: i64,
    limit: i64,
) -> Result<Vec<Parked>, Error> {
    let parked = sqlx::query_as!(
        Parked,
        "select parked_id, subject, payload, error, parked_at, decision, decided_at, decided_by, reason
        from billing.parked where parked_id < $2 and ($1 or decision is null)
        order by parked_id desc limit $3",
        with_decided,
        before,
        limit
    )
    .fetch_all(pool)
    .await?;
    Ok(parked)
}

pub(crate) async fn one(pool: &PgPool, id: i64) -> Result<Option<Parked>, Error> {
    let parked = sqlx::query_as!(
        Parked,
        "select parked_id, subject, payload, error, parked_at, decision, decided_at, decided_by, reason
        from billing.parked where parked_id = $1",
        id
    )
    .fetch_optional(pool)
    .await?;
    Ok(parked)
}

/// Writes down what was decided; whether nothing had been before.
pub(crate) async fn decide(
    pool: &PgPool,
    id: i64,
    decision: &str,
    by: &str,
    reason: &str,
) -> Result<bool, Error> {
    let decided = sqlx::query!(
        "update billing.parked set decision = $2, decided_at = billing.clock(), decided_by = $3, reason = $4
        where parked_id = $1 and decision is null",
        id,
        decision,
        by,
        reason
    )
    .execute(pool)
    .await?;
    Ok(decided.rows_affected() > 0)
}
