//! Decisions and the catalogues they were made from.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use identity::{GenerationId, TenantId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::decide::Row;

/// Rows that one statement of the retention deletes at most.
const SWEEP: i64 = 5_000;

/// A decision as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) generation: Uuid,
    pub(crate) tenant: Option<Uuid>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) catalogue_version: i64,
    pub(crate) snapshot: Uuid,
    pub(crate) model: String,
    pub(crate) provider: Option<String>,
    pub(crate) refused: Option<String>,
    pub(crate) request: Vec<u8>,
    pub(crate) inputs: Vec<u8>,
    pub(crate) outcome: Vec<u8>,
}

/// Which decisions are wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) tenant: Option<Uuid>,
    pub(crate) model: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) since: Option<DateTime<Utc>>,
    /// The last of the page before.
    pub(crate) after: Option<GenerationId>,
}

/// Writes decisions, and the catalogues that are not there yet. A generation that is there stays as it is.
pub(crate) async fn add(pool: &PgPool, rows: &[Row]) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let ids: Vec<Uuid> =
        rows.iter().map(|row| row.snapshot.id).collect::<BTreeSet<_>>().into_iter().collect();
    // Locked, so that no retention takes them away before the decisions refer to them.
    let known = sqlx::query_scalar!("select id from catalog.snapshot where id = any($1) for key share", &ids)
        .fetch_all(&mut *transaction)
        .await?;
    for id in ids.iter().filter(|id| !known.contains(id)) {
        let Some(row) = rows.iter().find(|row| row.snapshot.id == *id) else { continue };
        sqlx::query!(
            "insert into catalog.snapshot (id, version, tables) values ($1, $2, $3)
             on conflict (id) do update set version = excluded.version",
            id,
            i64::try_from(row.snapshot.version).unwrap_or(i64::MAX),
            row.snapshot.tables
        )
        .execute(&mut *transaction)
        .await?;
    }
    insert(&mut transaction, rows).await?;
    transaction.commit().await
}

async fn insert(connection: &mut sqlx::PgConnection, rows: &[Row]) -> Result<(), sqlx::Error> {
    let generations: Vec<Uuid> = rows.iter().map(|row| row.generation.uuid()).collect();
    let tenants: Vec<Option<Uuid>> = rows.iter().map(|row| row.tenant.map(TenantId::uuid)).collect();
    let times: Vec<DateTime<Utc>> = rows.iter().map(|row| moment(row.at_ms)).collect();
    let versions: Vec<i64> =
        rows.iter().map(|row| i64::try_from(row.catalogue_version).unwrap_or(i64::MAX)).collect();
    let snapshots: Vec<Uuid> = rows.iter().map(|row| row.snapshot.id).collect();
    let models: Vec<String> = rows.iter().map(|row| row.model.clone()).collect();
    let providers: Vec<Option<String>> = rows.iter().map(|row| row.provider.clone()).collect();
    let refusals: Vec<Option<String>> = rows.iter().map(|row| row.refused.clone()).collect();
    let requests: Vec<Vec<u8>> = rows.iter().map(|row| row.request.clone()).collect();
    let inputs: Vec<Vec<u8>> = rows.iter().map(|row| row.inputs.clone()).collect();
    let outcomes: Vec<Vec<u8>> = rows.iter().map(|row| row.outcome.clone()).collect();
    sqlx::query!(
        "insert into catalog.decision (generation_id, tenant_id, at, catalogue_version, snapshot_id, model,
                                       provider, refused, request, inputs, outcome)
         select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[], $5::uuid[], $6::text[],
                              $7::text[], $8::text[], $9::bytea[], $10::bytea[], $11::bytea[])
         on conflict (generation_id) do nothing",
        &generations,
        &tenants as &[Option<Uuid>],
        &times,
        &versions,
        &snapshots,
        &models,
        &providers as &[Option<String>],
        &refusals as &[Option<String>],
        &requests,
        &inputs,
        &outcomes
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Unix milliseconds as the database has time.
pub(crate) fn moment(ms: u64) -> DateTime<Utc> {
    i64::try_from(ms).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default()
}

/// The newest decisions first.
pub(crate) async fn list(pool: &PgPool, filter: &Filter, limit: i64) -> Result<Vec<Stored>, sqlx::Error> {
    sqlx::query_as!(
        Stored,
        r#"select generation_id as generation, tenant_id as tenant, at, catalogue_version,
                  snapshot_id as snapshot, model, provider, refused, request, inputs, outcome
           from catalog.decision
           where ($1::uuid is null or tenant_id = $1) and ($2::text is null or model = $2)
               and ($3::text is null or provider = $3) and ($4::timestamptz is null or at >= $4)
               and ($5::uuid is null or (at, generation_id) < (
                   select last.at, last.generation_id from catalog.decision last where last.generation_id = $5
               ))
           order by at desc, generation_id desc
           limit $6"#,
        filter.tenant,
        filter.model,
        filter.provider,
        filter.since,
        filter.after.map(GenerationId::uuid),
        limit
    )
    .fetch_all(pool)
    .await
}

/// The decisions of a span of time, the oldest first, after one of them.
pub(crate) async fn page(
    pool: &PgPool,
    (since, until): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    sqlx::query_as!(
        Stored,
        r#"select generation_id as generation, tenant_id as tenant, at, catalogue_version,
                  snapshot_id as snapshot, model, provider, refused, request, inputs, outcome
           from catalog.decision
           where ($1::timestamptz is null or at >= $1) and ($2::timestamptz is null or at < $2)
               and ($3::timestamptz is null or (at, generation_id) > ($3, $4))
           order by at, generation_id
           limit $5"#,
        since,
        until,
        after.map(|(at, _)| at),
        after.map(|(_, generation)| generation),
        limit
    )
    .fetch_all(pool)
    .await
}

/// How many decisions there are in a span of time, up to `limit`.
pub(crate) async fn count(
    pool: &PgPool,
    (since, until): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    limit: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
               select from catalog.decision
               where ($1::timestamptz is null or at >= $1) and ($2::timestamptz is null or at < $2)
               limit $3) counted"#,
        since,
        until,
        limit
    )
    .fetch_one(pool)
    .await
}

pub(crate) async fn one(pool: &PgPool, generation: GenerationId) -> Result<Option<Stored>, sqlx::Error> {
    sqlx::query_as!(
        Stored,
        r#"select generation_id as generation, tenant_id as tenant, at, catalogue_version,
                  snapshot_id as snapshot, model, provider, refused, request, inputs, outcome
           from catalog.decision where generation_id = $1"#,
        generation.uuid()
    )
    .fetch_optional(pool)
    .await
}

/// The compressed tables of a catalogue.
pub(crate) async fn snapshot(pool: &PgPool, id: Uuid) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar!("select tables from catalog.snapshot where id = $1", id).fetch_optional(pool).await
}

/// Deletes some decisions older than so many days. Whether there may be more.
pub(crate) async fn sweep(pool: &PgPool, days: i32) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "delete from catalog.decision where generation_id in (
             select generation_id from catalog.decision
             where at < statement_timestamp() - make_interval(days => $1)
             limit $2
         )",
        days,
        SWEEP
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() >= SWEEP.unsigned_abs())
}

/// Deletes catalogues that no decision refers to any more.
pub(crate) async fn sweep_snapshots(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from catalog.snapshot
         where written_at < statement_timestamp() - interval '1 hour'
             and not exists (select from catalog.decision where snapshot_id = snapshot.id)"
    )
    .execute(pool)
    .await?;
    Ok(())
}
