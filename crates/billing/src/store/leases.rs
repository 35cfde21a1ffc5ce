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
    /// How long the leases may live; they are to serve many requests. `None` = one.
    pub lifetime_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This much is reserved from each account. `ends_in_ms` says when the first of them ends in any case.
    Granted { leases: Vec<(LeaseId, AccountId)>, amount: i64, ends_in_ms: i64 },
    /// `account` is the one that is short.
    Denied { reason: String, available: i64, account: Option<AccountId> },
}

/// What an edge keeps of a shared lease.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Kept {
    pub lease_id: Uuid,
    pub keep: i64,
    pub is_done: bool,
}

/// Leases that hold money, by what they serve, and claims and edges' words that wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open {
    pub single: i64,
    pub shared: i64,
    pub waiting: i64,
}

/// The life of an edge that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        r#"select n as "n!", lease_id, account_id, amount, reason, available, ends_in_ms
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
                    ends_in_ms: i64::MAX,
                });
                if let Answer::Granted { leases, ends_in_ms, .. } = answer {
                    leases.push((LeaseId::from_uuid(lease), AccountId::from_uuid(account)));
                    *ends_in_ms = row.ends_in_ms.unwrap_or(0).min(*ends_in_ms);
                }
            }
            (reason, _) => {
                let (reason, available) = (reason.unwrap_or_default(), row.available.unwrap_or(0));
                // A lease that is there but closed is no want of money.
                let account = row.account_id.filter(|_| row.lease_id.is_none()).map(AccountId::from_uuid);
                answers.insert(row.n, Answer::Denied { reason, available, account });
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

/// Lowers shared leases to what their edge keeps. Says whether anything was freed.
pub(crate) async fn trim(pool: &PgPool, life: &Life, kept: &[Kept]) -> Result<bool, Error> {
    let freed = sqlx::query_scalar!(
        r#"select billing.lease_trim($1, $2) as "freed!""#,
        life.edge,
        Json(kept) as Json<&[Kept]>
    )
    .fetch_one(pool)
    .await?;
    Ok(!freed.is_empty())
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

/// Frees leases that their edges are done with and that nothing waits under. How many.
pub(crate) async fn finish(pool: &PgPool, limit: i32) -> Result<i64, Error> {
    let freed =
        sqlx::query_scalar!(r#"select billing.lease_finish($1) as "freed!""#, limit).fetch_one(pool).await?;
    Ok(freed)
}

/// Frees leases of edges that are gone under which no worker holds anything. How many. A worker that was silent for
/// `worker_ms` in which it could be heard does not count.
pub(crate) async fn free_idle(pool: &PgPool, limit: i32, worker_ms: i64) -> Result<i64, Error> {
    let freed =
        sqlx::query_scalar!(r#"select billing.lease_free_idle($1, $2) as "freed!""#, limit, worker_ms)
            .fetch_one(pool)
            .await?;
    Ok(freed)
}

pub(crate) async fn open(pool: &PgPool) -> Result<Open, Error> {
    let open = sqlx::query_as!(
        Open,
        r#"select count(*) filter (where single) as "single!", count(*) filter (where not single) as "shared!",
            (select count(*) from billing.claim) + (select count(*) from billing.witness) as "waiting!"
        from billing.lease where state <> 'closed'"#
    )
    .fetch_one(pool)
    .await?;
    Ok(open)
}
