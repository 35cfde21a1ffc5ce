//! Leases that serve many requests: granting, trimming, settling under them.

use identity::{GenerationId, GroupId};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rpc::billing::witness::Outcome;
use rpc::billing::{GetKeyUsageRequest, Granted};
use rpc::events::UsageRecord;
use rpc::worker::LeaseUse;

use crate::support::edge::Edge;
use crate::support::records::{again, part, record, settle, witness};
use crate::support::{Billing, Customer};

#[tokio::test]
async fn a_shared_ask_leaves_as_much_for_every_other_edge() {
    let billing = Billing::start().await;
    let customer = billing.customer(80_000).await;
    let edge = Edge::join(&billing.client, "edge-1", 1).await;
    let alone = edge.ask_shared(&customer, 1_000_000, 1).await.unwrap();
    assert_eq!(alone.amount, 40_000);
    let _other = Edge::join(&billing.client, "edge-2", 1).await;
    billing.eventually("select count(*) from billing.edge", 2).await;
    assert_eq!(edge.ask_shared(&customer, 1_000_000, 1).await.unwrap().amount, 10_000);
    assert_eq!(edge.ask_shared(&customer, 5_000, 1).await.unwrap().amount, 5_000);
    // What it cannot do without it gets, as long as there is as much.
    assert_eq!(edge.ask_shared(&customer, 30_000, 20_000).await.unwrap().amount, 20_000);
    let denied = edge.ask_shared(&customer, 30_000, 5_001).await.unwrap_err();
    assert_eq!((denied.reason.as_str(), denied.available), ("credit", 5_000));
    assert_eq!(denied.account_id, customer.accounts[0]);
    assert_eq!(billing.spent_and_held(&customer).await, (0, 75_000));
    assert!(alone.ends_in_ms > 0 && alone.ends_in_ms <= 600_000, "{}", alone.ends_in_ms);
    assert_eq!(edge.ask(&customer, 5_000).await.unwrap().ends_in_ms, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_shared_lease_ends_with_its_window() {
    let billing = Billing::start().await;
    billing.shift_to("2030-01-07 23:58:00+00").await;
    let mut customer = billing.customer(1_000_000).await;
    billing.limit(&mut customer, Some(100_000), "daily").await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask_shared(&customer, 10_000, 1).await.unwrap();
    assert_eq!(granted.leases.len(), 2);
    assert!(granted.ends_in_ms <= 120_000, "{}", granted.ends_in_ms);

    // What was admitted before midnight counts for that day, however late it settles.
    billing.shift_to("2030-01-08 00:10:00+00").await;
    settle(&billing.client, &[record(&customer, &part(&granted, 1_000), 700)]).await;
    let request =
        GetKeyUsageRequest { tenant_id: customer.tenant.to_string(), key_id: customer.key.to_string() };
    let usage = billing.client.clone().get_key_usage(request).await.unwrap().into_inner();
    assert_eq!((usage.total, usage.daily), (700, 0));
    assert_eq!(
        billing
            .count("select count(*) from billing.key_usage where day = '2030-01-07' and charge = 700")
            .await,
        1
    );
    billing.assert_sound().await;
}

#[tokio::test]
async fn one_lease_settles_many_requests_and_holds_what_is_left() {
    let billing = Billing::start().await;
    let mut customer = billing.customer(1_000_000).await;
    billing.limit(&mut customer, Some(500_000), "monthly").await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask_shared(&customer, 10_000, 1).await.unwrap();
    let records: Vec<UsageRecord> =
        (0..8).map(|n| record(&customer, &part(&granted, 1_000), n * 100)).collect();
    settle(&billing.client, &records).await;
    settle(&billing.client, &records).await;
    assert_eq!(billing.spent_and_held(&customer).await, (2_800, 7_200));
    assert_eq!(billing.count("select count(*) from billing.lease where consumed = 2800").await, 2);
    assert_eq!(billing.count("select count(*) from billing.take").await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_claim_under_a_shared_lease_waits_for_the_edges_word() {
    let billing = Billing::start().await;
    let customer = billing.customer(100_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask_shared(&customer, 10_000, 1).await.unwrap();
    let claim = UsageRecord { confirmed: false, ..record(&customer, &part(&granted, 1_000), 600) };
    settle(&billing.client, std::slice::from_ref(&claim)).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 10_000));
    edge.report(witness(&claim, Outcome::Finished)).await;
    assert_eq!(billing.spent_and_held(&customer).await, (600, 9_400));

    // And without any word until it is due, though its lease lives on.
    let mute = UsageRecord { confirmed: false, ..again(&claim, 1, 500) };
    let mute = UsageRecord { generation_id: GenerationId::generate().uuid().to_string(), ..mute };
    settle(&billing.client, &[mute]).await;
    assert_eq!(billing.count("select count(*) from billing.claim").await, 1);
    billing.shift_clock(661.0).await;
    billing.eventually("select count(*) from billing.claim", 0).await;
    assert_eq!(billing.spent_and_held(&customer).await.0, 1_100);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_trim_frees_what_is_above_and_never_what_was_consumed() {
    let billing = Billing::start().await;
    let customer = billing.customer(100_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask_shared(&customer, 10_000, 1).await.unwrap();
    settle(&billing.client, &[record(&customer, &part(&granted, 1_000), 700)]).await;
    for (keep, held) in [(5_000, 4_300), (5_000, 4_300), (8_000, 4_300), (1_000, 300), (0, 0), (9_000, 0)] {
        edge.trim(&granted, keep, false).await;
        assert_eq!(billing.spent_and_held(&customer).await, (700, held), "{keep}");
        billing.assert_sound().await;
    }
    assert!(billing.metrics.render().contains("patchbay_billing_trims_total 6"));
}

#[tokio::test]
async fn a_lease_that_is_done_closes_when_nothing_waits_under_it() {
    let billing = Billing::start().await;
    let customer = billing.customer(100_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask_shared(&customer, 10_000, 1).await.unwrap();
    let late = record(&customer, &part(&granted, 1_000), 700);
    edge.report(witness(&late, Outcome::Finished)).await;
    edge.trim(&granted, 1_000, true).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 1_000));
    assert_eq!(
        billing.count("select count(*) from billing.lease where state = 'closing' and is_done").await,
        1
    );
    // It may wait for its record as long as any, and is no breach meanwhile.
    billing.shift_clock(300.0).await;
    edge.give_back(GroupId::generate()).await;
    assert_eq!(billing.count("select count(*) from billing.witness").await, 1);
    billing.assert_sound().await;

    settle(&billing.client, &[late]).await;
    billing.eventually("select count(*) from billing.lease where reason = 'done'", 1).await;
    assert_eq!(billing.spent_and_held(&customer).await, (700, 0));
    edge.trim(&granted, 1_000, true).await;
    assert_eq!(billing.spent_and_held(&customer).await, (700, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn trims_and_settlements_come_to_the_same_in_any_order() {
    let billing = Billing::start().await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    for seed in 0..20 {
        let mut random = StdRng::seed_from_u64(seed);
        let customer = billing.customer(100_000).await;
        let granted = edge.ask_shared(&customer, 10_000, 1).await.unwrap();
        let charges: Vec<i64> = (0..4).map(|_| random.random_range(0..=1_000)).collect();
        let used: i64 = charges.iter().sum();
        // The edge keeps less and less, never below what it let go by.
        let keeps = [9_000, 7_000, 4_000, used.max(4_000 - used)];
        let mut steps: Vec<(bool, usize)> =
            (0..4).flat_map(|n| [(true, n), (false, n), (false, n)]).collect();
        steps.shuffle(&mut random);
        let records: Vec<UsageRecord> =
            charges.iter().map(|charge| record(&customer, &part(&granted, 1_000), *charge)).collect();
        for (is_trim, n) in steps {
            if is_trim {
                edge.trim(&granted, keeps[n], false).await;
            } else {
                settle(&billing.client, &records[n..=n]).await;
            }
        }
        let lowest = keeps.into_iter().min().unwrap();
        assert_eq!(billing.spent_and_held(&customer).await, (used, lowest - used), "{seed}");
    }
    assert_eq!(billing.count("select sum(absorbed)::bigint from billing.usage").await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_fenced_or_closed_lease_takes_trims_without_harm() {
    let billing = Billing::start().await;
    let customer = billing.customer(100_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask_shared(&customer, 10_000, 1).await.unwrap();
    billing.shift_clock(61.0).await;
    billing.eventually("select count(*) from billing.lease where state = 'closing'", 1).await;
    edge.trim(&granted, 6_000, false).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 6_000));
    billing.shift_clock(61.0 + 661.0).await;
    billing.eventually("select count(*) from billing.lease where reason = 'expired'", 1).await;
    for is_done in [false, true] {
        edge.trim(&granted, 2_000, is_done).await;
        assert_eq!(billing.spent_and_held(&customer).await, (0, 0));
    }
    // What settles late takes what is available, within what the edge kept.
    settle(&billing.client, &[record(&customer, &part(&granted, 1_500), 1_500)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (1_500, 0));
    billing.assert_sound().await;
}

/// A part of several grants: as much under each as it says.
fn parts(grants: &[(&Granted, i64)]) -> Granted {
    let leases = grants.iter().flat_map(|(granted, amount)| part(granted, *amount).leases).collect();
    let amount = grants.iter().map(|(_, amount)| amount).sum();
    Granted { leases, amount, ..Granted::default() }
}

async fn consumed(billing: &Billing, granted: &Granted) -> i64 {
    sqlx::query_scalar("select consumed from billing.lease where lease_id = $1::uuid")
        .bind(granted.leases[0].lease_id.clone())
        .fetch_one(billing.admin())
        .await
        .unwrap()
}

#[tokio::test]
async fn several_leases_of_one_account_carry_one_generation_in_order() {
    let billing = Billing::start().await;
    let customer = billing.customer(100_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let first = edge.ask_shared(&customer, 1_000, 1_000).await.unwrap();
    let second = edge.ask_shared(&customer, 1_000, 1_000).await.unwrap();
    let both = parts(&[(&first, 300), (&second, 600)]);
    assert_eq!(both.leases.len(), 2);
    let whole = record(&customer, &both, 700);
    let small = record(&customer, &parts(&[(&first, 300), (&second, 600)]), 200);
    settle(&billing.client, &[whole, small]).await;
    assert_eq!((consumed(&billing, &first).await, consumed(&billing, &second).await), (500, 400));
    assert_eq!(billing.spent_and_held(&customer).await, (900, 1_100));
    // One took all of its charge from the first, which needs no row.
    assert_eq!(billing.count("select sum(amount)::bigint from report.takes").await, 700);
    billing.assert_sound().await;

    // More than is reserved under both is not taken, even if they have it.
    let greedy = UsageRecord {
        reserved: 800,
        charge: 800,
        ..record(&customer, &parts(&[(&first, 100), (&second, 200)]), 800)
    };
    settle(&billing.client, &[greedy]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (1_200, 800));
    assert_eq!(billing.count("select sum(absorbed)::bigint from billing.usage").await, 500);

    // The same lease named twice is one that both amounts are reserved under.
    let twice = parts(&[(&second, 100), (&second, 150)]);
    settle(&billing.client, &[record(&customer, &twice, 250)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (1_450, 550));
    billing.assert_sound().await;
}

#[tokio::test]
async fn what_does_not_fit_a_shared_lease_beside_others_is_absorbed() {
    let billing = Billing::start().await;
    let customer = billing.customer(2_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask_shared(&customer, 1_000, 1_000).await.unwrap();
    // An edge that let more go by than it holds.
    let records: Vec<UsageRecord> = (0..3).map(|_| record(&customer, &part(&granted, 400), 400)).collect();
    settle(&billing.client, &records).await;
    assert_eq!(billing.spent_and_held(&customer).await, (1_000, 0));
    assert_eq!(billing.count("select sum(absorbed)::bigint from billing.usage").await, 200);
    billing.assert_sound().await;
}

#[tokio::test]
async fn many_generations_under_a_shared_lease_that_the_database_lost_are_charged() {
    let billing = Billing::start().await;
    let customer = billing.customer(2_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask_shared(&customer, 1_000, 1_000).await.unwrap();
    sqlx::raw_sql("delete from billing.lease; update billing.balance set held = 0")
        .execute(billing.admin())
        .await
        .unwrap();
    let records: Vec<UsageRecord> = (0..3).map(|_| record(&customer, &part(&granted, 300), 250)).collect();
    settle(&billing.client, &records[..2]).await;
    settle(&billing.client, &records[2..]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (750, 0));
    assert_eq!(billing.count("select count(*) from billing.lease where reason = 'adopted'").await, 1);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_single_lease_and_a_shared_one_may_carry_one_generation() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let (single, shared) =
        (edge.ask(&customer, 500).await.unwrap(), edge.ask_shared(&customer, 2_000, 1).await.unwrap());
    let both = parts(&[(&single, 500), (&shared, 800)]);
    settle(&billing.client, &[record(&customer, &both, 900)]).await;
    assert_eq!((consumed(&billing, &single).await, consumed(&billing, &shared).await), (500, 400));
    assert_eq!(billing.spent_and_held(&customer).await, (900, 1_600));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_record_under_another_tenants_lease_leaves_it_as_it_is() {
    let billing = Billing::start().await;
    let (customer, other): (Customer, Customer) =
        (billing.customer(10_000).await, billing.customer(10_000).await);
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask_shared(&other, 1_000, 1).await.unwrap();
    let theirs = LeaseUse { amount: 500, ..granted.leases[0].clone() };
    let stolen = Granted { leases: vec![theirs], amount: 500, ..Granted::default() };
    settle(&billing.client, &[record(&customer, &stolen, 300)]).await;
    assert_eq!(billing.spent_and_held(&other).await, (0, 1_000));
    assert_eq!(billing.count("select sum(absorbed)::bigint from billing.usage").await, 300);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_heartbeat_is_answered_once_it_is_written() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    edge.ask_shared(&customer, 1_000, 1).await.unwrap();
    billing.shift_clock(50.0).await;
    assert_eq!(edge.extend().await, Some(60_000));
    billing.shift_clock(100.0).await;
    assert_eq!(edge.extend().await, Some(60_000));
    assert_eq!(billing.count("select count(*) from billing.lease where state = 'active'").await, 1);
}
