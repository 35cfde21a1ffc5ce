//! Usage from the bus: fetched by shard, settled in batches, acknowledged, and told to its workers.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{Config as StreamConfig, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, AckKind, Message};
use futures::StreamExt as _;
use prost::Message as _;
use rpc::events::{RecordKey, Settled, UsageBatch};
use rpc::subjects;

use crate::BusConfig;
use crate::app::App;
use crate::app::settlement::Shipped;

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The server forgets message ids after this long; Postgres never does.
const DEDUPE: Duration = Duration::from_secs(120);
const REDELIVER_AFTER: Duration = Duration::from_secs(1);
/// The longest pause between tries on a database that is away; a try itself takes some seconds then.
const RETRY_MAX: Duration = Duration::from_secs(1);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Consumes one shard until the process stops, setting up the stream again whenever it is lost.
pub(super) async fn run(app: App, bus: async_nats::Client, shard: u64) {
    let shutdown = app.tasks.shutdown().clone();
    let mut pause = PAUSE_MIN;
    while !shutdown.has_begun() {
        let ended = tokio::select! {
            ended = consume(&app, &bus, shard, &mut pause) => ended,
            () = shutdown.begun() => return,
        };
        // Said aloud once per outage; one shard speaks for all.
        match ended {
            Err(error) if shard == 0 && pause == PAUSE_MIN => {
                tracing::warn!(error, "the bus gives no usage; workers settle by call until it does");
            }
            Err(error) => tracing::debug!(shard, error, "the bus gives no usage"),
            Ok(()) => {}
        }
        if !shutdown.pause(pause).await {
            return;
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn consume(
    app: &App,
    bus: &async_nats::Client,
    shard: u64,
    pause: &mut Duration,
) -> Result<(), Failure> {
    let config = &app.config.bus;
    let context = jetstream::new(bus.clone());
    context.create_or_update_stream(stream(config)).await?;
    let consumer: PullConsumer =
        context.create_consumer_on_stream(consumer(config, shard), subjects::USAGE_STREAM).await?;
    let messages = consumer
        .stream()
        .max_messages_per_batch(config.batch)
        .expires(Duration::from_secs(10))
        .heartbeat(Duration::from_secs(3))
        .messages()
        .await?;
    *pause = PAUSE_MIN;
    let mut batches = messages.ready_chunks(config.batch);
    while let Some(batch) = batches.next().await {
        let mut messages = Vec::with_capacity(batch.len());
        let mut failure = None;
        for message in batch {
            match message {
                Ok(message) => messages.push(message),
                Err(error) => failure = Some(error),
            }
        }
        if !messages.is_empty() {
            let (app, bus) = (app.clone(), bus.clone());
            // In a task of its own: a stop must not come between settling and acknowledging.
            app.tasks.clone().spawn(async move { settle(&app, &bus, messages).await }).await?;
        }
        if let Some(failure) = failure {
            return Err(failure.into());
        }
    }
    Ok(())
}

fn stream(config: &BusConfig) -> StreamConfig {
    StreamConfig {
        name: subjects::USAGE_STREAM.to_owned(),
        subjects: vec![subjects::USAGE_ALL.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        duplicate_window: DEDUPE,
        max_age: Duration::from_secs(config.max_age_seconds),
        max_bytes: config.max_bytes,
        num_replicas: config.replicas,
        ..StreamConfig::default()
    }
}

fn consumer(config: &BusConfig, shard: u64) -> pull::Config {
    pull::Config {
        durable_name: Some(subjects::usage_consumer(shard)),
        filter_subject: subjects::usage(shard),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(config.ack_wait_seconds),
        max_deliver: -1,
        max_ack_pending: i64::try_from(config.batch.saturating_mul(8)).unwrap_or(i64::MAX),
        ..pull::Config::default()
    }
}

/// A message and where its records lie in the batch.
struct Carrier {
    message: Message,
    records: std::ops::Range<usize>,
}

async fn settle(app: &App, bus: &async_nats::Client, messages: Vec<Message>) {
    let mut shipped = Vec::new();
    let mut carriers = Vec::with_capacity(messages.len());
    for message in messages {
        let first = shipped.len();
        match UsageBatch::decode(message.payload.clone()) {
            Ok(batch) => {
                let worker = batch.worker_id;
                shipped.extend(
                    batch.records.into_iter().map(|record| Shipped { worker: worker.clone(), record }),
                );
            }
            // It cannot become readable: nothing is gained by delivering it again.
            Err(error) => match app.park(&message.subject, &message.payload, &error).await {
                Ok(()) => {}
                Err(_) => continue,
            },
        }
        carriers.push(Carrier { message, records: first..shipped.len() });
    }
    let Some(durable) = settle_patiently(app, &shipped, &carriers).await else { return };
    acknowledge(app, &carriers, &durable).await;
    tell(bus, &shipped, &durable).await;
}

/// Settles, waiting for a database that is away. `None` when the process stops before it is back; the
/// messages are then delivered again, to whoever is there.
async fn settle_patiently(app: &App, shipped: &[Shipped], carriers: &[Carrier]) -> Option<Vec<bool>> {
    let mut pause = Duration::from_millis(50);
    loop {
        match app.settle(shipped).await {
            Ok(durable) => return Some(durable),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "usage waits for the database")
            }
        }
        if !app.tasks.shutdown().pause(pause).await {
            return None;
        }
        pause = (pause * 2).min(RETRY_MAX);
        for carrier in carriers {
            let _ = carrier.message.ack_with(AckKind::Progress).await;
        }
    }
}

/// Acknowledges messages whose records are all durable, and waits for the server's word on it. A lost one is
/// delivered again and changes nothing.
async fn acknowledge(app: &App, carriers: &[Carrier], durable: &[bool]) {
    let acknowledged = carriers.iter().map(|carrier| async move {
        let all =
            durable.get(carrier.records.clone()).is_some_and(|records| records.iter().all(|done| *done));
        let outcome = if all {
            observe_lag(app, &carrier.message);
            carrier.message.double_ack().await
        } else {
            carrier.message.ack_with(AckKind::Nak(Some(REDELIVER_AFTER))).await
        };
        if let Err(error) = outcome {
            tracing::debug!(error, "a message was not acknowledged");
        }
    });
    futures::future::join_all(acknowledged).await;
}

fn observe_lag(app: &App, message: &Message) {
    if let Ok(info) = message.info() {
        let published = SystemTime::from(info.published);
        if let Ok(lag) = SystemTime::now().duration_since(published) {
            app.metrics.lag.observe(lag.as_secs_f64());
        }
    }
}

/// Tells each worker which of its records are durable here. One that does not hear it asks by call.
async fn tell(bus: &async_nats::Client, shipped: &[Shipped], durable: &[bool]) {
    let mut keys: BTreeMap<&str, Vec<RecordKey>> = BTreeMap::new();
    for (item, _) in shipped.iter().zip(durable).filter(|(_, durable)| **durable) {
        keys.entry(&item.worker).or_default().push(item.key());
    }
    for (worker, keys) in keys {
        if worker.is_empty() {
            continue;
        }
        let settled = Settled { keys };
        if let Err(error) = bus.publish(subjects::settled(worker), settled.encode_to_vec().into()).await {
            tracing::debug!(worker.id = worker, %error, "a worker was not told what is settled");
        }
    }
}
