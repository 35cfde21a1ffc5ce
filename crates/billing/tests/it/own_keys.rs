//! The fee for what a tenant's own credentials serve, and terms that change while requests run.

use pricing::Markup;
use rpc::billing::witness::Outcome;
use rpc::billing::{Granted, MoveTenantRequest, PlanTerms, PutPlanRequest};
use rpc::convert;
use rpc::events::UsageRecord;

use crate::support::edge::Edge;
use crate::support::records::{book, nothing_reserved, record, settle, witness, worth};
use crate::support::{Billing, Customer};

/// A record of what the customer's own credential served, worth `list` nano-USD at list price.
fn own(customer: &Customer, granted: &Granted, list: i64, markup_basis_points: i32) -> UsageRecord {
    let fee = pricing::charge(&book(), Markup::from_basis_points(markup_basis_points), &worth(list)).unwrap();
    UsageRecord {
        markup_basis_points,
        is_byok: true,
        charge: fee.nanos(),
        absorbed: 0,
        provider_cost: 0,
        upstream_cost: list,
        ..record(customer, granted, list)
    }
}

#[tokio::test]
async fn a_fee_has_revenue_of_its_own_and_no_cost() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 5_000).await.unwrap();
    settle(&billing.client, &[own(&customer, &granted, 100_000, -9_500)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (5_000, 0));
    let transfers: Vec<(String, String, i64)> = sqlx::query_as(
        "select kind, credit_code, amount from report.ledger where kind not in ('promotion', 'purchase')",
    )
    .fetch_all(billing.admin())
    .await
    .unwrap();
    assert_eq!(transfers, [("byok_fee".to_owned(), "revenue_byok".to_owned(), 5_000)]);
    let usage: (bool, i64, i64, i64) =
        sqlx::query_as("select is_byok, charge, upstream_cost, provider_cost from report.usage")
            .fetch_one(billing.admin())
            .await
            .unwrap();
    assert_eq!(usage, (true, 5_000, 100_000, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn within_the_allowance_nothing_is_charged() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    settle(&billing.client, &[own(&customer, &nothing_reserved(), 100_000, -10_000)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 0));
    assert_eq!(billing.count("select upstream_cost from billing.usage").await, 100_000);
    assert_eq!(billing.count("select count(*) from billing.transfer").await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn what_a_provider_asked_of_the_tenant_is_the_list_price_whatever_is_said() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 10_000).await.unwrap();
    let liar =
        UsageRecord { upstream_cost: 1, provider_cost: 77, ..own(&customer, &granted, 100_000, -9_000) };
    settle(&billing.client, std::slice::from_ref(&liar)).await;
    // Nobody but the edge knows of this one.
    let granted = edge.ask(&customer, 10_000).await.unwrap();
    let lost = UsageRecord { upstream_cost: 0, ..own(&customer, &granted, 60_000, -9_000) };
    edge.report(witness(&lost, Outcome::Finished)).await;
    billing.shift_clock(100_000.0).await;
    billing.eventually("select count(*) from billing.usage", 2).await;
    assert_eq!(billing.count("select sum(upstream_cost)::bigint from billing.usage").await, 160_000);
    assert_eq!(billing.count("select sum(provider_cost)::bigint from billing.usage").await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn corruptions_of_fees_are_named() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    for _ in 0..2 {
        let granted = edge.ask(&customer, 5_000).await.unwrap();
        settle(&billing.client, &[own(&customer, &granted, 100_000, -9_500)]).await;
    }
    billing.assert_sound().await;
    let names = async || {
        let mut names: Vec<String> = billing.breaches().await.into_iter().map(|(name, _)| name).collect();
        names.dedup();
        names
    };
    let (one, other) = ("(select min(generation_id::text)::uuid from billing.usage)", "generation_id");
    let corrupt = async |change: String| {
        sqlx::query(sqlx::AssertSqlSafe(change)).execute(billing.admin()).await.unwrap()
    };
    for (change, back, named) in [
        // The list price that used up the allowance.
        ("upstream_cost = 1", "upstream_cost = 100000", vec!["I7", "I8"]),
        // Sold below the provider's price to somebody who did not pay the provider.
        (
            "is_byok = false, upstream_cost = 0",
            "is_byok = true, upstream_cost = 100000",
            vec!["I3", "I4", "I7", "I8"],
        ),
        // A provider paid twice.
        ("provider_cost = 5", "provider_cost = 0", vec!["I3", "I8"]),
        // Another fee than was pinned.
        ("markup_bps = -9000", "markup_bps = -9500", vec!["I8"]),
    ] {
        corrupt(format!("update billing.usage set {change} where {other} = {one}")).await;
        assert_eq!(names().await, named, "{change}");
        corrupt(format!("update billing.usage set {back} where {other} = {one}")).await;
    }
    billing.assert_sound().await;
}

#[tokio::test]
async fn what_was_admitted_is_charged_as_it_was_admitted() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let before = billing.terms(customer.tenant, customer.key).await;
    let (platform, own_key) =
        (edge.ask(&customer, 120_000).await.unwrap(), edge.ask(&customer, 5_000).await.unwrap());

    let terms =
        PlanTerms { markup_basis_points: 5_000, own_key_fee_basis_points: 2_000, ..PlanTerms::default() };
    let put = PutPlanRequest { name: "dear".to_owned(), terms: Some(terms), ..PutPlanRequest::default() };
    billing.plans.clone().put_plan(put).await.unwrap();
    let mut plans = billing.plans.clone();
    let to = MoveTenantRequest {
        tenant_id: customer.tenant.to_string(),
        plan: "dear".to_owned(),
        ..Default::default()
    };
    plans.move_tenant(to).await.unwrap();
    let after = billing.terms(customer.tenant, customer.key).await;
    assert_eq!((before.markup_basis_points, after.markup_basis_points), (0, 5_000));

    let pinned = |terms: &rpc::billing::Terms| {
        i32::try_from(terms.own_keys.clone().unwrap().fee_basis_points).unwrap() - 10_000
    };
    settle(&billing.client, &[record(&customer, &platform, 100_000)]).await;
    settle(&billing.client, &[own(&customer, &own_key, 100_000, pinned(&before))]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (105_000, 0));

    let granted = edge.ask(&customer, 200_000).await.unwrap();
    let mut next = record(&customer, &granted, 100_000);
    (next.markup_basis_points, next.charge) = (after.markup_basis_points, 150_000);
    let fee = own(&customer, &edge.ask(&customer, 20_000).await.unwrap(), 100_000, pinned(&after));
    assert_eq!(convert::markup(fee.markup_basis_points).basis_points(), -8_000);
    settle(&billing.client, &[next, fee]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (105_000 + 170_000, 0));
    billing.assert_sound().await;
}
