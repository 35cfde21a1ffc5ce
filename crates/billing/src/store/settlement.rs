//! Settlement of records, claims and edges' words.

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use sqlx::types::Json;

use crate::Error;
use crate::record::Record;

/// What became of a record.
#[derive(Debug)]
pub(crate) struct Fate {
    /// `settled`, `duplicate`, `lost` or `claimed`.
    pub fate: String,
    pub absorbed: i64,
}

/// Settles confirmed records and keeps the others as claims, in one transaction.
pub(crate) async fn settle(pool: &PgPool, records: &[Record], grace_ms: i64) -> Result<Vec<Fate>, Error> {
    let fates = sqlx::query_as!(
        Fate,
        r#"select fate as "fate!", absorbed as "absorbed!" from billing.settle($1, $2)"#,
        Json(records) as Json<&[Record]>,
        grace_ms,
    )
    .fetch_all(pool)
    .await?;
    Ok(fates)
}

/// Takes the edge's word on generations.
pub(crate) async fn witness(pool: &PgPool, records: &[Record], grace_ms: i64) -> Result<Vec<Fate>, Error> {
    let fates = sqlx::query_as!(
        Fate,
        r#"select fate as "fate!", absorbed as "absorbed!" from billing.put_witnesses($1, $2)"#,
        Json(records) as Json<&[Record]>,
        grace_ms,
    )
    .fetch_all(pool)
    .await?;
    Ok(fates)
}

/// Decides claims and edges' words that are due or whose counterpart is there.
pub(crate) async fn resolve_due(pool: &PgPool, limit: i32) -> Result<Vec<Fate>, Error> {
    let fates = sqlx::query_as!(
        Fate,
        r#"select fate as "fate!", absorbed as "absorbed!" from billing.resolve_due($1)"#,
        limit
    )
    .fetch_all(pool)
    .await?;
    Ok(fates)
}

/// Billing's clock.
pub(crate) async fn now(pool: &PgPool) -> Result<DateTime<Utc>, Error> {
    let now = sqlx::query_scalar!(r#"select billing.clock() as "now!""#).fetch_one(pool).await?;
    Ok(now)
}

/// Sets a message aside that cannot be settled.
pub(crate) async fn park(pool: &PgPool, subject: &str, payload: &[u8], error: &str) -> Result<(), Error> {
    sqlx::query!(
        "insert into billing.parked (subject, payload, error) values ($1, $2, $3)",
        subject,
        payload,
        error
    )
    .execute(pool)
    .await?;
    Ok(())
}
