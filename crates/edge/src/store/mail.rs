//! Mail that is to be sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use super::sessions::interval;

/// A message that waits to be sent.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) id: Uuid,
    pub(crate) recipient: String,
    pub(crate) sealed: Vec<u8>,
    /// This one included.
    pub(crate) tries: i32,
}

/// Adds a message that nobody wants after `until`.
pub(crate) async fn queue(
    executor: impl PgExecutor<'_>,
    id: Uuid,
    recipient: &str,
    sealed: &[u8],
    until: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!(
        r#"select identity.queue_mail($1, $2, $3, $4)::text as "nothing?""#,
        id,
        recipient,
        sealed,
        until,
    )
    .fetch_one(executor)
    .await?;
    Ok(())
}

/// Messages whose turn it is; nobody else takes them before `rest` is over.
pub(crate) async fn take(pool: &PgPool, at_most: i32, rest: Duration) -> Result<Vec<Waiting>, sqlx::Error> {
    sqlx::query_as!(
        Waiting,
        r#"select id as "id!", recipient as "recipient!", sealed as "sealed!", tries as "tries!"
           from identity.take_mail($1, $2)"#,
        at_most,
        interval(rest),
    )
    .fetch_all(pool)
    .await
}

pub(crate) async fn sent(pool: &PgPool, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!(r#"select identity.mail_sent($1)::text as "nothing?""#, id).fetch_one(pool).await?;
    Ok(())
}

/// A message could not be sent; it is tried again after `rest`.
pub(crate) async fn failed(pool: &PgPool, id: Uuid, why: &str, rest: Duration) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!(
        r#"select identity.mail_failed($1, $2, $3)::text as "nothing?""#,
        id,
        why,
        interval(rest),
    )
    .fetch_one(pool)
    .await?;
    Ok(())
}
