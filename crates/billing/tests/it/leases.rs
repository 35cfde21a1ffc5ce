//! Granting, returning, fencing and freeing.

use std::sync::Arc;

use identity::GroupId;

use crate::support::edge::Edge;
use crate::support::postgres::Database;
use crate::support::records::{record, settle};
use crate::support::{Billing, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_for_a_hundred_admits_exactly_a_hundred() {
    let billing = Billing::start().await;
    let customer = billing.customer(100 * 1_000).await;
    let edges = [
        Arc::new(Edge::join(&billing.client, "edge-1", 1).await),
        Arc::new(Edge::join(&billing.client, "edge-2", 1).await),
    ];
    let tasks = (0..64_usize).map(|task| {
        let (edge, customer) = (Arc::clone(&edges[task % 2]), customer.clone());
        tokio::spawn(async move {
            let mut admitted = 0;
            for _ in 0..20 {
                match edge.ask(&customer, 1_000).await {
                    Ok(granted) => {
                        assert_eq!(granted.amount, 1_000);
                        admitted += 1;
                    }
                    Err(denied) => assert_eq!((denied.reason.as_str(), denied.available), ("credit", 0)),
                }
            }
            admitted
        })
    });
    let admitted: i32 = futures::future::join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(admitted, 100);
    assert_eq!(billing.spent_and_held(&customer).await, (0, 100_000));
    billing.assert_sound().await;
}

#[tokio::test]
async fn an_ask_takes_from_all_accounts_or_from_none() {
    let billing = Billing::start().await;
    let mut customer = billing.customer(10_000).await;
    billing.limit(&mut customer, Some(3_000), "daily").await;
    assert_eq!(customer.accounts.len(), 2);
    let edge = Edge::join(&billing.client, "edge", 1).await;

    let granted = edge.ask(&customer, 2_000).await.unwrap();
    assert_eq!(granted.leases.len(), 2);
    assert!(granted.leases.iter().all(|lease| lease.amount == 2_000 && lease.epoch == 1));
    let denied = edge.ask(&customer, 2_000).await.unwrap_err();
    assert_eq!((denied.reason.as_str(), denied.available), ("key_limit", 1_000));
    // Less than wanted, but not less than the floor: the shortest account decides.
    let granted = edge.ask_as(GroupId::generate(), &customer, 2_000, 500).await.unwrap();
    assert_eq!(granted.amount, 1_000);
    assert_eq!(billing.spent_and_held(&customer).await, (0, 3_000));
    billing.assert_sound().await;
}

#[tokio::test]
async fn asking_again_with_the_same_group_changes_nothing() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let group = GroupId::generate();
    let first = edge.ask_as(group, &customer, 4_000, 4_000).await.unwrap();
    let second = edge.ask_as(group, &customer, 4_000, 4_000).await.unwrap();
    assert_eq!(first.leases, second.leases);
    assert_eq!(billing.spent_and_held(&customer).await, (0, 4_000));

    edge.give_back(group).await;
    edge.give_back(group).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 0));
    let denied = edge.ask_as(group, &customer, 4_000, 4_000).await.unwrap_err();
    assert_eq!(denied.reason, "closed");
    billing.assert_sound().await;
}

#[tokio::test]
async fn what_is_granted_after_it_was_returned_is_freed_at_once() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let group = GroupId::generate();
    let mut in_the_way = billing.admin().begin().await.unwrap();
    sqlx::query("select from billing.balance for update").execute(&mut *in_the_way).await.unwrap();
    let denied = edge.ask_as(group, &customer, 4_000, 4_000).await.unwrap_err();
    assert_eq!(denied.reason, "unavailable");
    edge.give_back(group).await;
    in_the_way.rollback().await.unwrap();
    billing.eventually("select count(*) from billing.lease where reason = 'returned'", 1).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn foreign_and_unknown_accounts_are_refused_beside_others_of_the_same_batch() {
    let billing = Billing::start().await;
    let (ours, theirs) = (billing.customer(10_000).await, billing.customer(10_000).await);
    let mut thief = ours.clone();
    thief.accounts = theirs.accounts.clone();
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let (stolen, honest) = tokio::join!(edge.ask(&thief, 100), edge.ask(&ours, 100));
    assert_eq!(stolen.unwrap_err().reason, "unknown_account");
    assert_eq!(honest.unwrap().amount, 100);
    assert_eq!(billing.spent_and_held(&theirs).await, (0, 0));
}

#[tokio::test]
async fn a_lease_without_heartbeat_is_fenced_first_and_freed_after_its_grace() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    edge.ask(&customer, 4_000).await.unwrap();

    billing.shift_clock(61.0).await;
    billing.eventually("select count(*) from billing.lease where state = 'closing'", 1).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 4_000));
    billing.assert_sound().await;

    billing.shift_clock(61.0 + 661.0).await;
    billing.eventually("select count(*) from billing.lease where reason = 'expired'", 1).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_heartbeat_extends_every_lease_but_not_beyond_the_longest_request() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    edge.ask(&customer, 1_000).await.unwrap();
    edge.ask(&customer, 1_000).await.unwrap();
    for seconds in [50.0, 100.0, 150.0] {
        billing.shift_clock(seconds).await;
        edge.beat().await;
        // A call on the same session comes after the beat.
        edge.give_back(GroupId::generate()).await;
    }
    assert_eq!(billing.count("select count(*) from billing.lease where state = 'active'").await, 2);

    // The edge lives on, the requests cannot.
    for seconds in (200..=600).step_by(50) {
        billing.shift_clock(f64::from(seconds)).await;
        edge.beat().await;
        edge.give_back(GroupId::generate()).await;
    }
    billing.shift_clock(601.0).await;
    billing.eventually("select count(*) from billing.lease where state = 'closing'", 2).await;
}

#[tokio::test]
async fn a_later_life_of_an_edge_fences_the_earlier_one() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let old = Edge::join(&billing.client, "edge", 1).await;
    let granted = old.ask(&customer, 1_000).await.unwrap();
    let new = Edge::join(&billing.client, "edge", 2).await;
    new.ask(&customer, 1_000).await.unwrap();
    billing.eventually("select count(*) from billing.lease where state = 'closing' and epoch = 1", 1).await;
    assert_eq!(
        billing.count("select count(*) from billing.lease where state = 'active' and epoch = 2").await,
        1
    );

    old.beat().await;
    for _ in 0..500 {
        if old.ended().is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(old.ended().unwrap().code(), tonic::Code::FailedPrecondition);
    // What was executed under the old life is charged all the same.
    settle(&billing.client, &[record(&customer, &granted, 700)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (700, 1_000));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_session_that_does_not_begin_with_hello_is_refused() {
    use rpc::billing::lease_up::Message as Up;
    use rpc::billing::{Heartbeat, LeaseUp};
    let billing = Billing::start().await;
    let up = LeaseUp { message: Some(Up::Heartbeat(Heartbeat::default())) };
    let messages = tokio_stream::iter([up]);
    let mut down = billing.client.clone().lease_session(messages).await.unwrap().into_inner();
    assert_eq!(down.message().await.unwrap_err().code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn sessions_end_when_the_process_stops() {
    let billing = Billing::over(Database::create().await, config(), None).await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    edge.ask(&customer, 1_000).await.unwrap();
    billing.stop().await;
    assert_eq!(edge.ended().unwrap().code(), tonic::Code::Unavailable);
}
