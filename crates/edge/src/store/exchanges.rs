//! What was sent to models and came back, sealed.

use std::time::Duration;

use identity::GenerationId;
use pg::TenantTx;
use sqlx::PgPool;
use uuid::Uuid;

use super::keys::Key;
use super::sessions::interval;
use super::tenant_keys::{number, version};
use crate::content::{self, Logging};

/// What is to be known of an exchange beside its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewExchange {
    pub(crate) generation: GenerationId,
    pub(crate) workspace: Uuid,
    pub(crate) key: Uuid,
    /// For the organisation itself.
    pub(crate) is_logged: bool,
    pub(crate) keep: Duration,
}

/// An exchange as it is stored.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) key: Uuid,
    pub(crate) is_logged: bool,
    pub(crate) key_version: u32,
    pub(crate) sealed_input: Vec<u8>,
    pub(crate) sealed_output: Vec<u8>,
}

/// That the workspace of a key keeps what is said with it.
pub(crate) async fn logging(tx: &mut TenantTx, key: &Key) -> Result<Option<Logging>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select io_logging_sampling_rate, io_logging_api_key_ids from identity.workspace
         where tenant_id = $1 and id = $2 and is_io_logged",
        tenant,
        key.workspace,
    )
    .fetch_optional(tx.connection())
    .await?;
    let names_it = |keys: Option<Vec<i64>>| keys.is_none_or(|keys| keys.contains(&content::number(key.hash)));
    Ok(row
        .filter(|row| names_it(row.io_logging_api_key_ids.clone()))
        .map(|row| Logging { sampling_rate: row.io_logging_sampling_rate }))
}

/// Keeps an exchange whose sides are sealed under this data key. Whether there is such a key, so that it is kept.
pub(crate) async fn insert(
    tx: &mut TenantTx,
    new: &NewExchange,
    key_version: u32,
    (input, output): (&[u8], &[u8]),
) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let inserted = sqlx::query!(
        "insert into identity.exchange
             (tenant_id, generation_id, workspace_id, key_id, is_logged, kept_until, key_version, sealed_input,
              sealed_output)
         select k.tenant_id, $2, $3, $4, $5, now() + $6, k.version, $8, $9
         from identity.tenant_key k
         where k.tenant_id = $1 and k.version = $7
         for key share",
        tenant,
        new.generation.uuid(),
        new.workspace,
        new.key,
        new.is_logged,
        interval(new.keep),
        number(key_version),
        input,
        output,
    )
    .execute(tx.connection())
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// What is kept of a generation.
pub(crate) async fn find(tx: &mut TenantTx, generation: GenerationId) -> Result<Option<Kept>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "select key_id, is_logged, key_version, sealed_input, sealed_output from identity.exchange
         where tenant_id = $1 and generation_id = $2 and kept_until > now()",
        tenant,
        generation.uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Kept {
        key: row.key_id,
        is_logged: row.is_logged,
        key_version: version(row.key_version),
        sealed_input: row.sealed_input,
        sealed_output: row.sealed_output,
    }))
}

/// Deletes at most so many exchanges whose time is over. How many there were.
pub(crate) async fn sweep(pool: &PgPool, at_most: i32) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select identity.sweep_exchanges($1) as "swept!""#, at_most).fetch_one(pool).await
}
