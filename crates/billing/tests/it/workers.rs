//! What an edge that died held is free again when no worker has anything under it.

use identity::GroupId;
use rpc::billing::witness::Outcome;
use rpc::billing::{Granted, OpenLeases};
use rpc::events::UsageRecord;

use crate::support::edge::Edge;
use crate::support::records::{again, part, record, report_open, settle, witness};
use crate::support::{Billing, Customer};

/// A customer of whose 10,000 a dead edge holds 4,000 under a shared lease and 1,000 under a single one, both fenced.
pub(crate) async fn fenced() -> (Billing, Customer, Granted, Granted) {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let shared = edge.ask_shared(&customer, 4_000, 1).await.unwrap();
    let single = edge.ask(&customer, 1_000).await.unwrap();
    billing.shift_clock(61.0).await;
    billing.eventually("select count(*) from billing.lease where state = 'closing'", 2).await;
    (billing, customer, shared, single)
}

/// Lets the sweep of the service pass over everything at least once.
pub(crate) async fn sweep(billing: &Billing) {
    for _ in 0..2 {
        // What a sweep closes is one that was granted after it was returned.
        let group = GroupId::generate();
        let plant = "with lease as (insert into billing.lease (lease_id, group_id, account_id, window_start, tenant_id,
                edge_id, epoch, granted, created_at, expires_at, ends_at)
            select $1, $1, account_id, 'epoch', gen_random_uuid(), 'edge', 1, 0, billing.clock(), 'infinity', 'infinity'
            from billing.account where kind = 'credit' limit 1)
            insert into billing.returned values ($1, billing.clock())";
        sqlx::query(plant).bind(group.uuid()).execute(billing.admin()).await.unwrap();
        billing
            .eventually("select count(*) from billing.lease where reason is null and granted = 0", 0)
            .await;
    }
}

#[tokio::test]
async fn a_dead_edges_leases_are_free_when_every_worker_says_that_it_holds_nothing() {
    let (billing, customer, ..) = fenced().await;
    report_open(&billing.client, "worker-1", &[]).await;
    report_open(&billing.client, "worker-2", &[]).await;
    sweep(&billing).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 5_000), "too soon after the fence");

    billing.shift_clock(61.0 + 3.0).await;
    report_open(&billing.client, "worker-1", &[]).await;
    sweep(&billing).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 5_000), "the other one has not said so");
    report_open(&billing.client, "worker-2", &[]).await;
    billing.eventually("select count(*) from billing.lease where reason = 'idle'", 2).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 0));
    assert!(billing.metrics.render().contains("patchbay_billing_leases_freed_early_total 2"));
    billing.assert_sound().await;
}

#[tokio::test]
async fn without_workers_the_whole_grace_passes() {
    let (billing, customer, ..) = fenced().await;
    billing.shift_clock(61.0 + 600.0).await;
    sweep(&billing).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 5_000));
    billing.shift_clock(61.0 + 661.0).await;
    billing.eventually("select count(*) from billing.lease where reason = 'expired'", 2).await;
}

#[tokio::test]
async fn what_a_worker_still_has_stays_held() {
    let (billing, customer, shared, single) = fenced().await;
    let running = record(&customer, &part(&shared, 1_000), 700);
    billing.shift_clock(61.0 + 3.0).await;
    report_open(&billing.client, "worker-1", &[&shared]).await;
    billing.eventually("select count(*) from billing.lease where reason = 'idle' and single", 1).await;
    sweep(&billing).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 4_000));

    // The stream ends, its record settles, and the worker has nothing more.
    settle(&billing.client, &[running]).await;
    report_open(&billing.client, "worker-1", &[]).await;
    billing.eventually("select count(*) from billing.lease where reason = 'idle'", 2).await;
    assert_eq!(billing.spent_and_held(&customer).await, (700, 0));
    settle(&billing.client, &[record(&customer, &single, 300)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (1_000, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn claims_of_a_dead_edge_are_decided_when_no_worker_has_anything_any_more() {
    let (billing, customer, shared, single) = fenced().await;
    let first = UsageRecord { confirmed: false, ..record(&customer, &part(&shared, 1_000), 600) };
    let second = UsageRecord { confirmed: false, ..again(&first, 2, 500) };
    let other = UsageRecord { confirmed: false, ..record(&customer, &single, 300) };
    let told = record(&customer, &part(&shared, 1_000), 70);
    let edge = Edge::join(&billing.client, "edge", 2).await;
    edge.report(witness(&told, Outcome::Finished)).await;
    settle(&billing.client, &[first, other]).await;
    billing.shift_clock(61.0 + 3.0).await;
    report_open(&billing.client, "worker-1", &[&shared, &single]).await;
    sweep(&billing).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 5_000), "a later execution may be running");

    settle(&billing.client, &[second]).await;
    report_open(&billing.client, "worker-1", &[]).await;
    billing.eventually("select count(*) from billing.lease where state = 'closed' and granted > 0", 2).await;
    assert_eq!(billing.spent_and_held(&customer).await, (870, 0));
    assert_eq!(billing.count("select count(*) from billing.lease where reason = 'idle'").await, 1);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_worker_with_too_much_to_list_holds_everything() {
    let (billing, customer, ..) = fenced().await;
    billing.shift_clock(61.0 + 3.0).await;
    let all = OpenLeases { worker_id: "worker-1".to_owned(), all: true, ..OpenLeases::default() };
    billing.client.clone().report_open(all).await.unwrap();
    report_open(&billing.client, "worker-2", &[]).await;
    sweep(&billing).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 5_000));
}

#[tokio::test]
async fn a_worker_that_left_or_was_silent_for_long_is_not_waited_for() {
    let (billing, customer, ..) = fenced().await;
    report_open(&billing.client, "worker-1", &[]).await;
    report_open(&billing.client, "worker-2", &[]).await;
    billing.shift_clock(61.0 + 3.0).await;
    let leaving = OpenLeases { worker_id: "worker-1".to_owned(), is_leaving: true, ..OpenLeases::default() };
    billing.client.clone().report_open(leaving).await.unwrap();
    report_open(&billing.client, "worker-2", &[]).await;
    billing.eventually("select count(*) from billing.lease where reason = 'idle'", 2).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 0));

    // A new edge dies long after the last word of worker-2.
    billing.shift_clock(61.0 + 700.0).await;
    let edge = Edge::join(&billing.client, "edge", 2).await;
    edge.ask_shared(&customer, 4_000, 1).await.unwrap();
    billing.shift_clock(61.0 + 761.0).await;
    billing.eventually("select count(*) from billing.lease where state = 'closing'", 1).await;
    billing.shift_clock(61.0 + 765.0).await;
    report_open(&billing.client, "worker-3", &[]).await;
    billing.eventually("select count(*) from billing.lease where reason = 'idle'", 3).await;
    billing.assert_sound().await;
}

#[tokio::test]
async fn the_leases_of_a_live_edge_keep_their_grace() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    edge.ask_shared(&customer, 4_000, 1).await.unwrap();
    for seconds in (50..=600).step_by(50) {
        billing.shift_clock(f64::from(seconds)).await;
        assert!(edge.extend().await.is_some());
    }
    billing.shift_clock(602.0).await;
    billing.eventually("select count(*) from billing.lease where state = 'closing'", 1).await;
    billing.shift_clock(610.0).await;
    assert!(edge.extend().await.is_some());
    report_open(&billing.client, "worker-1", &[]).await;
    sweep(&billing).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 4_000));
}

#[tokio::test]
async fn what_settles_under_freed_money_takes_what_is_available_and_the_rest_is_absorbed() {
    let (billing, customer, shared, single) = fenced().await;
    billing.shift_clock(61.0 + 3.0).await;
    report_open(&billing.client, "worker-1", &[]).await;
    billing.eventually("select count(*) from billing.lease where reason = 'idle'", 2).await;
    // Nearly all of it goes to somebody else.
    let other = Edge::join(&billing.client, "other", 1).await;
    let taken = other.ask(&customer, 9_500).await.unwrap();

    settle(&billing.client, &[record(&customer, &part(&shared, 1_000), 400)]).await;
    settle(&billing.client, &[record(&customer, &single, 900)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (500, 9_500));
    assert_eq!(billing.count("select sum(absorbed)::bigint from billing.usage").await, 800);
    billing.assert_sound().await;
    settle(&billing.client, &[record(&customer, &taken, 9_500)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (10_000, 0));
    billing.assert_sound().await;
}
