//! The ledger: sealing it and reading it. What is read is JSON that the database makes.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::Error;

/// Seals about `batch` transfers that are complete. How many; none while another replica seals.
pub(crate) async fn seal(pool: &PgPool, batch: i32) -> Result<i64, Error> {
    let sealed =
        sqlx::query_scalar!(r#"select billing.seal_ledger($1) as "sealed!""#, batch).fetch_one(pool).await?;
    Ok(sealed)
}

/// When a round of sealing ended last.
pub(crate) async fn sealed_at(pool: &PgPool) -> Result<DateTime<Utc>, Error> {
    Ok(sqlx::query_scalar!("select sealed_at from billing.seal_mark").fetch_one(pool).await?)
}

/// See `billing.list_transfers`.
pub(crate) async fn transfers(pool: &PgPool, filter: &Value) -> Result<Value, Error> {
    let listed = sqlx::query_scalar!(r#"select billing.list_transfers($1) as "listed!""#, filter);
    Ok(listed.fetch_one(pool).await?)
}

pub(crate) async fn accounts(pool: &PgPool) -> Result<Value, Error> {
    Ok(sqlx::query_scalar!(r#"select billing.list_accounts() as "listed!""#).fetch_one(pool).await?)
}

/// See `billing.list_seals`.
pub(crate) async fn seals(
    pool: &PgPool,
    tenant: Option<Uuid>,
    after: &str,
    limit: i32,
) -> Result<Value, Error> {
    let listed =
        sqlx::query_scalar!(r#"select billing.list_seals($1, $2, $3) as "listed!""#, tenant, after, limit);
    Ok(listed.fetch_one(pool).await?)
}

/// Reads sealed transfers again. Must run in a task that its caller cannot cancel: it opens a transaction, to allow
/// itself more time than other statements have.
pub(crate) async fn verify(pool: &PgPool, tenant: Option<Uuid>) -> Result<Value, Error> {
    let mut transaction = pool.begin().await?;
    patiently(&mut transaction).await?;
    let verified = sqlx::query_scalar!(r#"select billing.verification($1) as "verified!""#, tenant)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(verified)
}

/// Gives the statements of a transaction as long as a look at everything may take.
pub(crate) async fn patiently(transaction: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("select set_config('statement_timeout', '10min', true)").fetch_one(transaction).await?;
    Ok(())
}

/// See `billing.money`; `None` = the generation is not known.
pub(crate) async fn money(pool: &PgPool, generation: Uuid) -> Result<Option<Value>, Error> {
    Ok(sqlx::query_scalar!("select billing.money($1)", generation).fetch_one(pool).await?)
}

/// Money from the payment provider has arrived. Answers what is still on its way.
pub(crate) async fn payout(pool: &PgPool, amount: i64, source: &str, note: &str) -> Result<i64, Error> {
    let left =
        sqlx::query_scalar!(r#"select billing.record_payout($1, $2, $3) as "left!""#, amount, source, note);
    Ok(left.fetch_one(pool).await?)
}
