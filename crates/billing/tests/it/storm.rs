//! Everything at once, from two replicas; afterwards the books are right.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use identity::GroupId;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rpc::billing::witness::Outcome;
use rpc::events::UsageRecord;

use crate::support::edge::Edge;
use crate::support::postgres::Database;
use crate::support::records::{again, record, settle, witness};
use crate::support::{Billing, Customer, config, promotion};

const TASKS: u64 = 24;
const REQUESTS: usize = 20;

/// What one client does over and over: ask, then one of the ways in which a request may end.
async fn client(billing: Arc<Billing>, edge: Arc<Edge>, customer: Customer, seed: u64, owed: Arc<AtomicI64>) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut shipped: Vec<UsageRecord> = Vec::new();
    for _ in 0..REQUESTS {
        let group = GroupId::generate();
        let Ok(granted) = edge.ask_as(group, &customer, 1_000, 1_000).await else {
            // A database that is slow to answer may have granted it all the same.
            edge.give_back(group).await;
            continue;
        };
        let nanos = random.random_range(0..=1_000);
        let confirmed = record(&customer, &granted, nanos);
        let claim = UsageRecord { confirmed: false, ..confirmed.clone() };
        match random.random_range(0..6) {
            0 => edge.give_back(group).await,
            1 => edge.report(witness(&claim, Outcome::NothingOwed)).await,
            2 => {
                shipped.push(claim.clone());
                edge.report(witness(&claim, Outcome::Lost)).await;
                owed.fetch_add(nanos, Ordering::Relaxed);
            }
            3 => {
                // An earlier execution that lost, and the one that served.
                let second = UsageRecord { confirmed: true, ..again(&claim, 2, nanos) };
                shipped.extend([claim, second]);
                owed.fetch_add(nanos, Ordering::Relaxed);
            }
            _ => {
                edge.report(witness(&confirmed, Outcome::Finished)).await;
                shipped.push(confirmed);
                owed.fetch_add(nanos, Ordering::Relaxed);
            }
        }
        if random.random_range(0..3) == 0 {
            // Out of order, some of it twice.
            shipped.shuffle(&mut random);
            let again = shipped.len().min(3);
            settle(&billing.client, &shipped).await;
            shipped.truncate(again);
        }
    }
    settle(&billing.client, &shipped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_storm_of_everything_the_books_are_right() {
    let first = Arc::new(Billing::start().await);
    let second = Arc::new(Billing::over(Database::of(&first.database), config(), None).await);
    let mut customers = Vec::new();
    for n in 0..4 {
        let mut customer = first.customer(100_000_000).await;
        if n % 2 == 0 {
            first.limit(&mut customer, Some(50_000_000), "monthly").await;
        }
        customers.push(customer);
    }
    let owed = Arc::new(AtomicI64::new(0));
    let replicas = [Arc::clone(&first), Arc::clone(&second)];
    let edges = [
        Arc::new(Edge::join(&first.client, "edge-1", 1).await),
        Arc::new(Edge::join(&second.client, "edge-2", 1).await),
    ];
    let tasks: Vec<_> = (0..TASKS)
        .map(|seed| {
            let place = usize::try_from(seed).unwrap();
            // Record and ask may go to different replicas.
            let billing = Arc::clone(&replicas[place % 2]);
            let edge = Arc::clone(&edges[(place / 2) % 2]);
            let customer = customers[place % customers.len()].clone();
            tokio::spawn(client(billing, edge, customer, seed, Arc::clone(&owed)))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
        first.assert_sound().await;
    }
    first.eventually("select count(*) from billing.claim", 0).await;
    first.eventually("select count(*) from billing.witness", 0).await;
    first.assert_sound().await;
    first.eventually("select sum(held)::bigint from billing.balance", 0).await;
    let spent = first.count("select sum(spent)::bigint from billing.balance where strict").await;
    assert_eq!(spent, owed.load(Ordering::Relaxed));
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_leave_leave_nothing_half_done() {
    let billing = Billing::start().await;
    let customer = billing.customer(100_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let mut records = Vec::new();
    for _ in 0..100 {
        let granted = edge.ask(&customer, 1_000).await.unwrap();
        records.push(record(&customer, &granted, 700));
    }
    let calls = records.iter().enumerate().map(|(n, record)| {
        let (client, record) = (billing.client.clone(), record.clone());
        let credit = promotion(customer.tenant, 5, &format!("gift-{n}"));
        async move {
            let settling = tokio::spawn({
                let client = client.clone();
                async move { settle(&client, &[record]).await }
            });
            let granting = tokio::spawn(async move { client.clone().grant_credit(credit).await });
            tokio::time::sleep(std::time::Duration::from_micros(u64::try_from(n).unwrap() * 40)).await;
            settling.abort();
            granting.abort();
        }
    });
    futures::future::join_all(calls).await;
    billing.assert_sound().await;
    settle(&billing.client, &records).await;
    assert_eq!(billing.spent_and_held(&customer).await, (70_000, 0));
    billing.assert_sound().await;
    let stuck =
        "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in %'";
    billing.eventually(stuck, 0).await;
}
