//! Edges and their leases.

use std::collections::HashMap;

use identity::{AccountId, GroupId, LeaseId};
use serde::Serialize;
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Error;

/// One request's wish, in the shape of the SQL type `billing.ask`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ask {
    /// Tells the asks of one batch apart.
    pub n: i32,
    pub group_id: Uuid,
    pub tenant_id: Uuid,
    pub account_ids: Vec<Uuid>,
    pub want: i64,
    pub floor: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This much is reserved from each account.
    Granted {
        leases: Vec<(LeaseId, AccountId)>,
        amount: i64,
    },
    Denied {
        reason: String,
        available: i64,
    },
}

/// The life of an edge that asks.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub edge: String,
    pub epoch: i64,
}

pub(crate) async fn hello(pool: &PgPool, life: &Life, ttl_ms: i64) -> Result<(), Error> {
    sqlx::query!("select billing.edge_hello($1, $2, $3)", life.edge, life.epoch, ttl_ms)
        .execute(pool)
        .await?;
    Ok(())
}

/// Extends every lease of this life. Whether no later life is known.
pub(crate) async fn heartbeat(pool: &PgPool, life: &Life, ttl_ms: i64) -> Result<bool, Error> {
    let latest = sqlx::query_scalar!(
        r#"select billing.edge_heartbeat($1, $2, $3) as "latest!""#,
        life.edge,
        life.epoch,
        ttl_ms
    )
    .fetch_one(pool)
    .await?;
    Ok(latest)
}

/// Answers a batch of asks in one transaction, by `n`.
pub(crate) async fn grant(
    pool: &PgPool,
    life: &Life,
    ttl_ms: i64,
    longest_ms: i64,
    asks: &[Ask],
) -> Result<HashMap<i32, Answer>, Error> {
    let rows = sqlx::query!(
        r#"select n as "n!", lease_id, account_id, amount, reason, available
        from billing.lease_grant($1, $2, $3, $4, $5)"#,
        life.edge,
        life.epoch,
        ttl_ms,
        longest_ms,
        Json(asks) as Json<&[Ask]>,
    )
    .fetch_all(pool)
    .await?;
    let mut answers = HashMap::with_capacity(asks.len());
    for row in rows {
        match (row.reason, row.lease_id.zip(row.account_id)) {
            (None, Some((lease, account))) => {
                let answer = answers.entry(row.n).or_insert_with(|| Answer::Granted {
                    leases: Vec::new(),
                    amount: row.amount.unwrap_or(0),
                });
                if let Answer::Granted { leases, .. } = answer {
                    leases.push((LeaseId::from_uuid(lease), AccountId::from_uuid(account)));
                }
            }
            (reason, _) => {
                let reason = reason.unwrap_or_default();
                answers.insert(row.n, Answer::Denied { reason, available: row.available.unwrap_or(0) });
            }
        }
    }
    Ok(answers)
}

/// Frees whole groups under which nothing was or will be executed.
pub(crate) async fn give_back(pool: &PgPool, groups: &[GroupId]) -> Result<(), Error> {
    let groups: Vec<Uuid> = groups.iter().map(|group| group.uuid()).collect();
    sqlx::query_scalar!("select billing.lease_return($1)", &groups).fetch_one(pool).await?;
    Ok(())
}

/// Fences leases that have ended. How many.
pub(crate) async fn fence(pool: &PgPool, grace_ms: i64, limit: i32) -> Result<i64, Error> {
    let fenced = sqlx::query_scalar!(r#"select billing.lease_fence($1, $2) as "fenced!""#, grace_ms, limit)
        .fetch_one(pool)
        .await?;
    Ok(fenced)
}

/// Frees leases past their grace that nothing waits under. How many.
pub(crate) async fn free(pool: &PgPool, limit: i32) -> Result<i64, Error> {
    let freed =
        sqlx::query_scalar!(r#"select billing.lease_free($1) as "freed!""#, limit).fetch_one(pool).await?;
    Ok(freed)
}

/// Leases that hold money, and claims and edges' words that wait.
pub(crate) async fn open(pool: &PgPool) -> Result<(i64, i64), Error> {
    let row = sqlx::query!(
        r#"select (select count(*) from billing.lease where state <> 'closed') as "leases!",
            (select count(*) from billing.claim) + (select count(*) from billing.witness) as "waiting!""#
    )
    .fetch_one(pool)
    .await?;
    Ok((row.leases, row.waiting))
}
