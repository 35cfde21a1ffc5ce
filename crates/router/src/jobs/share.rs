//! Shares health through Redis, in batches.
//!
//! Redis holds, for every bucket of every window, the fullest view that any router had. Every router reads the
//! buckets that may still grow, takes over what is fuller than its own view, and writes where its own is fuller.
//! Writing again changes nothing, so nothing is ever counted twice; where two write at once the fuller view wins
//! with the next exchange. A router that starts, or that missed something, reads everything, shortest window
//! first. Losing Redis changes nothing that a router knows itself.

mod text;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;

use super::pause;
use crate::health::{Key, Span, Told};
use crate::service::Inner;

/// Buckets that may still grow.
const LIVE_BUCKETS: u64 = 2;
/// The longer windows take part in one of so many exchanges.
const LONGER: u64 = 5;
/// Buckets that are caught up on at once.
const CHUNK: usize = 8;
/// How long buckets are kept beyond their window, and ejections altogether.
const SPARE_SECONDS: u64 = 60;
const EJECTIONS_SECONDS: i64 = 900;
const TIMEOUT: Duration = Duration::from_millis(500);
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(3);

type Fields = HashMap<String, String>;
type Outcome = Result<(), redis::RedisError>;

/// Exchanges health with the other routers until the process stops.
pub(crate) async fn share(inner: Arc<Inner>) {
    let Some(client) = inner.deps.redis.clone() else { return };
    let mut exchange = Exchange::default();
    loop {
        exchange.turn(&inner, &client).await;
        if !pause(&inner, Duration::from_millis(inner.config.health.share_every_ms.max(100))).await {
            return;
        }
    }
}

#[derive(Default)]
struct Exchange {
    connection: Option<MultiplexedConnection>,
    /// What is still to be caught up on.
    backlog: VecDeque<(Span, u64)>,
    /// When each longer window was last exchanged, in Unix milliseconds.
    exchanged: HashMap<Span, u64>,
}

impl Exchange {
    /// One exchange, and whatever is to be caught up on.
    async fn turn(&mut self, inner: &Inner, client: &redis::Client) {
        if self.connection.is_none() {
            match bounded(TIMEOUT, client.get_multiplexed_async_connection()).await {
                Ok(connection) => self.begin(connection, inner.clock.now_ms()),
                Err(error) => return self.failed(inner, error.as_ref()),
            }
        }
        let Some(connection) = self.connection.clone() else { return };
        let mut outcome = self.exchange(inner, connection.clone()).await;
        while outcome.is_ok() && !self.backlog.is_empty() {
            outcome = self.catch_up(inner, connection.clone()).await;
        }
        if let Err(error) = outcome {
            self.failed(inner, error.as_ref());
        }
    }

    /// What a reader missed while it was away is read now.
    fn begin(&mut self, connection: MultiplexedConnection, now_ms: u64) {
        self.connection = Some(connection);
        let all = |span: Span| span.buckets(now_ms, span.length()).map(move |bucket| (span, bucket));
        self.backlog = Span::ALL.into_iter().flat_map(all).collect();
        self.exchanged.clear();
    }

    fn failed(&mut self, inner: &Inner, error: Option<&redis::RedisError>) {
        self.connection = None;
        inner.metrics.share_failures.inc();
        if let Some(error) = error {
            tracing::debug!(%error, "health is not shared");
        }
    }

    /// Exchanges the buckets that may still grow, and the ejections.
    async fn exchange(&mut self, inner: &Inner, connection: MultiplexedConnection) -> Result<(), Failure> {
        let now_ms = inner.clock.now_ms();
        bounded(TIMEOUT, exchange_ejections(inner, connection.clone(), now_ms)).await?;
        for span in Span::ALL {
            let last_ms = self.exchanged.get(&span).copied().unwrap_or(0);
            let every_ms = inner.config.health.share_every_ms.saturating_mul(LONGER);
            if span != Span::Tens && now_ms < last_ms.saturating_add(every_ms.min(span.width_ms())) {
                continue;
            }
            let buckets: Vec<(Span, u64)> =
                span.buckets(now_ms, LIVE_BUCKETS).map(|bucket| (span, bucket)).collect();
            let known = bounded(TIMEOUT, read(inner, connection.clone(), &buckets, now_ms)).await?;
            bounded(TIMEOUT, write(inner, connection.clone(), span, &buckets, &known)).await?;
            self.exchanged.insert(span, now_ms);
        }
        Ok(())
    }

    async fn catch_up(&mut self, inner: &Inner, connection: MultiplexedConnection) -> Result<(), Failure> {
        let count = self.backlog.len().min(CHUNK);
        let chunk: Vec<(Span, u64)> = self.backlog.iter().take(count).copied().collect();
        bounded(CATCH_UP_TIMEOUT, read(inner, connection, &chunk, inner.clock.now_ms())).await?;
        self.backlog.drain(..count);
        Ok(())
    }
}

/// Why an exchange came to nothing; `None` = it took too long.
type Failure = Option<redis::RedisError>;

async fn bounded<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, redis::RedisError>>,
) -> Result<T, Failure> {
    tokio::time::timeout(limit, call).await.map_err(|_| None)?.map_err(Some)
}

/// Takes in what others know of buckets; the weight of every view read.
async fn read(
    inner: &Inner,
    mut connection: MultiplexedConnection,
    buckets: &[(Span, u64)],
    now_ms: u64,
) -> Result<HashMap<(u64, Key), u64>, redis::RedisError> {
    let mut pipeline = redis::pipe();
    for (span, bucket) in buckets {
        pipeline.hgetall(text::bucket_key(*span, *bucket));
    }
    let answers: Vec<Fields> = pipeline.query_async(&mut connection).await?;
    let mut weights = HashMap::new();
    for ((span, bucket), fields) in buckets.iter().zip(answers) {
        let views: Vec<(u64, Key, Told)> = fields
            .iter()
            .filter_map(|(field, value)| Some((*bucket, text::read_field(field)?, text::read_view(value)?)))
            .collect();
        weights.extend(views.iter().map(|(bucket, key, view)| ((*bucket, *key), span.weight(&view.cell))));
        inner.health.hear(*span, &views, now_ms);
    }
    Ok(weights)
}

/// Writes our views of buckets of one window where they are fuller than those that were read.
async fn write(
    inner: &Inner,
    mut connection: MultiplexedConnection,
    span: Span,
    buckets: &[(Span, u64)],
    known: &HashMap<(u64, Key), u64>,
) -> Outcome {
    let numbers: Vec<u64> = buckets.iter().map(|(_, bucket)| *bucket).collect();
    let mut by_bucket: HashMap<u64, Vec<(String, String)>> = HashMap::new();
    for (bucket, key, view) in inner.health.views(span, &numbers) {
        if span.weight(&view.cell) > known.get(&(bucket, key)).copied().unwrap_or(0) {
            by_bucket.entry(bucket).or_default().push((text::field(key), text::view(&view)));
        }
    }
    if by_bucket.is_empty() {
        return Ok(());
    }
    let seconds = span.length() * span.width_ms() / 1_000 + SPARE_SECONDS;
    let mut pipeline = redis::pipe();
    for (bucket, fields) in by_bucket {
        let key = text::bucket_key(span, bucket);
        pipeline.hset_multiple(&key, &fields).ignore();
        pipeline.expire(&key, i64::try_from(seconds).unwrap_or(i64::MAX)).ignore();
    }
    pipeline.query_async(&mut connection).await
}

/// Tells our running ejections, takes over those of others, and drops what is over.
async fn exchange_ejections(inner: &Inner, mut connection: MultiplexedConnection, now_ms: u64) -> Outcome {
    let mut pipeline = redis::pipe();
    let ours: Vec<(String, String)> = inner
        .health
        .ejections(now_ms)
        .into_iter()
        .map(|(key, until_ms, count)| (text::field(key), format!("{until_ms},{count}")))
        .collect();
    if !ours.is_empty() {
        pipeline.hset_multiple(text::ejected_key(), &ours).ignore();
        pipeline.expire(text::ejected_key(), EJECTIONS_SECONDS).ignore();
    }
    pipeline.hgetall(text::ejected_key());
    let (told,): (Fields,) = pipeline.query_async(&mut connection).await?;
    let read = |(field, value): (&String, &String)| text::read_ejection(field, value);
    let ejections: Vec<(Key, u64, u32)> = told.iter().filter_map(read).collect();
    inner.health.hear_ejections(&ejections, now_ms);
    let is_over = |field: &String, value: &String| {
        text::read_ejection(field, value).is_none_or(|(_, until_ms, _)| until_ms < now_ms)
    };
    let over: Vec<&String> =
        told.iter().filter(|(field, value)| is_over(field, value)).map(|(field, _)| field).collect();
    if over.is_empty() {
        return Ok(());
    }
    redis::cmd("HDEL").arg(text::ejected_key()).arg(over).query_async(&mut connection).await
}
