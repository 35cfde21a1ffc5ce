//! Promotions that expire.

use chrono::{Duration, Utc};
use rpc::billing::GrantCreditRequest;

use crate::support::edge::Edge;
use crate::support::records::{record, settle};
use crate::support::{Billing, Customer, promotion};

/// A promotion that is over in so many hours.
async fn grant(billing: &Billing, customer: &Customer, amount: i64, source: &str, hours: i64) {
    let expires_at_ms = (Utc::now() + Duration::hours(hours)).timestamp_millis();
    let request = GrantCreditRequest { expires_at_ms, ..promotion(customer.tenant, amount, source) };
    billing.client.clone().grant_credit(request).await.unwrap();
}

async fn spend(billing: &Billing, edge: &Edge, customer: &Customer, charge: i64) {
    let granted = edge.ask(customer, charge).await.unwrap();
    settle(&billing.client, &[record(customer, &granted, charge)]).await;
}

async fn balance(billing: &Billing, customer: &Customer) -> i64 {
    let credits = billing.credits(customer.tenant).await;
    credits.total_credits - credits.total_usage
}

#[tokio::test]
async fn what_is_left_of_a_promotion_goes_when_its_time_is_over() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let bought =
        GrantCreditRequest { kind: "purchase".to_owned(), ..promotion(customer.tenant, 1_000, "wire") };
    billing.client.clone().grant_credit(bought).await.unwrap();
    spend(&billing, &edge, &customer, 100).await;
    // The one that is over first is spent first, whichever was given first; what was spent before counts for none.
    grant(&billing, &customer, 500, "later", 48).await;
    grant(&billing, &customer, 300, "sooner", 24).await;
    spend(&billing, &edge, &customer, 200).await;
    billing.shift_clock(25.0 * 3_600.0).await;
    billing
        .eventually("select count(*) from billing.transfer where kind = 'expiry' and amount = 100", 1)
        .await;
    assert_eq!(balance(&billing, &customer).await, 900 + 500);
    let edge = Edge::join(&billing.client, "edge", 2).await;
    spend(&billing, &edge, &customer, 450).await;
    billing.shift_clock(49.0 * 3_600.0).await;
    billing
        .eventually("select count(*) from billing.transfer where kind = 'expiry' and amount = 50", 1)
        .await;
    assert_eq!(balance(&billing, &customer).await, 900);
    assert_eq!(billing.platform("breakage").await, 150);
    billing.assert_sound().await;
}

#[tokio::test]
async fn held_credit_does_not_expire_until_it_is_free() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    grant(&billing, &customer, 500, "gift", 1).await;
    billing.shift_clock(3_500.0).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 400).await.unwrap();
    billing.shift_clock(3_605.0).await;
    billing.eventually("select expired from billing.promotion", 100).await;
    assert_eq!(balance(&billing, &customer).await, 400);
    settle(&billing.client, &[record(&customer, &granted, 150)]).await;
    billing.eventually("select expired from billing.promotion", 350).await;
    assert_eq!(balance(&billing, &customer).await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_grant_is_repeated_with_its_time_or_not_at_all() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let expires_at_ms = (Utc::now() + Duration::hours(1)).timestamp_millis();
    let request = GrantCreditRequest { expires_at_ms, ..promotion(customer.tenant, 500, "gift") };
    let mut client = billing.client.clone();
    client.grant_credit(request.clone()).await.unwrap();
    client.grant_credit(request.clone()).await.unwrap();
    let other = GrantCreditRequest { expires_at_ms: 0, ..request.clone() };
    assert_eq!(client.grant_credit(other).await.unwrap_err().code(), tonic::Code::FailedPrecondition);
    let bought = GrantCreditRequest { kind: "purchase".to_owned(), ..request };
    assert_eq!(client.grant_credit(bought).await.unwrap_err().code(), tonic::Code::InvalidArgument);
}
