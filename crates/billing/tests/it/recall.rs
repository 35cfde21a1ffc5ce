//! What one edge holds and another is short of.

use std::sync::Arc;

use billing::Config;

use crate::support::edge::Edge;
use crate::support::postgres::Database;
use crate::support::{Billing, config};

/// Waits that no test comes to the end of, where something comes to end them.
fn patient() -> Config {
    Config { recall_wait_ms: 30_000, ..config() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_edge_has_no_use_for_goes_to_the_one_that_is_short() {
    let first = Billing::over(Database::create().await, patient(), None).await;
    // Holder and asker have different replicas.
    let second = Billing::over(Database::of(&first.database), patient(), None).await;
    let customer = first.customer(10_000).await;
    let holder = Arc::new(Edge::join(&first.client, "holder", 1).await);
    let bystander = Edge::join(&first.client, "bystander", 1).await;
    let asker = Edge::join(&second.client, "asker", 1).await;
    let held = holder.ask_shared(&customer, 9_000, 9_000).await.unwrap();
    let trimming = tokio::spawn({
        let (holder, held) = (Arc::clone(&holder), held.clone());
        async move {
            let recalls = holder.recalled(1).await;
            holder.trim(&held, 2_000, false).await;
            recalls
        }
    });
    let granted = asker.ask(&customer, 5_000).await.unwrap();
    assert_eq!(granted.amount, 5_000);
    assert_eq!(trimming.await.unwrap()[0], customer.accounts);
    assert_eq!(bystander.recalls(), 0, "it holds nothing there");
    assert_eq!(first.spent_and_held(&customer).await, (0, 7_000));
    assert!(second.metrics.render().contains(r#"patchbay_billing_recall_waits_total{kind="relieved"} 1"#));
    first.assert_sound().await;
    second.stop().await;
}

#[tokio::test]
async fn where_nobody_holds_anything_an_ask_is_denied_at_once() {
    // A wait would be noticed: the test would not end.
    let config = Config { recall_wait_ms: 3_600_000, ..config() };
    let billing = Billing::over(Database::create().await, config, None).await;
    let customer = billing.customer(1_000).await;
    let other = Edge::join(&billing.client, "other", 1).await;
    let asker = Edge::join(&billing.client, "asker", 1).await;
    // One request's own lease is never wanted back, nor what the asker holds itself.
    other.ask(&customer, 500).await.unwrap();
    asker.ask_shared(&customer, 400, 400).await.unwrap();
    let denied = asker.ask(&customer, 200).await.unwrap_err();
    assert_eq!((denied.reason.as_str(), denied.available), ("credit", 100));
    assert_eq!(denied.account_id, customer.accounts[0]);
    assert_eq!(other.recalls() + asker.recalls(), 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn what_is_in_use_elsewhere_is_denied_when_the_wait_is_over() {
    let config = Config { recall_wait_ms: 100, ..config() };
    let billing = Billing::over(Database::create().await, config, None).await;
    let mut customer = billing.customer(100_000).await;
    billing.limit(&mut customer, Some(1_000), "").await;
    let holder = Edge::join(&billing.client, "holder", 1).await;
    let asker = Edge::join(&billing.client, "asker", 1).await;
    holder.ask_shared(&customer, 1_000, 1_000).await.unwrap();
    let denied = asker.ask(&customer, 500).await.unwrap_err();
    assert_eq!((denied.reason.as_str(), denied.available), ("key_limit", 0));
    assert_ne!(denied.account_id, "");
    assert_eq!(holder.recalled(1).await[0], [denied.account_id]);
    billing.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asks_that_are_not_short_do_not_wait_behind_one_that_is() {
    let config = Config { recall_wait_ms: 3_600_000, ..config() };
    let billing = Billing::over(Database::create().await, config, None).await;
    let (poor, rich) = (billing.customer(1_000).await, billing.customer(1_000_000).await);
    let holder = Edge::join(&billing.client, "holder", 1).await;
    let asker = Arc::new(Edge::join(&billing.client, "asker", 1).await);
    let held = holder.ask_shared(&poor, 1_000, 1_000).await.unwrap();
    let short = tokio::spawn({
        let (asker, poor) = (Arc::clone(&asker), poor.clone());
        async move { asker.ask(&poor, 500).await }
    });
    holder.recalled(1).await;
    for _ in 0..50 {
        assert_eq!(asker.ask(&rich, 500).await.unwrap().amount, 500);
    }
    assert!(!short.is_finished());
    holder.trim(&held, 0, true).await;
    assert_eq!(short.await.unwrap().unwrap().amount, 500);
    billing.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_asks_that_are_short_make_few_recalls() {
    let billing = Billing::over(Database::create().await, patient(), None).await;
    let customer = billing.customer(100_000).await;
    let holder = Edge::join(&billing.client, "holder", 1).await;
    let asker = Edge::join(&billing.client, "asker", 1).await;
    let held = holder.ask_shared(&customer, 100_000, 100_000).await.unwrap();
    let asks = futures::future::join_all((0..100).map(|_| asker.ask(&customer, 1_000)));
    let trim = async {
        holder.recalled(1).await;
        holder.trim(&held, 0, false).await;
    };
    let (granted, ()) = tokio::join!(asks, trim);
    assert!(granted.iter().all(Result::is_ok));
    // Each again only after a pause, and none once there is nothing to be had.
    assert!(holder.recalls() < 20, "{}", holder.recalls());
    assert_eq!(billing.spent_and_held(&customer).await, (0, 100_000));
    billing.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recall_that_nobody_was_told_of_is_found() {
    let billing = Billing::over(Database::create().await, patient(), None).await;
    let customer = billing.customer(1_000).await;
    let holder = Edge::join(&billing.client, "holder", 1).await;
    holder.ask_shared(&customer, 1_000, 1_000).await.unwrap();
    // Written as another replica would, and its notification lost.
    sqlx::query("insert into billing.recall select $1::uuid, billing.clock()")
        .bind(customer.accounts[0].clone())
        .execute(billing.admin())
        .await
        .unwrap();
    assert_eq!(holder.recalled(1).await[0], customer.accounts);
}
