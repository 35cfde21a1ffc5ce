//! Refunds and chargebacks.

use http::Method;
use rpc::billing::{Payment, RefundPaymentRequest};
use serde_json::json;

use crate::support::edge::Edge;
use crate::support::records::{record, settle};
use crate::support::stripe::{GOOD, Stripe, USD};
use crate::support::{Billing, Customer, promotion};

/// What an operator asks for.
fn refund(payment: &Payment, amount: Option<i64>, source: &str) -> RefundPaymentRequest {
    RefundPaymentRequest {
        payment_id: payment.payment_id.clone(),
        tenant_id: String::new(),
        amount: amount.map(|usd| usd * USD),
        reason: "asked for".to_owned(),
        actor: "operator:test".to_owned(),
        source_id: source.to_owned(),
    }
}

async fn spend(billing: &Billing, customer: &Customer, charge: i64) {
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(customer, charge).await.unwrap();
    settle(&billing.client, &[record(customer, &granted, charge)]).await;
}

#[tokio::test]
async fn what_is_left_is_refunded_once_and_never_what_was_spent_held_or_given() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    let payment = billing.buy(&stripe, &customer, 20, "order").await;
    billing.client.clone().grant_credit(promotion(customer.tenant, 3 * USD, "gift")).await.unwrap();
    // Eight are spent, of which three were the gift; four are held.
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 8 * USD).await.unwrap();
    settle(&billing.client, &[record(&customer, &granted, 8 * USD)]).await;
    edge.ask(&customer, 4 * USD).await.unwrap();
    let mut payments = billing.payments.clone();
    let refused = payments.refund_payment(refund(&payment, Some(12), "much")).await.unwrap_err();
    assert!(refused.message().contains("at most 11.00 USD"), "{refused}");
    for _ in 0..2 {
        let refunded =
            payments.refund_payment(refund(&payment, Some(10), "some")).await.unwrap().into_inner();
        assert_eq!(refunded.reversals.len(), 1);
        assert_eq!((refunded.reversals[0].state.as_str(), refunded.state.as_str()), ("done", "succeeded"));
    }
    let other = payments.refund_payment(refund(&payment, Some(1), "some")).await.unwrap_err();
    assert_eq!(other.code(), tonic::Code::FailedPrecondition);
    let rest = payments.refund_payment(refund(&payment, None, "rest")).await.unwrap().into_inner();
    assert_eq!(rest.reversals.iter().map(|reversal| reversal.amount).sum::<i64>(), 11 * USD);
    payments.refund_payment(refund(&payment, None, "more")).await.unwrap_err();
    assert_eq!(billing.balance(&customer).await, 4 * USD);
    assert_eq!(stripe.count("refunds").await, 2);
    assert_eq!(billing.platform("cash_clearing").await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_tenant_refunds_itself_within_a_day_and_only_its_own() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let (customer, other) = (billing.customer(0).await, billing.customer(0).await);
    let payment = billing.buy(&stripe, &customer, 20, "order").await;
    let mut payments = billing.payments.clone();
    let foreign =
        RefundPaymentRequest { tenant_id: other.tenant.to_string(), ..refund(&payment, Some(1), "foreign") };
    assert_eq!(payments.refund_payment(foreign).await.unwrap_err().code(), tonic::Code::NotFound);
    let own =
        RefundPaymentRequest { tenant_id: customer.tenant.to_string(), ..refund(&payment, Some(5), "own") };
    payments.refund_payment(own.clone()).await.unwrap();
    assert_eq!(billing.terms(customer.tenant, customer.key).await.bought, 15 * USD);
    billing.shift_clock(24.0 * 3_600.0 + 1.0).await;
    let late = RefundPaymentRequest { source_id: "late".to_owned(), ..own };
    assert!(payments.refund_payment(late).await.unwrap_err().message().contains("is over"));
    let all = payments.refund_payment(refund(&payment, None, "operator")).await.unwrap().into_inner();
    assert_eq!((all.state.as_str(), billing.balance(&customer).await), ("refunded", 0));
    let terms = billing.terms(customer.tenant, customer.key).await;
    assert_eq!((terms.has_paid, terms.bought), (false, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_made_once() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    let payment = billing.buy(&stripe, &customer, 20, "order").await;
    stripe.control(Method::POST, "faults", json!({ "drop_answers": 1, "mute": true })).await;
    let mut payments = billing.payments.clone();
    let waiting = payments.refund_payment(refund(&payment, Some(5), "some")).await.unwrap().into_inner();
    assert_eq!(waiting.reversals[0].state, "pending");
    assert_eq!(billing.balance(&customer).await, 15 * USD);
    billing.shift_clock(61.0).await;
    billing.eventually("select count(*) from billing.reversal where state = 'done'", 1).await;
    assert_eq!(stripe.count("refunds").await, 1);
    assert_eq!(billing.platform("cash_clearing").await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_refund_that_the_processor_refuses_is_given_back() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    let payment = billing.buy(&stripe, &customer, 20, "order").await;
    stripe.control(Method::POST, "faults", json!({ "fail_refunds": 1 })).await;
    let refused = billing.payments.clone().refund_payment(refund(&payment, None, "all")).await.unwrap();
    let refused = refused.into_inner();
    assert_eq!((refused.state.as_str(), refused.reversals[0].state.as_str()), ("succeeded", "undone"));
    assert_eq!(billing.balance(&customer).await, 20 * USD);
    billing.assert_sound().await;
}

#[tokio::test]
async fn events_in_any_order_come_to_the_same() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    let payment = billing.checkout(&customer, 20, "order").await;
    assert_eq!(stripe.pay(&payment, GOOD).await, 303);
    let paid = stripe.events().await;
    let intent = paid.iter().find(|event| event["type"] == "payment_intent.succeeded").unwrap();
    let intent = intent["data"]["object"]["id"].as_str().unwrap();
    // Made at the processor, by people; we hear of it before we hear of the payment.
    let (status, _) =
        stripe.api(Method::POST, "refunds", None, &format!("payment_intent={intent}&amount=700")).await;
    assert_eq!(status, 200);
    let mut events = stripe.events().await;
    events.reverse();
    billing.hear(&events).await;
    events.reverse();
    billing.hear(&events).await;
    assert_eq!(billing.balance(&customer).await, 13 * USD);
    assert_eq!(billing.platform("cash_clearing").await, 0);
    assert_eq!(billing.count("select count(*) from billing.reversal").await, 1);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_chargeback_takes_what_is_there_and_the_rest_is_owed_until_it_is_there() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    let payment = billing.buy(&stripe, &customer, 20, "order").await;
    spend(&billing, &customer, 8 * USD).await;
    stripe.control(Method::POST, "disputes", json!({ "payment_intent": payment.intent_id })).await;
    billing.hear(&stripe.events().await).await;
    let disputed = billing.payment(&payment).await;
    let reversal = &disputed.reversals[0];
    assert_eq!((disputed.state.as_str(), reversal.state.as_str()), ("disputed", "pending"));
    assert_eq!((reversal.credit, reversal.owed), (12 * USD, 8 * USD));
    assert_eq!(billing.balance(&customer).await, 0);
    assert_eq!(billing.platform("chargeback_loss").await, -8 * USD);
    assert_eq!(billing.count("select count(*) from billing.payer where flagged").await, 1);
    let terms = billing.terms(customer.tenant, customer.key).await;
    assert_eq!((terms.has_paid, terms.bought), (false, 0));
    billing.client.clone().grant_credit(promotion(customer.tenant, 3 * USD, "gift")).await.unwrap();
    billing.eventually("select lost / 1000000000 from billing.reversal", 5).await;
    assert_eq!(billing.balance(&customer).await, 0);
    assert_eq!(billing.platform("cash_clearing").await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_dispute_that_is_won_gives_everything_back() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    let payment = billing.buy(&stripe, &customer, 20, "order").await;
    spend(&billing, &customer, 8 * USD).await;
    let dispute =
        stripe.control(Method::POST, "disputes", json!({ "payment_intent": payment.intent_id })).await;
    billing.hear(&stripe.events().await).await;
    let path = format!("disputes/{}/close", dispute["id"].as_str().unwrap());
    stripe.control(Method::POST, &path, json!({ "status": "won" })).await;
    billing.hear(&stripe.events().await).await;
    let won = billing.payment(&payment).await;
    assert_eq!((won.state.as_str(), won.reversals[0].state.as_str()), ("succeeded", "undone"));
    assert_eq!(billing.balance(&customer).await, 12 * USD);
    assert_eq!(billing.platform("chargeback_loss").await, 0);
    assert_eq!(billing.platform("cash_clearing").await, 0);
    assert_eq!(billing.count("select count(*) from billing.payer where flagged").await, 0);
    let terms = billing.terms(customer.tenant, customer.key).await;
    assert_eq!((terms.has_paid, terms.bought), (true, 20 * USD));
    billing.assert_sound().await;
}
