//! Buying credit, against a server that speaks as the processor does.

use http::Method;
use rpc::billing::{CreateCheckoutRequest, GetAutoTopUpRequest, ListPaymentsRequest, PutAutoTopUpRequest};
use serde_json::json;

use crate::support::edge::Edge;
use crate::support::records::{record, settle};
use crate::support::stripe::{GOOD, SECRET, Stripe, USD, signature};
use crate::support::{Billing, Customer, postgres::Database};

fn checkout(customer: &Customer, amount: i64, source: &str) -> CreateCheckoutRequest {
    CreateCheckoutRequest {
        tenant_id: customer.tenant.to_string(),
        amount,
        source_id: source.to_owned(),
        save_card: false,
        return_url: String::new(),
    }
}

#[tokio::test]
async fn without_a_key_payments_are_not_configured() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let refused =
        billing.payments.clone().create_checkout(checkout(&customer, 10 * USD, "a")).await.unwrap_err();
    assert!(refused.message().contains("not configured"), "{refused}");
    assert_eq!(rpc::Fault::from_status(&refused).status, 501);
}

#[tokio::test]
async fn bad_amounts_are_named_and_a_source_buys_one_thing() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    let mut payments = billing.payments.clone();
    for amount in [0, -USD, 4 * USD, 25_001 * USD, 10 * USD + 1] {
        let refused = payments.create_checkout(checkout(&customer, amount, "a")).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{amount}");
    }
    let first = billing.checkout(&customer, 10, "a").await;
    assert_eq!(billing.checkout(&customer, 10, "a").await, first);
    let other = payments.create_checkout(checkout(&customer, 11 * USD, "a")).await.unwrap_err();
    assert_eq!(other.code(), tonic::Code::FailedPrecondition);
    assert_eq!((first.state.as_str(), stripe.count("payment_intents").await), ("pending", 0));
}

#[tokio::test]
async fn an_event_told_fifty_times_at_once_buys_once_and_forged_or_old_ones_nothing() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    let payment = billing.checkout(&customer, 20, "order").await;
    assert_eq!(stripe.pay(&payment, GOOD).await, 303);
    let events = stripe.events().await;
    let body = events.iter().find(|event| event["type"] == "payment_intent.succeeded").unwrap().to_string();

    for (header, why) in [
        (signature("whsec_of_somebody", &body, 0), "forged"),
        (signature(SECRET, &body, 301), "301 seconds old"),
        (signature(SECRET, "{}", 0), "of another body"),
        (String::new(), "absent"),
    ] {
        let refused = billing.receive(body.clone(), header).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{why}");
        assert_eq!(billing.balance(&customer).await, 0, "{why}");
    }
    let telling = (0..50).map(|_| billing.receive(body.clone(), signature(SECRET, &body, 0)));
    for told in futures::future::join_all(telling).await {
        told.unwrap();
    }
    assert_eq!(billing.balance(&customer).await, 20 * USD);
    assert_eq!(billing.count("select count(*) from billing.transfer where kind = 'purchase'").await, 1);
    billing.hear(&events).await;
    assert_eq!(billing.balance(&customer).await, 20 * USD);
    let terms = billing.terms(customer.tenant, customer.key).await;
    assert_eq!((terms.has_paid, terms.bought), (true, 20 * USD));
    billing.assert_sound().await;
}

#[tokio::test]
async fn without_a_secret_no_event_is_believed() {
    let stripe = Stripe::start().await;
    let mut config = stripe.config();
    config.payments.stripe_webhook_secret = "".into();
    let billing = Billing::over(Database::create().await, config, None).await;
    let refused = billing.receive("{}".to_owned(), signature("", "{}", 0)).await.unwrap_err();
    assert_eq!(rpc::Fault::from_status(&refused).status, 501);
}

#[tokio::test]
async fn clearing_comes_to_nothing_once_the_processor_has_booked_a_payment() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    billing.buy(&stripe, &customer, 100, "order").await;
    // 2.9 % and 30 cents.
    let fee = 3_200_000_000;
    assert_eq!(billing.platform("cash_clearing").await, 0);
    assert_eq!(billing.platform("processor_fees").await, -fee);
    assert_eq!(billing.platform("cash").await, -(100 * USD - fee));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_payment_that_no_event_tells_of_is_asked_about() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    let paid = billing.checkout(&customer, 20, "paid").await;
    let left = billing.checkout(&customer, 20, "left").await;
    assert_eq!(stripe.pay(&paid, GOOD).await, 303);
    billing.shift_clock(61.0).await;
    billing.eventually("select count(*) from billing.payment where state = 'succeeded'", 1).await;
    let (status, _) =
        stripe.api(Method::POST, &format!("checkout/sessions/{}/expire", left.session_id), None, "").await;
    assert_eq!(status, 200);
    billing.shift_clock(122.0).await;
    billing.eventually("select count(*) from billing.payment where state = 'failed'", 1).await;
    assert_eq!(billing.balance(&customer).await, 20 * USD);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_declined_card_may_be_followed_by_a_better_one() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    let payment = billing.checkout(&customer, 20, "order").await;
    assert_eq!(stripe.pay(&payment, "4000000000000002").await, 402);
    billing.hear(&stripe.events().await).await;
    assert_eq!(billing.payment(&payment).await.state, "pending");
    assert_eq!(billing.balance(&customer).await, 0);
    assert_eq!(stripe.pay(&payment, GOOD).await, 303);
    billing.hear(&stripe.events().await).await;
    assert_eq!(billing.payment(&payment).await.state, "succeeded");
    assert_eq!(billing.balance(&customer).await, 20 * USD);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_page_that_was_made_and_not_heard_of_is_the_same_page() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    stripe.control(Method::POST, "faults", json!({ "drop_answers": 1 })).await;
    let mut payments = billing.payments.clone();
    let lost = payments.create_checkout(checkout(&customer, 20 * USD, "order")).await.unwrap_err();
    assert_eq!(lost.code(), tonic::Code::Unavailable);
    let found = billing.checkout(&customer, 20, "order").await;
    let (_, same) =
        stripe.api(Method::GET, &format!("checkout/sessions/{}", found.session_id), None, "").await;
    assert_eq!(same["client_reference_id"], found.payment_id.as_str());
    assert_eq!(stripe.pay(&found, GOOD).await, 303);
    billing.hear(&stripe.events().await).await;
    assert_eq!(billing.balance(&customer).await, 20 * USD);
    assert_eq!(stripe.count("payment_intents").await, 1);
}

/// A customer whose card is saved and who has what `usd` bought.
async fn with_card(stripe: &Stripe, billing: &Billing, usd: i64, card: &str) -> Customer {
    let customer = billing.customer(0).await;
    let wish = CreateCheckoutRequest { save_card: true, ..checkout(&customer, usd * USD, "first") };
    let payment = billing.payments.clone().create_checkout(wish).await.unwrap().into_inner();
    assert_eq!(stripe.pay(&payment, card).await, 303);
    billing.hear(&stripe.events().await).await;
    assert_eq!(billing.payment(&payment).await.state, "succeeded");
    customer
}

fn auto(customer: &Customer, threshold: i64, amount: i64) -> PutAutoTopUpRequest {
    let tenant_id = customer.tenant.to_string();
    PutAutoTopUpRequest { tenant_id, enabled: true, threshold: threshold * USD, amount: amount * USD }
}

async fn spend(billing: &Billing, customer: &Customer, charge: i64) {
    let edge = Edge::join(&billing.client, &format!("edge-{}", customer.key), 1).await;
    let granted = edge.ask(customer, charge).await.unwrap();
    settle(&billing.client, &[record(customer, &granted, charge)]).await;
}

#[tokio::test]
async fn two_replicas_that_see_a_low_balance_charge_once() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let twin = Billing::over(Database::of(&billing.database), stripe.config(), None).await;
    let customer = with_card(&stripe, &billing, 10, GOOD).await;
    let mut payments = billing.payments.clone();
    let put = payments.put_auto_top_up(auto(&customer, 5, 20)).await.unwrap().into_inner();
    assert_eq!((put.enabled, put.card_last4.as_str()), (true, "4242"));
    assert_eq!(stripe.count("payment_intents").await, 1);
    spend(&billing, &customer, 6 * USD).await;
    billing
        .eventually(
            "select count(*) from billing.payment where kind = 'auto_top_up' and state = 'succeeded'",
            1,
        )
        .await;
    // Many more looks of both find nothing to do.
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert_eq!(billing.balance(&customer).await, 24 * USD);
    assert_eq!(stripe.count("payment_intents").await, 2);
    assert_eq!(billing.platform("cash_clearing").await, 0);
    billing.assert_sound().await;
    twin.stop().await;
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_found_again() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = with_card(&stripe, &billing, 10, GOOD).await;
    stripe.control(Method::POST, "faults", json!({ "drop_answers": 2, "mute": true })).await;
    billing.payments.clone().put_auto_top_up(auto(&customer, 50, 20)).await.unwrap();
    billing
        .eventually(
            "select count(*) from billing.payment where kind = 'auto_top_up' and state = 'pending'",
            1,
        )
        .await;
    for shift in [61.0, 122.0, 183.0] {
        billing.shift_clock(shift).await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    billing
        .eventually(
            "select count(*) from billing.payment where kind = 'auto_top_up' and state = 'succeeded'",
            2,
        )
        .await;
    // 10 and 20 are below 50, so it goes on until it is reached: each purchase was charged once.
    billing
        .eventually(
            "select count(*) from billing.payment where kind = 'auto_top_up' and state = 'pending'",
            0,
        )
        .await;
    assert_eq!(billing.balance(&customer).await, 50 * USD);
    assert_eq!(stripe.count("payment_intents").await, 3);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_declined_charge_is_tried_again_after_an_hour_and_not_before() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = with_card(&stripe, &billing, 10, "4000000000000341").await;
    billing.payments.clone().put_auto_top_up(auto(&customer, 50, 20)).await.unwrap();
    billing.eventually("select auto_failures::bigint from billing.payer", 1).await;
    let request = GetAutoTopUpRequest { tenant_id: customer.tenant.to_string() };
    let state = billing.payments.clone().get_auto_top_up(request).await.unwrap().into_inner();
    assert_eq!(state.last_failure, "Your card was declined.");
    assert!(state.next_try_at_ms > 0 && !state.running);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(billing.count("select count(*) from billing.payment where kind = 'auto_top_up'").await, 1);
    billing.shift_clock(3_601.0).await;
    billing.eventually("select auto_failures::bigint from billing.payer", 2).await;
    assert_eq!(billing.count("select count(*) from billing.payment where kind = 'auto_top_up'").await, 2);
    assert_eq!(billing.balance(&customer).await, 10 * USD);
    billing.assert_sound().await;
}

#[tokio::test]
async fn without_a_saved_card_nothing_is_bought_by_itself() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let customer = billing.customer(0).await;
    billing.buy(&stripe, &customer, 10, "order").await;
    let refused = billing.payments.clone().put_auto_top_up(auto(&customer, 50, 20)).await.unwrap_err();
    assert!(refused.message().contains("no card is saved"), "{refused}");
}

#[tokio::test]
async fn payments_are_listed_newest_first_page_by_page() {
    let stripe = Stripe::start().await;
    let billing = stripe.billing().await;
    let (customer, other) = (billing.customer(0).await, billing.customer(0).await);
    for n in 0..5 {
        billing.checkout(&customer, 10 + n, &format!("order-{n}")).await;
    }
    billing.checkout(&other, 10, "order").await;
    let mut amounts = Vec::new();
    let mut after = String::new();
    loop {
        let request = ListPaymentsRequest { tenant_id: customer.tenant.to_string(), limit: 2, after };
        let page = billing.payments.clone().list_payments(request).await.unwrap().into_inner();
        amounts.extend(page.payments.iter().map(|payment| payment.amount / USD));
        after = page.next;
        if after.is_empty() {
            break;
        }
    }
    assert_eq!(amounts, [14, 13, 12, 11, 10]);
}

#[tokio::test]
async fn the_processor_itself_holds_a_repeated_key_to_its_request() {
    let stripe = Stripe::start().await;
    let (first, made) = stripe.api(Method::POST, "customers", Some("k"), "metadata[a]=1").await;
    let (again, same) = stripe.api(Method::POST, "customers", Some("k"), "metadata[a]=1").await;
    assert_eq!((first, again, &made["id"]), (200, 200, &same["id"]));
    let (status, error) = stripe.api(Method::POST, "customers", Some("k"), "metadata[a]=2").await;
    assert_eq!((status, error["error"]["type"].as_str()), (400, Some("idempotency_error")));
}
