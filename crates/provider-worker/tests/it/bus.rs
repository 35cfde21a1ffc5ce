//! Shipping over a real NATS server.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use futures::StreamExt as _;
use lifecycle::Tasks;
use prost::Message as _;
use provider_worker::{Deps, Service};
use rpc::events::{RecordKey, Settled, UsageBatch};
use rpc::router::ObserveRequest;
use rpc::subjects;

use crate::billing::Notes;
use crate::upstream::{Upstream, good};
use crate::world::{Conversation, attempt, config, cost, deps, request};

/// A private server, ended with the test.
struct Nats {
    child: Child,
    client: async_nats::Client,
    _directory: tempfile::TempDir,
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nats {
    /// `None`, with a notice, where no server is installed.
    async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new("nats-server")
            .args(["-js", "-a", "127.0.0.1", "-p", "-1", "-sd"])
            .arg(directory.path())
            .arg("--ports_file_dir")
            .arg(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            eprintln!("SKIPPED: nats-server is not installed");
            return None;
        };
        let ports = directory.path().join(format!("nats-server_{}.ports", child.id()));
        let url = loop {
            let ports = std::fs::read(&ports).ok().and_then(|text| serde_json::from_slice(&text).ok());
            if let Some(url) = ports.as_ref().and_then(|ports: &serde_json::Value| ports["nats"][0].as_str())
            {
                break url.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let client = async_nats::connect(url).await.unwrap();
        Some(Self { child, client, _directory: directory })
    }
}

#[tokio::test]
async fn accounts_go_over_the_bus_and_leave_by_billings_word() {
    let Some(nats) = Nats::start().await else { return };
    let stream = jetstream::stream::Config {
        name: subjects::USAGE_STREAM.to_owned(),
        subjects: vec![subjects::USAGE_ALL.to_owned()],
        ..Default::default()
    };
    let stream = jetstream::new(nats.client.clone()).create_stream(stream).await.unwrap();
    let mut health = nats.client.subscribe(subjects::HEALTH).await.unwrap();
    let (notes, tasks, directory) = (Notes::new(), Tasks::default(), tempfile::tempdir().unwrap());
    // So long that only the bus can be the way.
    let config = provider_worker::Config { settle_wait_ms: 3_600_000, ..config(directory.path()) };
    let deps = Deps { bus: Some(nats.client.clone()), ..deps(&notes, &tasks) };
    let service = Service::start(config, deps).await.unwrap();

    let upstream = Upstream::start(vec![good()]).await;
    let start = request(vec![attempt(&upstream, "alpha")]);
    let tenant = start.tenant_id.parse().unwrap();
    let edge = Conversation::begin(rpc::Channel::local(service.grpc()), start).await.unwrap();
    edge.hear_all().await;

    let consumer = jetstream::consumer::pull::Config {
        filter_subject: subjects::usage(subjects::shard(tenant)),
        ..Default::default()
    };
    let consumer = stream.create_consumer(consumer).await.unwrap();
    let message = consumer.messages().await.unwrap().next().await.unwrap().unwrap();
    let batch = UsageBatch::decode(message.payload.clone()).unwrap();
    assert_eq!((batch.worker_id.as_str(), batch.records.len()), (service.id(), 1));
    let record = &batch.records[0];
    assert_eq!((record.charge, record.confirmed), (cost(10, 2), true));
    assert_eq!(service.unsettled(), 1, "stored by the bus is not settled");

    let key = RecordKey {
        generation_id: record.generation_id.clone(),
        execution: record.execution,
        confirmed: record.confirmed,
    };
    let settled = Settled { keys: vec![key] }.encode_to_vec();
    // Core NATS forgets what nobody listens to yet, so it is said until it is heard.
    while service.unsettled() > 0 {
        nats.client.publish(subjects::settled(service.id()), settled.clone().into()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let seen = ObserveRequest::decode(health.next().await.unwrap().payload).unwrap();
    assert_eq!(seen.observations[0].successes, 1);
}

#[tokio::test]
async fn a_bus_without_a_stream_is_passed_by() {
    let Some(nats) = Nats::start().await else { return };
    let (notes, tasks, directory) = (Notes::new(), Tasks::default(), tempfile::tempdir().unwrap());
    let deps = Deps { bus: Some(nats.client.clone()), ..deps(&notes, &tasks) };
    let service = Service::start(config(directory.path()), deps).await.unwrap();
    let upstream = Upstream::start(vec![good()]).await;
    let start = request(vec![attempt(&upstream, "alpha")]);
    Conversation::begin(rpc::Channel::local(service.grpc()), start).await.unwrap().hear_all().await;
    assert_eq!(notes.record().await.charge, cost(10, 2));
}
