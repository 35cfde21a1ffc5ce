//! The invariants, and the partitions of usage.

use sqlx::PgPool;

use crate::Error;

/// A row that breaks an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub invariant: String,
    pub detail: String,
}

/// Checks everything that is kept (`depth_ms` none), or single records only as far back as `depth_ms`. Must run in a task that
/// its caller cannot cancel: it opens a transaction, to allow itself more time than other statements have.
pub(crate) async fn check(pool: &PgPool, depth_ms: Option<i64>) -> Result<Vec<Breach>, Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query!("select set_config('statement_timeout', '5min', true)").fetch_one(&mut *transaction).await?;
    let breaches = sqlx::query_as!(
        Breach,
        r#"select invariant as "invariant!", detail as "detail!" from billing.invariants(
            greatest(billing.clock() - $1::bigint * interval '1 millisecond', billing.kept_since()))"#,
        depth_ms
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(breaches)
}

/// Opens the partitions of the coming days. How many were new.
pub(crate) async fn open_usage_days(pool: &PgPool, ahead: i32) -> Result<i32, Error> {
    let opened = sqlx::query_scalar!(r#"select billing.open_usage_days($1) as "opened!""#, ahead)
        .fetch_one(pool)
        .await?;
    Ok(opened)
}
