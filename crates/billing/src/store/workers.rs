//! What workers hold that is not settled.

use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// Keeps a worker's word: the leases of all it holds, or that they are too many to list.
pub(crate) async fn said(pool: &PgPool, worker: &str, open: &[Uuid], all: bool) -> Result<(), Error> {
    sqlx::query!("select billing.worker_said($1, $2, $3)", worker, open, all).execute(pool).await?;
    Ok(())
}

/// Nobody waits for the word of a worker that left.
pub(crate) async fn left(pool: &PgPool, worker: &str) -> Result<(), Error> {
    sqlx::query!("select billing.worker_left($1)", worker).execute(pool).await?;
    Ok(())
}
