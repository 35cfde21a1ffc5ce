//! Folding usage into rollups, and forgetting what is kept no longer. Each call is one transaction.

use chrono::NaiveDate;
use sqlx::PgPool;

use crate::Error;

/// Folds up to about `limit` further settlements into the rollups. How many. Must run in a task that its caller
/// cannot cancel: it opens a transaction, to allow itself more time than other statements have.
pub(crate) async fn fold(pool: &PgPool, limit: i32) -> Result<i64, Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query!("select set_config('statement_timeout', '5min', true)").fetch_one(&mut *transaction).await?;
    let folded = sqlx::query_scalar!(r#"select billing.fold_usage($1) as "folded!""#, limit)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(folded)
}

/// Makes the lean rollups of one more day from before there were any. The day; `None` = there is none left. Must run in a
/// task that its caller cannot cancel, as [`fold`].
pub(crate) async fn backfill(pool: &PgPool) -> Result<Option<NaiveDate>, Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query!("select set_config('statement_timeout', '5min', true)").fetch_one(&mut *transaction).await?;
    let day = sqlx::query_scalar!("select billing.backfill_usage()").fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(day)
}

/// Forgets sums of apps of a time whose usage is gone. How many.
pub(crate) async fn prune_apps(pool: &PgPool, limit: i32) -> Result<i64, Error> {
    let pruned =
        sqlx::query_scalar!(r#"select billing.prune_apps($1) as "pruned!""#, limit).fetch_one(pool).await?;
    Ok(pruned)
}

/// Settlements that are not folded yet, and for how many seconds the oldest has not been.
pub(crate) async fn unfolded(pool: &PgPool) -> Result<(i64, f64), Error> {
    let row =
        sqlx::query!(r#"select waiting as "waiting!", seconds as "seconds!" from billing.usage_unfolded()"#)
            .fetch_one(pool)
            .await?;
    Ok((row.waiting, row.seconds))
}

/// Moves days out of the default partition of usage. How many.
pub(crate) async fn drain_default(pool: &PgPool, keep_days: i32, days: i32) -> Result<i32, Error> {
    let moved =
        sqlx::query_scalar!(r#"select billing.drain_usage_default($1, $2) as "moved!""#, keep_days, days)
            .fetch_one(pool)
            .await?;
    Ok(moved)
}

/// Drops the oldest day of usage that is kept no longer, if there is one.
pub(crate) async fn drop_day(pool: &PgPool, keep_days: i32) -> Result<Option<NaiveDate>, Error> {
    let day = sqlx::query_scalar!("select billing.drop_usage_day($1)", keep_days).fetch_one(pool).await?;
    Ok(day)
}

/// Forgets old settlements. How many.
pub(crate) async fn prune_settlements(pool: &PgPool, keep_days: i32, limit: i32) -> Result<i64, Error> {
    let pruned =
        sqlx::query_scalar!(r#"select billing.prune_settlements($1, $2) as "pruned!""#, keep_days, limit)
            .fetch_one(pool)
            .await?;
    Ok(pruned)
}

/// Forgets old leases; what they consumed stays added up. How many.
pub(crate) async fn prune_leases(pool: &PgPool, keep_days: i32, limit: i32) -> Result<i64, Error> {
    let pruned = sqlx::query_scalar!(r#"select billing.prune_leases($1, $2) as "pruned!""#, keep_days, limit)
        .fetch_one(pool)
        .await?;
    Ok(pruned)
}

/// Forgets attempts as old as the usage that is gone. How many.
pub(crate) async fn prune_attempts(pool: &PgPool, limit: i32) -> Result<i64, Error> {
    let pruned = sqlx::query_scalar!(r#"select billing.prune_attempts($1) as "pruned!""#, limit)
        .fetch_one(pool)
        .await?;
    Ok(pruned)
}
