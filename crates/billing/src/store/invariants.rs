//! The invariants, and the partitions of usage.

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// Breaches of one invariant that are kept of one check at most.
const ROWS: i32 = 100;
/// The lock of whoever checks, as `billing.check_books` has it.
const TURN: i64 = 7_305_803_385_020;

/// What must hold, and when it was looked at last.
#[derive(Debug, Clone)]
pub(crate) struct Invariant {
    pub name: String,
    pub meaning: String,
    pub freezes: bool,
    pub checked_at: Option<DateTime<Utc>>,
    pub whole_at: Option<DateTime<Utc>>,
}

/// A row that breaks an invariant, and what it is about where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub invariant: String,
    pub detail: String,
    pub tenant_id: Option<Uuid>,
    pub account_id: Option<Uuid>,
    pub generation_id: Option<Uuid>,
    pub lease_id: Option<Uuid>,
    pub found_at: DateTime<Utc>,
}

/// How a check looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth {
    /// Single records only as far back as this; `None` = all there are.
    pub records_ms: Option<i64>,
    /// Whether it counts as a look at everything.
    pub is_whole: bool,
    /// Nothing is done when another replica checked as deep within this time.
    pub every_ms: i64,
    /// Sealed transfers that are read again on the way.
    pub sealed: i64,
}

/// Checks and keeps what was found. Must run in a task that its caller cannot cancel: it opens a transaction, to
/// allow itself more time than other statements have, and to wait for another replica's check.
pub(crate) async fn check(pool: &PgPool, depth: Depth) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query!(
        "select set_config('statement_timeout', '5min', true) as may_take, set_config('lock_timeout', '5min', true) as may_wait"
    )
    .fetch_one(&mut *transaction)
    .await?;
    // In a statement of its own, so that the wait is not taken from the time of the check.
    sqlx::query!(r#"select pg_advisory_xact_lock($1) as "locked: ()""#, TURN)
        .fetch_one(&mut *transaction)
        .await?;
    sqlx::query!(
        r#"select 1 as "one!" from billing.check_books(
            coalesce(billing.clock() - $1::bigint * interval '1 millisecond', 'epoch'), $2,
            $3::bigint * interval '1 millisecond', $4, $5)"#,
        depth.records_ms,
        depth.is_whole,
        depth.every_ms,
        depth.sealed,
        ROWS,
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// The invariants in their order.
pub(crate) async fn all(pool: &PgPool) -> Result<Vec<Invariant>, Error> {
    let invariants = sqlx::query_as!(
        Invariant,
        r#"select invariant as "name!", meaning as "meaning!", freezes as "freezes!", checked_at, whole_at
        from billing.invariant order by place"#
    )
    .fetch_all(pool)
    .await?;
    Ok(invariants)
}

/// What the last checks found and none has seen mended.
pub(crate) async fn open(pool: &PgPool) -> Result<Vec<Breach>, Error> {
    let breaches = sqlx::query_as!(
        Breach,
        "select b.invariant, b.detail, b.tenant_id, b.account_id, b.generation_id, b.lease_id, b.found_at
        from billing.breach b join billing.invariant i on i.invariant = b.invariant
        where b.ended_at is null order by i.place, b.breach_id limit 1500"
    )
    .fetch_all(pool)
    .await?;
    Ok(breaches)
}

/// Opens the partitions of the coming days. How many were new.
pub(crate) async fn open_usage_days(pool: &PgPool, ahead: i32) -> Result<i32, Error> {
    let opened = sqlx::query_scalar!(r#"select billing.open_usage_days($1) as "opened!""#, ahead)
        .fetch_one(pool)
        .await?;
    Ok(opened)
}
