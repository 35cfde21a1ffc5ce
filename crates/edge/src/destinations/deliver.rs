//! What is queued sent, until it is there or given up. A destination is one edge's at a time.

use std::collections::HashMap;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use identity::{CredentialId, GenerationId, KeyWrapper, TenantId};
use lifecycle::Tasks;
use prost::Message as _;
use rpc::events::UsageRecord;
use serde_json::Map;
use uuid::Uuid;

use super::send::Fault;
use super::span::{Extent, Generation};
use super::{Configuration, FilterRules, Outbox};
use crate::Error;
use crate::content::{self, Exchange};
use crate::store::destinations::{self, Destination};
use crate::store::traces::{self, Times, Waiting};

/// Destinations that one edge sends to at once.
const AT_ONCE: usize = 8;
/// Traces of one request.
const BATCH: i64 = 50;
/// Longer than everything that happens to one batch may take.
const SLACK: Duration = Duration::from_secs(30);

pub(super) fn run(tasks: &Tasks, outbox: Outbox) {
    let shutdown = tasks.shutdown().clone();
    tasks.spawn(async move {
        while !shutdown.has_begun() {
            match deliver_due(&outbox).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::debug!(error = %error, "traces wait for the database"),
            }
            shutdown.pause(outbox.config.poll_ms.get()).await;
        }
    });
}

/// Sends a batch to each destination that something waits for. Whether any had one.
async fn deliver_due(outbox: &Outbox) -> Result<bool, sqlx::Error> {
    let config = &outbox.config;
    // Objects go one after another, each with its own patience.
    let batch = config.timeout_ms.get().saturating_mul(u32::try_from(BATCH).unwrap_or(u32::MAX));
    let times = Times {
        wait: Duration::from_millis(config.wait_ms),
        taken: batch.saturating_add(SLACK),
        patience: config.patience_ms.get(),
        memory: config.keep_failed_ms.get(),
    };
    let at_most = i32::try_from(AT_ONCE).unwrap_or(i32::MAX);
    let due = traces::take_destinations(&outbox.pool, at_most, times).await?;
    let any = !due.is_empty();
    stream::iter(due)
        .for_each_concurrent(AT_ONCE, async |(id, tenant)| {
            if let Err(error) = deliver(outbox, id, tenant).await {
                tracing::warn!(
                    destination = %id,
                    error = &error as &dyn std::error::Error,
                    "traces could not be looked after"
                );
            }
        })
        .await;
    Ok(any)
}

/// A destination with a batch of what waits for it.
struct Batch {
    destination: Destination,
    configuration: Option<Configuration>,
    generations: Vec<Generation>,
    /// What no rule of the destination's admits.
    unwanted: Vec<Uuid>,
}

async fn deliver(outbox: &Outbox, id: CredentialId, tenant: TenantId) -> Result<(), Error> {
    let Some(batch) = read(outbox, id, tenant).await? else { return Ok(()) };
    let settings = &batch.destination.settings;
    let extent = Extent {
        kind: batch.destination.kind,
        content: !settings.privacy_mode,
        cost: settings.sends_cost,
        identity: settings.sends_identity,
        request_context: settings.sends_request_context,
    };
    let spans: Vec<_> = batch.generations.iter().map(|generation| generation.span(extent)).collect();
    let (count, fault) = match &batch.configuration {
        _ if spans.is_empty() => (0, None),
        Some(configuration) => {
            let sent = outbox.sender.deliver(configuration, &spans).await;
            (sent.count, sent.fault)
        }
        // Its key is gone.
        None => (0, Some(Fault::Malformed)),
    };
    let ids: Vec<Uuid> = batch.generations.iter().map(|generation| generation.id).collect();
    let (sent, left) = ids.split_at(count.min(ids.len()));
    outbox.metrics.traced("sent", sent.len() as u64);
    outbox.metrics.traced("unwanted", batch.unwanted.len() as u64);
    let (sent, left) = ([sent, &batch.unwanted].concat(), left.to_vec());
    write(outbox, (id, tenant), sent, left, fault).await
}

/// Writes down what became of a batch.
async fn write(
    outbox: &Outbox,
    (id, tenant): (CredentialId, TenantId),
    sent: Vec<Uuid>,
    left: Vec<Uuid>,
    fault: Option<Fault>,
) -> Result<(), Error> {
    let config = outbox.config.clone();
    let given_up = pg::in_tenant(&outbox.pool, tenant, move |tx| {
        Box::pin(async move {
            let Some(fault) = fault else { return traces::sent(tx, id, &sent, true).await.map(|()| 0) };
            if !sent.is_empty() {
                traces::sent(tx, id, &sent, false).await?;
            }
            let tries = traces::tries(tx, id).await?;
            let rest = pause(tries, config.first_retry_ms.get(), config.longest_retry_ms.get());
            // Where a request carried many, one of them may be what is refused: the next carries the first alone.
            let given_up = traces::failed(tx, id, &left, &fault.to_string(), (rest, config.tries)).await?;
            tracing::info!(destination = %id, %fault, ?rest, given_up, "traces could not be sent");
            Ok::<_, sqlx::Error>(given_up)
        })
    })
    .await?;
    outbox.metrics.traced("given_up", given_up);
    Ok(())
}

async fn read(outbox: &Outbox, id: CredentialId, tenant: TenantId) -> Result<Option<Batch>, Error> {
    let (wrapper, wait) = (outbox.wrapper.clone(), Duration::from_millis(outbox.config.wait_ms));
    pg::in_tenant(&outbox.pool, tenant, move |tx| {
        Box::pin(async move {
            let Some(destination) = destinations::find(tx, id.uuid()).await? else { return Ok(None) };
            let kind = destination.kind;
            let configuration = match destinations::envelope(tx, id).await? {
                Some(envelope) => {
                    let opened = envelope.open(wrapper.as_ref(), tenant, kind.sealed_as(), id).await;
                    opened.ok().and_then(|text| Configuration::open(kind, &text))
                }
                None => None,
            };
            let rules = destination.settings.filter_rules.clone();
            let rules: Option<FilterRules> = rules.and_then(|rules| serde_json::from_value(rules).ok());
            let reads_content =
                !destination.settings.privacy_mode || rules.as_ref().is_some_and(FilterRules::reads_content);
            let waiting = traces::waiting(tx, id, BATCH, wait).await?;
            let (mut generations, mut unwanted) = (Vec::new(), Vec::new());
            for mut generation in decoded(tx, waiting).await? {
                let id = GenerationId::from_uuid(generation.id);
                if let Some(mut kept) = kept(tx, wrapper.as_ref(), id).await? {
                    generation.trace = kept.trace.take().unwrap_or_default();
                    generation.content = Some(kept).filter(|kept| reads_content && kept.has_content);
                }
                if rules.as_ref().is_none_or(|rules| rules.admit(|field| generation.field(field))) {
                    generations.push(generation);
                } else {
                    unwanted.push(generation.id);
                }
            }
            Ok(Some(Batch { destination, configuration, generations, unwanted }))
        })
    })
    .await
}

/// What is kept of a generation's content. What cannot be opened is not sent, and holds nothing else up.
async fn kept(
    tx: &mut pg::TenantTx,
    wrapper: &dyn KeyWrapper,
    id: GenerationId,
) -> Result<Option<Exchange>, Error> {
    match content::read(tx, wrapper, id).await {
        Ok(exchange) => Ok(exchange),
        Err(content::Error::Database(error)) => Err(Error::Database(error)),
        Err(error) => {
            tracing::warn!(generation = %id, error = &error as &dyn std::error::Error, "a trace goes without content");
            Ok(None)
        }
    }
}

async fn decoded(tx: &mut pg::TenantTx, waiting: Vec<Waiting>) -> Result<Vec<Generation>, Error> {
    let mut generations: Vec<Generation> = waiting
        .into_iter()
        .map(|waiting| Generation {
            id: waiting.generation,
            // What was encoded here decodes.
            record: UsageRecord::decode(waiting.record.as_slice()).unwrap_or_default(),
            key_name: String::new(),
            content: None,
            trace: Map::new(),
        })
        .collect();
    let keys: Vec<Uuid> =
        generations.iter().filter_map(|generation| generation.record.key_id.parse().ok()).collect();
    let names = traces::key_names(tx, &keys).await?;
    let names: HashMap<String, String> =
        names.into_iter().map(|key| (key.id.to_string(), key.name)).collect();
    for generation in &mut generations {
        generation.key_name = names.get(&generation.record.key_id).cloned().unwrap_or_default();
    }
    Ok(generations)
}

/// A random pause within what doubles with each failure, so that many that failed together do not return together.
fn pause(tries: i32, first: Duration, longest: Duration) -> Duration {
    let power = u32::try_from(tries).unwrap_or(0).min(20);
    let most = first.saturating_mul(1 << power).min(longest);
    most.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_their_limit() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(60));
        for (tries, most) in [(0, 1), (3, 8), (30, 60), (i32::MAX, 60)] {
            assert!(pause(tries, first, longest) <= Duration::from_secs(most), "{tries}");
        }
    }
}
