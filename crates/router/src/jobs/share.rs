//! Shares health through Redis, in batches.
//!
//! Every router writes its own view of a bucket of ten seconds under its own field, as an absolute value, and
//! reads the others'. Where routers saw the same observations, as on the bus, the views are equal; where each
//! saw its own, the fullest counts. Writing again changes nothing, so nothing is ever counted twice. Losing
//! Redis changes nothing that a router knows itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use uuid::Uuid;

use super::pause;
use crate::health::{Cell, Coarse, Key};
use crate::service::Inner;

/// One hash tag, so that the keys share a slot of a cluster.
const PREFIX: &str = "{patchbay:health}";
/// Buckets that make up the routing window; a starting router reads them all.
const ALL_BUCKETS: u64 = 30;
/// Buckets that may still change.
const LIVE_BUCKETS: u64 = 2;
const EXPIRE_SECONDS: i64 = 330;
const TIMEOUT: Duration = Duration::from_millis(500);

type Fields = HashMap<String, String>;

/// Exchanges health with the other routers until the process stops.
pub(crate) async fn share(inner: Arc<Inner>) {
    let Some(client) = inner.deps.redis.clone() else { return };
    let us = Uuid::now_v7().simple().to_string();
    let mut connection = None;
    let mut buckets = ALL_BUCKETS;
    loop {
        let outcome = exchange(&inner, &client, &mut connection, &us, buckets);
        match tokio::time::timeout(TIMEOUT, outcome).await {
            Ok(Ok(())) => buckets = LIVE_BUCKETS,
            failed => {
                // What a reader missed meanwhile is read when Redis is back.
                (connection, buckets) = (None, ALL_BUCKETS);
                inner.metrics.share_failures.inc();
                if let Ok(Err(error)) = failed {
                    tracing::debug!(%error, "health is not shared");
                }
            }
        }
        if !pause(&inner, Duration::from_millis(inner.config.health.share_every_ms.max(100))).await {
            return;
        }
    }
}

async fn exchange(
    inner: &Inner,
    client: &redis::Client,
    connection: &mut Option<MultiplexedConnection>,
    us: &str,
    buckets: u64,
) -> Result<(), redis::RedisError> {
    let live = match connection {
        Some(live) => live,
        None => connection.insert(client.get_multiplexed_async_connection().await?),
    };
    let now_ms = inner.clock.now_ms();
    let mut pipeline = redis::pipe();
    write(inner, &mut pipeline, us, now_ms);
    let numbers: Vec<u64> = Coarse::buckets(now_ms, buckets).collect();
    for bucket in &numbers {
        pipeline.hgetall(bucket_key(*bucket));
    }
    pipeline.hgetall(ejected_key());
    let mut answers: Vec<Fields> = pipeline.query_async(live).await?;
    let ejected = answers.pop().unwrap_or_default();
    let cells: Vec<(u64, Key, Cell)> = numbers
        .into_iter()
        .zip(answers)
        .flat_map(|(bucket, fields)| fields.into_iter().map(move |(field, value)| (bucket, field, value)))
        .filter_map(|(bucket, field, value)| {
            let (key, author) = read_field(&field)?;
            (author != us).then_some(())?;
            Some((bucket, key, read_cell(&value)?))
        })
        .collect();
    let ejections: Vec<(Key, u64, u32)> =
        ejected.into_iter().filter_map(|(field, value)| read_ejection(&field, &value)).collect();
    inner.health.hear(&cells, &ejections, now_ms);
    Ok(())
}

/// Our views of the buckets that may have changed, and our ejections.
fn write(inner: &Inner, pipeline: &mut redis::Pipeline, us: &str, now_ms: u64) {
    let mut by_bucket: HashMap<u64, Vec<(String, String)>> = HashMap::new();
    for (bucket, key, cell) in inner.health.own(now_ms, LIVE_BUCKETS) {
        by_bucket.entry(bucket).or_default().push((field(key, us), cell_text(&cell)));
    }
    for (bucket, fields) in by_bucket {
        pipeline.hset_multiple(bucket_key(bucket), &fields).ignore();
        pipeline.expire(bucket_key(bucket), EXPIRE_SECONDS).ignore();
    }
    let ejections: Vec<(String, String)> = inner
        .health
        .ejections(now_ms)
        .into_iter()
        .map(|(key, until_ms, count)| (field(key, ""), format!("{until_ms},{count}")))
        .collect();
    if !ejections.is_empty() {
        pipeline.hset_multiple(ejected_key(), &ejections).ignore();
        pipeline.expire(ejected_key(), EXPIRE_SECONDS).ignore();
    }
}

fn bucket_key(bucket: u64) -> String {
    format!("{PREFIX}:{bucket}")
}

fn ejected_key() -> String {
    format!("{PREFIX}:ejected")
}

fn field(key: Key, author: &str) -> String {
    format!("{}:{}:{author}", key.endpoint.simple(), key.credential.simple())
}

fn read_field(field: &str) -> Option<(Key, &str)> {
    let mut parts = field.split(':');
    let key = Key {
        endpoint: Uuid::parse_str(parts.next()?).ok()?,
        credential: Uuid::parse_str(parts.next()?).ok()?,
    };
    Some((key, parts.next()?))
}

fn cell_text(cell: &Cell) -> String {
    let Cell { successes, faults, rate_limits, first_token_ms, output_tokens, generation_ms } = cell;
    format!("{successes},{faults},{rate_limits},{first_token_ms},{output_tokens},{generation_ms}")
}

fn read_cell(text: &str) -> Option<Cell> {
    let mut numbers = text.split(',').map(|number| number.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    Some(Cell {
        successes: next()?,
        faults: next()?,
        rate_limits: next()?,
        first_token_ms: next()?,
        output_tokens: next()?,
        generation_ms: next()?,
    })
}

fn read_ejection(field: &str, value: &str) -> Option<(Key, u64, u32)> {
    let (key, _) = read_field(field)?;
    let (until_ms, count) = value.split_once(',')?;
    Some((key, until_ms.parse().ok()?, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let key = Key { endpoint: Uuid::now_v7(), credential: Uuid::nil() };
        let cell = Cell {
            successes: 1,
            faults: 2,
            rate_limits: 3,
            first_token_ms: 4,
            output_tokens: 5,
            generation_ms: 6,
        };
        assert_eq!(read_field(&field(key, "me")), Some((key, "me")));
        assert_eq!(read_cell(&cell_text(&cell)), Some(cell));
        assert_eq!(read_ejection(&field(key, ""), "7,2"), Some((key, 7, 2)));
        assert_eq!(read_cell("1,2"), None);
        assert_eq!(read_field("junk"), None);
    }
}
