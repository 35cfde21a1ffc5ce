//! Usage through a real NATS server.

use std::time::Duration;

use async_nats::jetstream;
use futures::StreamExt as _;
use prost::Message as _;
use rpc::events::{Settled, UsageBatch, UsageRecord};
use rpc::subjects;

use crate::support::edge::Edge;
use crate::support::nats::Nats;
use crate::support::postgres::Database;
use crate::support::records::record;
use crate::support::{Billing, Customer, config};

/// Publishes as workers do: again until the stream has it.
async fn publish(bus: &async_nats::Client, customer: &Customer, id: &str, payload: Vec<u8>) {
    let context = jetstream::new(bus.clone());
    let subject = subjects::usage(subjects::shard(customer.tenant));
    for _ in 0..200 {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let published = context.publish_with_headers(subject.clone(), headers, payload.clone().into()).await;
        if let Ok(stored) = published
            && stored.await.is_ok()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the stream never took it");
}

fn batch(records: &[UsageRecord]) -> Vec<u8> {
    UsageBatch { worker_id: "worker-1".to_owned(), records: records.to_vec() }.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_crosses_the_bus_is_settled_once_and_its_worker_is_told() {
    let Some(nats) = Nats::start().await else { return };
    let bus = nats.client().await;
    let mut told = bus.subscribe(subjects::settled("worker-1")).await.unwrap();
    let billing = Billing::over(Database::create().await, config(), Some(nats.client().await)).await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let mut records = Vec::new();
    for nanos in [10, 20, 30] {
        let granted = edge.ask(&customer, 1_000).await.unwrap();
        records.push(record(&customer, &granted, nanos));
    }
    publish(&bus, &customer, "a", batch(&records[..2])).await;
    // The same message again, past the dedupe of the stream, and one record twice.
    publish(&bus, &customer, "b", batch(&records[..2])).await;
    publish(&bus, &customer, "c", batch(&records[1..])).await;
    publish(&bus, &customer, "c", batch(&records[1..])).await;
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < 3 {
        let message = tokio::time::timeout(Duration::from_secs(60), told.next()).await.unwrap().unwrap();
        let settled = Settled::decode(message.payload).unwrap();
        heard.extend(settled.keys.into_iter().map(|key| key.generation_id));
    }
    assert_eq!(billing.spent_and_held(&customer).await, (60, 0));
    billing.assert_sound().await;
    assert!(billing.metrics.render().contains("patchbay_billing_settlement_lag_seconds_count"));
    billing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_to_a_dead_replica_is_delivered_again() {
    let Some(nats) = Nats::start().await else { return };
    let bus = nats.client().await;
    let billing = Billing::over(Database::create().await, config(), Some(nats.client().await)).await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let shard = subjects::shard(customer.tenant);
    // Somebody takes the message from the same durable consumer and dies with it. Two replicas must not be
    // there to take it first.
    let context = jetstream::new(bus.clone());
    let consumer: jetstream::consumer::PullConsumer = loop {
        match context.get_consumer_from_stream(subjects::usage_consumer(shard), subjects::USAGE_STREAM).await
        {
            Ok(consumer) => break consumer,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    billing.stop().await;
    publish(&bus, &customer, "a", batch(&[record(&customer, &granted, 10)])).await;
    let taken = loop {
        let mut messages = consumer.fetch().max_messages(1).messages().await.unwrap();
        match messages.next().await {
            Some(message) => break message.unwrap(),
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert_eq!(taken.info().unwrap().delivered, 1);
    drop(taken);

    let heir = Billing::over(billing.database, config(), Some(nats.client().await)).await;
    heir.eventually("select count(*) from billing.usage", 1).await;
    assert_eq!(heir.spent_and_held(&customer).await, (10, 0));
    heir.assert_sound().await;
    heir.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_bus_is_set_up_again_and_poison_is_parked() {
    let Some(mut nats) = Nats::start().await else { return };
    let billing = Billing::over(Database::create().await, config(), Some(nats.client().await)).await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let first = record(&customer, &granted, 10);
    publish(&nats.client().await, &customer, "a", batch(std::slice::from_ref(&first))).await;
    billing.eventually("select count(*) from billing.usage", 1).await;

    nats.kill();
    nats.wipe();
    nats.resume();
    let bus = nats.client().await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    publish(&bus, &customer, "a", batch(&[first, record(&customer, &granted, 20)])).await;
    publish(&bus, &customer, "x", b"\xff\xff no batch".to_vec()).await;
    billing.eventually("select count(*) from billing.usage", 2).await;
    billing.eventually("select count(*) from billing.parked", 1).await;
    assert_eq!(billing.spent_and_held(&customer).await, (30, 0));
    billing.assert_sound().await;
    billing.stop().await;
}
