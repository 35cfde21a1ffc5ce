//! Records that the edge did not acknowledge, and the edge's own word.

use identity::GroupId;
use rpc::billing::Granted;
use rpc::billing::witness::Outcome;
use rpc::convert;
use rpc::events::UsageRecord;

use crate::support::edge::Edge;
use crate::support::records::{again, nothing_reserved, record, settle, witness, worth};
use crate::support::{Billing, Customer};

/// A billing, a customer with one lease, and the edge that holds it.
async fn one_lease() -> (Billing, Customer, Edge, Granted) {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    (billing, customer, edge, granted)
}

fn claim(customer: &Customer, granted: &Granted, nanos: i64) -> UsageRecord {
    UsageRecord { confirmed: false, ..record(customer, granted, nanos) }
}

#[tokio::test]
async fn a_claim_waits_for_the_edges_word_in_either_order() {
    for outcome in [Outcome::Finished, Outcome::Lost] {
        for witness_first in [false, true] {
            let (billing, customer, edge, granted) = one_lease().await;
            let claim = claim(&customer, &granted, 600);
            if witness_first {
                edge.report(witness(&claim, outcome)).await;
                assert_eq!(billing.spent_and_held(&customer).await, (0, 1_000));
                assert_eq!(settle(&billing.client, std::slice::from_ref(&claim)).await.len(), 1);
            } else {
                let keys = settle(&billing.client, std::slice::from_ref(&claim)).await;
                assert_eq!(keys.len(), 1, "a claim is durable here and its worker may forget it");
                assert_eq!(billing.spent_and_held(&customer).await, (0, 1_000));
                edge.report(witness(&claim, outcome)).await;
            }
            assert_eq!(billing.spent_and_held(&customer).await, (600, 0));
            assert_eq!(billing.count("select count(*) from billing.usage where evidence = 'claim'").await, 1);
            edge.report(witness(&claim, outcome)).await;
            settle(&billing.client, &[claim]).await;
            assert_eq!(billing.count("select count(*) from billing.claim").await, 0);
            assert_eq!(billing.count("select count(*) from billing.witness").await, 0);
            billing.assert_sound().await;
        }
    }
}

#[tokio::test]
async fn what_is_not_owed_is_not_charged_whatever_claims_arrive() {
    for witness_first in [false, true] {
        let (billing, customer, edge, granted) = one_lease().await;
        let claim = claim(&customer, &granted, 600);
        let word = witness(&UsageRecord { usage: None, charge: 0, ..claim.clone() }, Outcome::NothingOwed);
        if witness_first {
            edge.report(word).await;
            settle(&billing.client, std::slice::from_ref(&claim)).await;
        } else {
            settle(&billing.client, std::slice::from_ref(&claim)).await;
            edge.report(word).await;
        }
        settle(&billing.client, &[UsageRecord { confirmed: false, ..again(&claim, 2, 500) }]).await;
        assert_eq!(billing.spent_and_held(&customer).await, (0, 0));
        assert_eq!(billing.count("select count(*) from billing.usage where charge = 0").await, 1);
        assert_eq!(billing.count("select count(*) from billing.claim").await, 0);
        billing.assert_sound().await;
    }
}

#[tokio::test]
async fn the_highest_claim_settles_when_its_lease_has_closed() {
    let (billing, customer, _, granted) = one_lease().await;
    let first = claim(&customer, &granted, 400);
    let second = UsageRecord { confirmed: false, ..again(&first, 2, 700) };
    settle(&billing.client, &[second]).await;
    settle(&billing.client, &[first]).await;
    billing.shift_clock(61.0).await;
    billing.eventually("select count(*) from billing.lease where state = 'closing'", 1).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 1_000));
    billing.shift_clock(61.0 + 661.0).await;
    billing.eventually("select count(*) from billing.lease where reason = 'settled'", 1).await;
    assert_eq!(billing.spent_and_held(&customer).await, (700, 0));
    assert_eq!(billing.count("select count(*) from billing.attempt where execution = 1").await, 1);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_claim_of_an_earlier_execution_does_not_settle_on_the_word_for_a_later_one() {
    let (billing, customer, edge, granted) = one_lease().await;
    let first = claim(&customer, &granted, 400);
    let second = UsageRecord { confirmed: false, ..again(&first, 2, 700) };
    settle(&billing.client, &[first]).await;
    edge.report(witness(&second, Outcome::Lost)).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 1_000));
    settle(&billing.client, &[second]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (700, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn the_claim_of_a_worker_that_died_is_completed_by_what_the_edge_saw() {
    // The claim's tokens and deltas, what the edge saw, and what is due.
    for (written, deltas, seen, due) in
        [(Some(4), 4, 9, 18), (Some(6), 4, 9, 22), (None, 0, 9, 19), (Some(4), 9, 9, 8)]
    {
        for witness_first in [false, true] {
            let (billing, customer, edge, granted) = one_lease().await;
            let whole = claim(&customer, &granted, 19);
            let cost = written.map_or(0, |tokens| tokens * 2);
            let dead = UsageRecord {
                deltas,
                price: written.and(whole.price.clone()),
                usage: written.map(|tokens| convert::usage_out(&worth(tokens * 2))),
                charge: cost,
                provider_cost: cost,
                ..whole.clone()
            };
            let word = witness(&UsageRecord { deltas: seen, ..whole }, Outcome::Lost);
            if witness_first {
                edge.report(word).await;
                settle(&billing.client, &[dead]).await;
            } else {
                settle(&billing.client, &[dead]).await;
                edge.report(word).await;
            }
            assert_eq!(billing.spent_and_held(&customer).await, (due, 0), "{written:?} {deltas} {seen}");
            let completed = billing.count("select count(*) from billing.usage where evidence = 'both'").await;
            assert_eq!(completed, i64::from(deltas < seen));
            billing.assert_sound().await;
        }
    }
}

#[tokio::test]
async fn a_completed_claim_stays_within_its_reservation() {
    let (billing, customer, edge, granted) = one_lease().await;
    let dead = UsageRecord { deltas: 1, ..claim(&customer, &granted, 990) };
    let word = witness(&UsageRecord { deltas: 101, ..dead.clone() }, Outcome::Lost);
    settle(&billing.client, &[dead]).await;
    edge.report(word).await;
    assert_eq!(billing.spent_and_held(&customer).await, (1_000, 0));
    assert_eq!(billing.count("select count(*) from billing.usage where absorbed = 190").await, 1);
    billing.assert_sound().await;
}

#[tokio::test]
async fn the_edges_word_settles_when_the_worker_and_its_disk_are_gone() {
    let (billing, customer, edge, granted) = one_lease().await;
    let lost = claim(&customer, &granted, 600);
    edge.report(witness(&lost, Outcome::Lost)).await;
    billing.shift_clock(661.0).await;
    billing
        .eventually("select count(*) from billing.usage where evidence = 'edge' and charge = 600", 1)
        .await;
    assert_eq!(billing.spent_and_held(&customer).await, (600, 0));
    // The disk is found again.
    settle(&billing.client, &[lost]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (600, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_claim_after_its_lease_has_closed_settles_at_once() {
    let (billing, customer, _, granted) = one_lease().await;
    billing.shift_clock(61.0).await;
    billing.eventually("select count(*) from billing.lease where state = 'closing'", 1).await;
    billing.shift_clock(61.0 + 661.0).await;
    billing.eventually("select count(*) from billing.lease where reason = 'expired'", 1).await;
    settle(&billing.client, &[claim(&customer, &granted, 400)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (400, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_claim_under_a_returned_lease_is_not_charged() {
    let (billing, customer, edge, _) = one_lease().await;
    let group = GroupId::generate();
    let granted = edge.ask_as(group, &customer, 1_000, 1_000).await.unwrap();
    edge.give_back(group).await;
    settle(&billing.client, &[claim(&customer, &granted, 400)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 1_000));
    assert_eq!(billing.count("select count(*) from billing.usage where waived = 400").await, 1);
    billing.assert_sound().await;
}

#[tokio::test]
async fn claims_of_free_requests_settle_when_due() {
    let (billing, customer, _, _) = one_lease().await;
    let free = UsageRecord {
        price: None,
        provider_cost: 0,
        charge: 0,
        absorbed: 0,
        ..claim(&customer, &nothing_reserved(), 9)
    };
    settle(&billing.client, &[free]).await;
    assert_eq!(billing.count("select count(*) from billing.claim").await, 1);
    billing.shift_clock(661.0).await;
    billing.eventually("select count(*) from billing.usage", 1).await;
    assert_eq!(billing.count("select count(*) from billing.claim").await, 0);
}

#[tokio::test]
async fn a_confirmed_record_wins_over_the_claim_of_the_same_execution() {
    let (billing, customer, edge, granted) = one_lease().await;
    let unconfirmed = claim(&customer, &granted, 600);
    let confirmed = UsageRecord { confirmed: true, ..unconfirmed.clone() };
    settle(&billing.client, std::slice::from_ref(&unconfirmed)).await;
    settle(&billing.client, &[unconfirmed, confirmed.clone()]).await;
    edge.report(witness(&confirmed, Outcome::Finished)).await;
    assert_eq!(billing.spent_and_held(&customer).await, (600, 0));
    assert_eq!(billing.count("select count(*) from billing.usage where evidence = 'worker'").await, 1);
    assert_eq!(billing.count("select count(*) from billing.claim").await, 0);
    assert_eq!(billing.count("select count(*) from billing.witness").await, 0);
    billing.assert_sound().await;
}
