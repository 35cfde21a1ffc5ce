//! From the spool to billing: over the bus when there is one, directly when it is silent.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream;
use futures::StreamExt as _;
use identity::TenantId;
use lifecycle::{Health, Shutdown};
use prost::Message as _;
use rpc::Channel;
use rpc::billing::billing_client::BillingClient;
use rpc::events::{RecordKey, Settled, UsageBatch, UsageRecord};
use rpc::subjects;

use crate::metrics::Metrics;
use crate::service::PART;
use crate::spool::{Ready, Spool};

/// How often overdue accounts are looked for.
const OVERDUE_EVERY: Duration = Duration::from_millis(500);
/// How long the bus may take to store a message.
const PUBLISH_WAIT: Duration = Duration::from_secs(2);

/// How long accounts gather for one message.
const GATHER: Duration = Duration::from_millis(5);
/// How often a draining worker looks whether its last execution has ended.
const DRAIN_EVERY: Duration = Duration::from_millis(50);

/// Ships accounts until they are settled.
#[derive(Clone)]
pub(crate) struct Shipper {
    pub(crate) worker_id: String,
    pub(crate) spool: Spool,
    pub(crate) billing: BillingClient<Channel>,
    pub(crate) bus: Option<async_nats::Client>,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) batch: usize,
    pub(crate) settle_wait: Duration,
}

impl Shipper {
    /// Ships what becomes ready until the stop has begun and `is_idle` says that no more will.
    pub(crate) async fn ship(self, shutdown: Shutdown, is_idle: impl Fn() -> bool) {
        loop {
            let mut batch = tokio::select! {
                batch = self.spool.next(self.batch) => batch,
                () = shutdown.begun() => break,
            };
            if batch.len() < self.batch {
                tokio::time::sleep(GATHER).await;
                batch.extend(self.spool.ready(self.batch - batch.len()));
            }
            self.send(batch, self.bus.as_ref()).await;
        }
        // What streams finish while draining goes out directly; what billing does not take waits on the disk.
        loop {
            let was_idle = is_idle();
            match tokio::time::timeout(DRAIN_EVERY, self.spool.next(self.batch)).await {
                Ok(batch) => drop(self.send(batch, None).await),
                Err(_) if was_idle => return,
                Err(_) => {}
            }
        }
    }

    /// Asks billing directly for what the bus did not settle in time.
    pub(crate) async fn chase(self, shutdown: Shutdown) {
        loop {
            if !shutdown.pause(OVERDUE_EVERY).await {
                return;
            }
            loop {
                let batch = self.spool.overdue(self.settle_wait, self.batch);
                if batch.is_empty() || !self.send(batch, None).await {
                    break;
                }
            }
            self.health.set(PART, self.spool.accepts());
            self.metrics.spool_depth.set(i64::try_from(self.spool.depth()).unwrap_or(i64::MAX));
            self.metrics.spool_bytes.set(i64::try_from(self.spool.bytes()).unwrap_or(i64::MAX));
        }
    }

    /// Hears from billing what is settled.
    pub(crate) async fn listen(self, shutdown: Shutdown) {
        let Some(bus) = &self.bus else { return };
        loop {
            if let Ok(mut messages) = bus.subscribe(subjects::settled(&self.worker_id)).await {
                loop {
                    let message = tokio::select! {
                        message = messages.next() => message,
                        () = shutdown.begun() => return,
                    };
                    let Some(message) = message else { break };
                    if let Ok(settled) = Settled::decode(message.payload) {
                        self.forget(&settled.keys);
                    }
                }
            }
            if !shutdown.pause(Duration::from_secs(1)).await {
                return;
            }
        }
    }

    /// Sends a batch, one message per tenant shard. Whether all of it was taken.
    async fn send(&self, batch: Vec<Ready>, bus: Option<&async_nats::Client>) -> bool {
        let mut shards: BTreeMap<u64, (String, Vec<UsageRecord>)> = BTreeMap::new();
        for ready in batch {
            match self.spool.read(&ready) {
                Ok(Some(record)) => {
                    let shard =
                        record.tenant_id.parse().map_or(0, |tenant: TenantId| subjects::shard(tenant));
                    shards.entry(shard).or_insert_with(|| (ready.name.clone(), Vec::new())).1.push(record);
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "an account in the spool cannot be read back"),
            }
        }
        let mut taken = true;
        for (shard, (first, records)) in shards {
            // The same entries may be cut into other messages after a restart, which are no duplicates.
            let name = format!("{}/{first}/{}", self.worker_id, records.len());
            let message = UsageBatch { worker_id: self.worker_id.clone(), records };
            taken &= match bus {
                Some(bus) if self.publish(bus, shard, &name, &message).await => true,
                _ => self.settle(message).await,
            };
        }
        taken
    }

    async fn publish(&self, bus: &async_nats::Client, shard: u64, name: &str, message: &UsageBatch) -> bool {
        if bus.connection_state() != async_nats::connection::State::Connected {
            return false;
        }
        let stored = async {
            let message = jetstream::message::PublishMessage::build()
                .payload(message.encode_to_vec().into())
                .message_id(name);
            jetstream::new(bus.clone()).send_publish(subjects::usage(shard), message).await.ok()?.await.ok()
        };
        let stored = matches!(tokio::time::timeout(PUBLISH_WAIT, stored).await, Ok(Some(_)));
        if !stored {
            self.metrics.publish_failures.inc();
        }
        stored
    }

    async fn settle(&self, message: UsageBatch) -> bool {
        match self.billing.clone().settle_batch(message).await {
            Ok(settled) => {
                self.forget(&settled.into_inner().keys);
                true
            }
            Err(status) => {
                tracing::debug!(code = ?status.code(), "billing did not settle; the accounts stay in the spool");
                self.metrics.settle_failures.inc();
                // The accounts count as shipped and are chased when they are overdue.
                tokio::time::sleep(Duration::from_millis(200)).await;
                false
            }
        }
    }

    fn forget(&self, keys: &[RecordKey]) {
        self.metrics.settled.inc_by(keys.len() as u64);
        self.spool.settled(keys);
    }
}
