//! The work behind the streams: counts passed on and summed, health asked for and compared.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use lifecycle::{Shutdown, Tasks};
use prost::Message as _;
use rpc::events::EdgeTraffic;
use rpc::router::DescribeHealthRequest;
use rpc::router::router_client::RouterClient;
use rpc::{Channel, subjects};
use serde::Deserialize;
use serde_json::json;
use tokio::time::MissedTickBehavior;

use super::traffic::Traffic;
use super::{Live, Told, lock};

/// How long to wait before a lost subscription is opened again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the bus or a router may take.
const WAIT: Duration = Duration::from_secs(1);

/// Where it comes from.
pub(crate) struct Sources {
    pub(crate) bus: Option<async_nats::Client>,
    pub(crate) router: Channel,
}

/// Counts, hears and tells until the stop begins.
pub(crate) fn run(tasks: &Tasks, live: &Live, sources: Sources) {
    if let Some(bus) = sources.bus.clone() {
        tasks.spawn(hear(bus, live.clone(), tasks.shutdown().clone()));
    }
    tasks.spawn(tell(live.clone(), sources, tasks.shutdown().clone()));
}

async fn hear(bus: async_nats::Client, live: Live, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            () = listen(&bus, &live) => {}
        }
        if !shutdown.pause(PAUSE).await {
            return;
        }
    }
}

async fn listen(bus: &async_nats::Client, live: &Live) {
    let Ok(mut messages) = bus.subscribe(subjects::TRAFFIC).await else { return };
    while let Some(message) = messages.next().await {
        match EdgeTraffic::decode(message.payload) {
            Ok(said) if said.edge_id != live.edge_id() => lock(&live.0.peers).hear(&said),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "traffic on the bus cannot be read"),
        }
    }
}

async fn tell(live: Live, sources: Sources, shutdown: Shutdown) {
    let every = live.0.config.every_ms.get();
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            _ = ticks.tick() => {}
        }
        let own = live.0.counts.take(u64::try_from(live.0.open.get()).unwrap_or_default());
        if let Some(bus) = &sources.bus {
            publish(bus, &own.message(live.edge_id())).await;
        }
        let all = own.and(lock(&live.0.peers).take(every));
        if live.0.told.receiver_count() == 0 {
            lock(&live.0.unwell).clear();
            continue;
        }
        let _ = live.0.told.send(traffic(&all));
        // What cannot be asked for now is compared with the next answer.
        if let Some(found) = unwell(&sources.router).await {
            changed(&live, found);
        }
    }
}

/// What is lost is missed: it is not money.
async fn publish(bus: &async_nats::Client, message: &EdgeTraffic) {
    // Without a connection it would wait in memory, and count where it no longer belongs.
    if bus.connection_state() != async_nats::connection::State::Connected {
        return;
    }
    let sent = bus.publish(subjects::TRAFFIC, message.encode_to_vec().into());
    if !matches!(tokio::time::timeout(WAIT, sent).await, Ok(Ok(()))) {
        tracing::debug!("other edges do not hear what was answered here");
    }
}

fn traffic(all: &Traffic) -> Told {
    let data = json!({
        "at": chrono::Utc::now().timestamp_millis(),
        "requests": all.requests,
        "errors": all.errors,
        "tokens": all.tokens,
        "spend_nano_usd": all.spend.to_string(),
        "in_flight": all.in_flight,
    });
    Told { event: "traffic", data: data.to_string().into() }
}

/// An endpoint as the router finds it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Unwell {
    #[serde(default)]
    model: String,
    #[serde(default)]
    provider: String,
    state: String,
}

#[derive(Deserialize)]
struct Described {
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    endpoint_id: String,
    #[serde(flatten)]
    found: Unwell,
}

/// The endpoints that are not healthy; `None` where nobody can be asked.
async fn unwell(router: &Channel) -> Option<BTreeMap<String, Unwell>> {
    let mut router = RouterClient::new(router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE);
    let request = DescribeHealthRequest { only_unwell: true, ..DescribeHealthRequest::default() };
    let answer = tokio::time::timeout(WAIT, router.describe_health(request)).await.ok()?.ok()?.into_inner();
    let described: Described = serde_json::from_slice(&answer.body_json).ok()?;
    Some(described.endpoints.into_iter().map(|one| (one.endpoint_id, one.found)).collect())
}

/// Tells of each endpoint that is not as it was.
fn changed(live: &Live, found: BTreeMap<String, Unwell>) {
    let mut known = lock(&live.0.unwell);
    for told in differences(&known, &found) {
        let _ = live.0.told.send(told);
    }
    *known = found;
}

fn differences(known: &BTreeMap<String, Unwell>, found: &BTreeMap<String, Unwell>) -> Vec<Told> {
    let well = known.iter().filter(|(id, _)| !found.contains_key(*id));
    let well = well.map(|(id, one)| health(id, &Unwell { state: "healthy".to_owned(), ..one.clone() }));
    let other = found.iter().filter(|(id, one)| known.get(*id) != Some(one));
    well.chain(other.map(|(id, one)| health(id, one))).collect()
}

pub(super) fn health(endpoint_id: &str, found: &Unwell) -> Told {
    let data = json!({
        "at": chrono::Utc::now().timestamp_millis(),
        "endpoint": endpoint_id,
        "model": found.model,
        "provider": found.provider,
        "state": found.state,
    });
    Told { event: "health", data: data.to_string().into() }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn endpoints(all: &[(&str, &str)]) -> BTreeMap<String, Unwell> {
        let unwell =
            |state: &str| Unwell { model: "m".to_owned(), provider: "p".to_owned(), state: state.to_owned() };
        all.iter().map(|(id, state)| ((*id).to_owned(), unwell(state))).collect()
    }

    #[test]
    fn only_what_changed_is_told() {
        let known = endpoints(&[("a", "ejected"), ("b", "cooling"), ("c", "ejected")]);
        let found = endpoints(&[("a", "ejected"), ("b", "recovering"), ("d", "ejected")]);
        let told: Vec<(String, String)> = differences(&known, &found)
            .iter()
            .map(|told| {
                let data: Value = serde_json::from_str(&told.data).unwrap();
                let text = |name: &str| data[name].as_str().unwrap().to_owned();
                (text("endpoint"), text("state"))
            })
            .collect();
        let expected = [("c", "healthy"), ("b", "recovering"), ("d", "ejected")];
        assert_eq!(told, expected.map(|(id, state)| (id.to_owned(), state.to_owned())));
        assert!(differences(&found, &found).is_empty());
    }
}
