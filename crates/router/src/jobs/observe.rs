//! Takes in what workers observe, from the bus or by call.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use prost::Message as _;
use rpc::router::{Observation, ObserveRequest};

use super::pause;
use crate::health::{Key, Observed};
use crate::service::Inner;

const RETRY: Duration = Duration::from_secs(1);
/// Messages that are taken in together at most.
const AT_ONCE: usize = 64;

/// Hears observations on the bus until the process stops.
pub(crate) async fn observe(inner: Arc<Inner>) {
    let Some(bus) = inner.deps.bus.clone() else { return };
    loop {
        tokio::select! {
            () = inner.deps.tasks.shutdown().begun() => return,
            () = hear(&inner, &bus) => {}
        }
        if !pause(&inner, RETRY).await {
            return;
        }
    }
}

async fn hear(inner: &Inner, bus: &async_nats::Client) {
    let messages = match bus.subscribe(rpc::subjects::HEALTH).await {
        Ok(messages) => messages,
        Err(error) => {
            tracing::debug!(%error, "health on the bus is not heard");
            return;
        }
    };
    // What came meanwhile counts at once: each time new standings are made of all endpoints.
    let mut chunks = messages.ready_chunks(AT_ONCE);
    while let Some(messages) = chunks.next().await {
        let mut observations = Vec::new();
        for message in messages {
            match ObserveRequest::decode(message.payload) {
                Ok(request) => observations.extend(request.observations),
                Err(_) => {
                    inner.metrics.malformed_observations.inc();
                }
            }
        }
        take_in(inner, &observations);
    }
}

/// Makes observations count. One that is malformed is counted and passed over.
pub(crate) fn take_in(inner: &Inner, observations: &[Observation]) {
    let batch: Vec<(Key, Observed)> = observations.iter().filter_map(Observed::read).collect();
    let malformed = observations.len().saturating_sub(batch.len());
    inner.metrics.malformed_observations.inc_by(u64::try_from(malformed).unwrap_or(0));
    inner.metrics.observations.inc_by(u64::try_from(batch.len()).unwrap_or(0));
    for key in inner.health.observe(&batch, inner.clock.now_ms()) {
        inner.metrics.ejections.inc();
        tracing::info!(endpoint.id = %key.endpoint, credential.id = %key.credential, "an endpoint is ejected");
    }
}
