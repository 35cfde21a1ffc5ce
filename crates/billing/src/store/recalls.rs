//! Accounts that are wanted back, and who holds something there.

use identity::AccountId;
use sqlx::PgPool;
use uuid::Uuid;

use super::leases::Life;
use crate::Error;

/// An edge's life and the accounts of its shared leases.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub life: Life,
    pub accounts: Vec<AccountId>,
}

/// Wants back what edges other than `edge` hold of these accounts, each no more often than every `pause_ms`. Those
/// where others hold anything, and how many were recalled now.
pub(crate) async fn recall(
    pool: &PgPool,
    edge: &str,
    accounts: &[AccountId],
    pause_ms: i64,
) -> Result<(Vec<AccountId>, usize), Error> {
    let rows = sqlx::query!(
        r#"select account_id as "account_id!", is_new as "is_new!" from billing.lease_recall($1, $2, $3)"#,
        edge,
        &uuids(accounts),
        pause_ms,
    )
    .fetch_all(pool)
    .await?;
    let new = rows.iter().filter(|row| row.is_new).count();
    Ok((rows.into_iter().map(|row| AccountId::from_uuid(row.account_id)).collect(), new))
}

/// Who holds shared leases of these accounts with something left.
pub(crate) async fn holders(pool: &PgPool, accounts: &[AccountId]) -> Result<Vec<Holder>, Error> {
    let rows = sqlx::query!(
        r#"select edge_id as "edge_id!", epoch as "epoch!", account_ids as "account_ids!"
        from billing.lease_holders($1)"#,
        &uuids(accounts)
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Holder {
            life: Life { edge: row.edge_id, epoch: row.epoch },
            accounts: row.account_ids.into_iter().map(AccountId::from_uuid).collect(),
        })
        .collect())
}

/// What was recalled in the last `since_ms`, by account and time in microseconds.
pub(crate) async fn recent(pool: &PgPool, since_ms: i64) -> Result<Vec<(AccountId, i64)>, Error> {
    let rows = sqlx::query!(
        "select account_id, recalled_at from billing.recall
        where recalled_at > billing.clock() - $1::bigint * interval '1 millisecond'",
        since_ms
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (AccountId::from_uuid(row.account_id), row.recalled_at.timestamp_micros()))
        .collect())
}

/// Forgets recalls older than `age_ms`.
pub(crate) async fn forget(pool: &PgPool, age_ms: i64) -> Result<(), Error> {
    sqlx::query!(
        "delete from billing.recall where recalled_at < billing.clock() - $1::bigint * interval '1 millisecond'",
        age_ms
    )
    .execute(pool)
    .await?;
    Ok(())
}

fn uuids(accounts: &[AccountId]) -> Vec<Uuid> {
    accounts.iter().map(|account| account.uuid()).collect()
}
