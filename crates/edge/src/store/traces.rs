//! Traces that wait to be sent, and those that were given up.

use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::{CredentialId, TenantId};
use pg::TenantTx;
use sqlx::PgPool;
use uuid::Uuid;

use super::sessions::interval;

/// Where settlements are to be read on, and for whom.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(crate) mark: String,
    pub(crate) tenants: Vec<Uuid>,
}

/// The mark, nobody else's for `rest`; `None` while it is somebody else's.
pub(crate) async fn take_mark(pool: &PgPool, rest: Duration) -> Result<Option<Mark>, sqlx::Error> {
    sqlx::query_as!(
        Mark,
        r#"select mark as "mark!", tenants as "tenants!" from identity.take_trace_mark($1)"#,
        interval(rest),
    )
    .fetch_optional(pool)
    .await
}

/// A page of settled generations, member by member.
#[derive(Debug, Default)]
pub(crate) struct Queued {
    pub(crate) tenants: Vec<Uuid>,
    pub(crate) workspaces: Vec<Uuid>,
    pub(crate) keys: Vec<Option<Uuid>>,
    pub(crate) generations: Vec<Uuid>,
    /// From 0 to below 1.
    pub(crate) places: Vec<f64>,
    pub(crate) records: Vec<Vec<u8>>,
}

/// Queues a page for whoever wants it and moves the mark; false when somebody else has moved it before.
pub(crate) async fn queue(
    pool: &PgPool,
    (from, to): (&str, &str),
    page: &Queued,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select identity.queue_traces($1, $2, $3, $4, $5, $6, $7, $8) as "moved!""#,
        from,
        to,
        &page.tenants,
        &page.workspaces,
        &page.keys as &[Option<Uuid>],
        &page.generations,
        &page.places,
        &page.records,
    )
    .fetch_one(pool)
    .await
}

/// How long things may last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Until a trace is sent.
    pub(crate) wait: Duration,
    /// That a destination is one edge's.
    pub(crate) taken: Duration,
    pub(crate) patience: Duration,
    pub(crate) memory: Duration,
}

/// Destinations that something waits for, each nobody else's for a while.
pub(crate) async fn take_destinations(
    pool: &PgPool,
    at_most: i32,
    times: Times,
) -> Result<Vec<(CredentialId, TenantId)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select id as "id!", tenant_id as "tenant_id!" from identity.take_destinations($1, $2, $3, $4, $5)"#,
        at_most,
        interval(times.wait),
        interval(times.taken),
        interval(times.patience),
        interval(times.memory),
    )
    .fetch_all(pool)
    .await?;
    let all =
        rows.into_iter().map(|row| (CredentialId::from_uuid(row.id), TenantId::from_uuid(row.tenant_id)));
    Ok(all.collect())
}

/// A trace that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) generation: Uuid,
    pub(crate) record: Vec<u8>,
}

/// Those that wait for a destination, oldest first: one alone where sending failed before, so that what a destination
/// refuses is found.
pub(crate) async fn waiting(
    tx: &mut TenantTx,
    destination: CredentialId,
    at_most: i64,
    wait: Duration,
) -> Result<Vec<Waiting>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Waiting,
        "select t.generation_id as generation, t.record
         from identity.trace t join identity.destination d on d.id = t.destination_id
         where t.tenant_id = $1 and t.destination_id = $2 and t.failed_at is null and t.queued_at <= now() - $4::interval
         order by t.queued_at, t.generation_id
         limit (select case when w.tries > 0 then 1 else $3::bigint end from identity.destination w
                where w.tenant_id = $1 and w.id = $2)",
        tenant,
        destination.uuid(),
        at_most,
        interval(wait),
    )
    .fetch_all(tx.connection())
    .await
}

/// These are there, or not wanted there: they go, and the destination works.
pub(crate) async fn sent(
    tx: &mut TenantTx,
    destination: CredentialId,
    generations: &[Uuid],
    released: bool,
) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "delete from identity.trace where tenant_id = $1 and destination_id = $2 and generation_id = any ($3)",
        tenant,
        destination.uuid(),
        generations,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "update identity.destination set tries = 0, next_try_at = '-infinity',
                taken_until = case when $3 then now() else taken_until end
         where tenant_id = $1 and id = $2",
        tenant,
        destination.uuid(),
        released,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// How often sending to a destination failed since it last worked.
pub(crate) async fn tries(tx: &mut TenantTx, destination: CredentialId) -> Result<i32, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        "select tries from identity.destination where tenant_id = $1 and id = $2",
        tenant,
        destination.uuid(),
    )
    .fetch_one(tx.connection())
    .await
}

/// These could not be sent. Nothing is sent there before `rest` is over; what failed `at_most` times is given up. How
/// many those are.
pub(crate) async fn failed(
    tx: &mut TenantTx,
    destination: CredentialId,
    generations: &[Uuid],
    fault: &str,
    (rest, at_most): (Duration, i32),
) -> Result<u64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update identity.destination
         set tries = tries + 1, next_try_at = now() + $3::interval, taken_until = now()
         where tenant_id = $1 and id = $2",
        tenant,
        destination.uuid(),
        interval(rest),
    )
    .execute(tx.connection())
    .await?;
    let given_up = sqlx::query_scalar!(
        r#"with tried as (
               update identity.trace
               set tries = tries + 1, fault = $4, failed_at = case when tries + 1 >= $5 then now() end
               where tenant_id = $1 and destination_id = $2 and generation_id = any ($3)
               returning failed_at)
           select count(failed_at) as "count!" from tried"#,
        tenant,
        destination.uuid(),
        generations,
        fault,
        at_most,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(u64::try_from(given_up).unwrap_or(0))
}

/// How much waits at all destinations, and how much was given up and is still kept.
#[derive(Debug)]
pub(crate) struct QueueLength {
    pub(crate) waiting: i64,
    pub(crate) oldest: Option<DateTime<Utc>>,
    pub(crate) failed: i64,
}

pub(crate) async fn queue_length(pool: &PgPool) -> Result<QueueLength, sqlx::Error> {
    sqlx::query_as!(
        QueueLength,
        r#"select waiting as "waiting!", oldest, failed as "failed!" from identity.trace_queue()"#,
    )
    .fetch_one(pool)
    .await
}

/// A trace that was given up.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) generation: Uuid,
    pub(crate) queued_at: DateTime<Utc>,
    pub(crate) failed_at: DateTime<Utc>,
    pub(crate) tries: i32,
    pub(crate) fault: String,
}

/// Those that were given up, newest first, and how many there are; with how many wait.
pub(crate) async fn failures(
    tx: &mut TenantTx,
    destination: Uuid,
    (offset, limit): (i64, i64),
) -> Result<(Vec<Failed>, i64, i64), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let counts = sqlx::query!(
        r#"select count(failed_at) as "failed!", count(*) - count(failed_at) as "waiting!"
           from identity.trace where tenant_id = $1 and destination_id = $2"#,
        tenant,
        destination,
    )
    .fetch_one(tx.connection())
    .await?;
    let rows = sqlx::query_as!(
        Failed,
        r#"select generation_id as generation, queued_at, failed_at as "failed_at!", tries, fault
           from identity.trace where tenant_id = $1 and destination_id = $2 and failed_at is not null
           order by failed_at desc, generation_id offset $3 limit $4"#,
        tenant,
        destination,
        offset,
        limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok((rows, counts.failed, counts.waiting))
}

/// Has given up traces tried again: these, or all. How many.
pub(crate) async fn retry(
    tx: &mut TenantTx,
    destination: Uuid,
    generations: Option<&[Uuid]>,
) -> Result<u64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update identity.destination set tries = 0, next_try_at = '-infinity' where tenant_id = $1 and id = $2",
        tenant,
        destination,
    )
    .execute(tx.connection())
    .await?;
    let queued = sqlx::query!(
        "update identity.trace set failed_at = null, tries = 0, queued_at = now()
         where tenant_id = $1 and destination_id = $2 and failed_at is not null
           and ($3::uuid[] is null or generation_id = any ($3))",
        tenant,
        destination,
        generations,
    )
    .execute(tx.connection())
    .await?;
    Ok(queued.rows_affected())
}

/// What a trace says of a key beside its record.
#[derive(Debug, Clone)]
pub(crate) struct KeyName {
    pub(crate) id: Uuid,
    pub(crate) name: String,
}

/// The names of these keys.
pub(crate) async fn key_names(tx: &mut TenantTx, keys: &[Uuid]) -> Result<Vec<KeyName>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        KeyName,
        "select id, name from identity.api_key where tenant_id = $1 and id = any ($2)",
        tenant,
        keys,
    )
    .fetch_all(tx.connection())
    .await
}
