//! Every planted corruption is named.

use rpc::billing::CheckInvariantsRequest;
use rpc::events::UsageRecord;

use crate::support::Billing;
use crate::support::edge::Edge;
use crate::support::records::{record, settle};

/// Ways to break the books, past triggers, and the invariant that must name each.
const CORRUPTIONS: [(&str, &str); 18] = [
    ("I1", "update billing.balance set added = added + 1 where strict"),
    ("I1", "update billing.transfer set amount = amount + 1 where kind = 'promotion'"),
    ("I1", "delete from billing.account where kind = 'platform' and code = 'revenue'"),
    ("I2", "update billing.balance set held = held + 1 where strict"),
    ("I2", "update billing.lease set granted = granted + 1 where state <> 'closed'"),
    ("I3", "update billing.transfer set amount = amount + 1 where kind = 'usage'"),
    ("I3", "delete from billing.transfer where kind = 'provider_cost'"),
    ("I4", "delete from billing.usage"),
    ("I5", "delete from billing.settlement"),
    ("I5", "delete from billing.usage"),
    ("I6", "update billing.usage set reserved = 1"),
    ("I6", "update billing.lease set consumed = consumed + 1 where state = 'closed'"),
    ("I7", "update billing.balance set spent = spent + 1 where not strict"),
    ("I7", "update billing.key_usage set charge = charge - 1"),
    ("I8", "update billing.usage set output = output + 5"),
    ("I8", "update billing.usage set image_output = image_output + 5"),
    ("I8", "update billing.price_version set base[5] = base[5] * 2"),
    ("I12", "update billing.usage set provider_response_id = 'same'"),
];

#[tokio::test]
async fn planted_corruptions_are_named() {
    let billing = Billing::start().await;
    let mut customer = billing.customer(1_000_000).await;
    billing.limit(&mut customer, Some(500_000), "").await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let mut records = Vec::new();
    for nanos in [200, 301] {
        let granted = edge.ask(&customer, 1_000).await.unwrap();
        records.push(record(&customer, &granted, nanos));
    }
    settle(&billing.client, &records).await;
    edge.ask(&customer, 1_000).await.unwrap();
    billing.assert_sound().await;

    for (invariant, corruption) in CORRUPTIONS {
        let mut transaction = billing.admin().begin().await.unwrap();
        sqlx::raw_sql("set local session_replication_role = replica")
            .execute(&mut *transaction)
            .await
            .unwrap();
        sqlx::raw_sql(corruption).execute(&mut *transaction).await.unwrap();
        let named: Vec<String> = sqlx::query_scalar("select distinct invariant from billing.invariants()")
            .fetch_all(&mut *transaction)
            .await
            .unwrap();
        assert!(named.iter().any(|name| name == invariant), "{corruption}: {named:?}");
        transaction.rollback().await.unwrap();
    }
    billing.assert_sound().await;
}

#[tokio::test]
async fn what_outlives_its_grace_is_named() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    edge.ask(&customer, 1_000).await.unwrap();
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let claim = UsageRecord { confirmed: false, ..record(&customer, &granted, 200) };
    settle(&billing.client, &[claim]).await;
    // Nobody sweeps any more.
    billing.stop().await;
    billing.shift_clock(2_000.0).await;
    let named: Vec<String> = sqlx::query_scalar("select invariant from billing.invariants() order by 1")
        .fetch_all(billing.admin())
        .await
        .unwrap();
    assert_eq!(named, ["I10", "I10", "I10"]);
}

#[tokio::test]
async fn a_check_of_the_recent_past_passes_over_older_records_only() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    settle(&billing.client, &[record(&customer, &granted, 200)]).await;
    let breaches = "select count(*) from billing.invariants(billing.clock() - interval '1 hour')";
    assert_eq!(billing.count(breaches).await, 0);
    sqlx::raw_sql("update billing.usage set output = output + 5").execute(billing.admin()).await.unwrap();
    assert_eq!(billing.count(breaches).await, 1);
    billing.shift_clock(7_200.0).await;
    assert_eq!(billing.count(breaches).await, 0);
    assert_eq!(billing.count("select count(*) from billing.invariants()").await, 1);
}

#[tokio::test]
async fn a_check_waits_for_its_turn_in_other_time_than_its_own() {
    let billing = Billing::start().await;
    let mut other = billing.admin().begin().await.unwrap();
    sqlx::raw_sql("select pg_advisory_xact_lock(7305803385020)").execute(&mut *other).await.unwrap();
    let mut client = billing.client.clone();
    let checking = client.check_invariants(CheckInvariantsRequest { kept: false });
    let turn = async {
        // Each statement has a time of its own. The job may be waiting, too.
        let waiting = "select least(count(*), 1) from pg_stat_activity where datname = current_database()
             and wait_event = 'advisory' and query not like '%check_books%'";
        billing.eventually(waiting, 1).await;
        other.rollback().await.unwrap();
    };
    let (checked, ()) = futures::join!(checking, turn);
    checked.expect("the check runs when the other one is done");
}
