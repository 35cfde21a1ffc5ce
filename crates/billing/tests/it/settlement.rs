//! Records settle once, in any order, and say afterwards what they were.

use identity::{GenerationId, KeyId, TenantId};
use rpc::billing::GetGenerationRequest;
use rpc::events::UsageRecord;

use crate::support::edge::Edge;
use crate::support::records::{again, attempt, nothing_reserved, record, settle};
use crate::support::{Billing, Customer};

#[tokio::test]
async fn settling_twice_in_any_order_changes_nothing() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let mut records = Vec::new();
    for nanos in [0, 1, 700, 1_000] {
        let granted = edge.ask(&customer, 1_000).await.unwrap();
        records.push(record(&customer, &granted, nanos));
    }
    let keys = settle(&billing.client, &records).await;
    assert_eq!(keys.len(), 4);
    assert!(keys.iter().zip(&records).all(|(key, record)| key.generation_id == record.generation_id));
    records.reverse();
    assert_eq!(settle(&billing.client, &records).await.len(), 4);
    let doubled: Vec<UsageRecord> = records.iter().chain(&records).cloned().collect();
    assert_eq!(settle(&billing.client, &doubled).await.len(), 8);

    assert_eq!(billing.spent_and_held(&customer).await, (1_701, 0));
    assert_eq!(billing.count("select count(*) from billing.usage").await, 4);
    assert_eq!(
        billing.count("select sum(amount)::bigint from billing.transfer where kind = 'usage'").await,
        1_701
    );
    assert_eq!(
        billing.count("select sum(amount)::bigint from billing.transfer where kind = 'provider_cost'").await,
        1_701
    );
    billing.assert_sound().await;
}

#[tokio::test]
async fn two_executions_make_one_charge_and_the_loser_is_an_attempt() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    for order in [[0, 1], [1, 0]] {
        let granted = edge.ask(&customer, 1_000).await.unwrap();
        let first = UsageRecord { confirmed: false, ..record(&customer, &granted, 400) };
        let second = UsageRecord { confirmed: true, ..again(&first, 2, 600) };
        let both = [first, second];
        for place in order {
            settle(&billing.client, &both[place..=place]).await;
        }
    }
    assert_eq!(billing.spent_and_held(&customer).await, (1_200, 0));
    assert_eq!(
        billing.count("select count(*) from billing.usage where execution = 2 and charge = 600").await,
        2
    );
    assert_eq!(
        billing
            .count("select count(*) from billing.attempt where execution = 1 and provider_cost = 400")
            .await,
        2
    );
    // Both executions cost us.
    assert_eq!(
        billing.count("select sum(amount)::bigint from billing.transfer where kind = 'provider_cost'").await,
        2_000
    );
    assert_eq!(billing.count("select count(*) from billing.claim").await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_charge_above_the_reservation_is_absorbed_and_one_above_the_price_is_not_taken() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let over = record(&customer, &granted, 1_500);
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let greedy = UsageRecord { charge: 900, ..record(&customer, &granted, 100) };
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    // Zero-content answers are not charged though the provider counted their prompt.
    let waived = UsageRecord { charge: 0, ..record(&customer, &granted, 300) };
    settle(&billing.client, &[over, greedy, waived]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (1_100, 0));
    assert_eq!(billing.count("select sum(absorbed)::bigint from billing.usage").await, 500);
    assert_eq!(billing.count("select sum(waived)::bigint from billing.usage").await, 300);
    assert!(billing.metrics.render().contains("patchbay_billing_absorbed_nano_usd_total 500"));
    assert!(billing.metrics.render().contains("patchbay_billing_mispriced_records_total 1"));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_late_charge_takes_what_is_available_and_the_rest_is_absorbed() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 800).await.unwrap();
    billing.shift_clock(61.0).await;
    billing.eventually("select count(*) from billing.lease where state = 'closing'", 1).await;
    billing.shift_clock(61.0 + 661.0).await;
    billing.eventually("select count(*) from billing.lease where state = 'closed'", 1).await;
    // The freed money went to somebody else.
    let other = Edge::join(&billing.client, "other", 1).await;
    let held = other.ask(&customer, 700).await.unwrap();

    settle(&billing.client, &[record(&customer, &granted, 500)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (300, 700));
    assert_eq!(billing.count("select sum(absorbed)::bigint from billing.usage").await, 200);
    settle(&billing.client, &[record(&customer, &held, 700)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (1_000, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_record_under_a_lease_that_the_database_lost_is_charged_from_what_is_available() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 800).await.unwrap();
    sqlx::raw_sql("delete from billing.lease; update billing.balance set held = 0")
        .execute(billing.admin())
        .await
        .unwrap();
    settle(&billing.client, &[record(&customer, &granted, 500)]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (500, 0));
    assert_eq!(billing.count("select count(*) from billing.lease where reason = 'adopted'").await, 1);
    billing.assert_sound().await;
}

#[tokio::test]
async fn nothing_is_charged_without_a_reservation_or_from_another_tenants() {
    let billing = Billing::start().await;
    let (customer, other) = (billing.customer(1_000).await, billing.customer(1_000).await);
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let theirs = edge.ask(&other, 500).await.unwrap();
    let stranger = Customer { tenant: TenantId::generate(), key: KeyId::generate(), accounts: Vec::new() };
    let records = [
        UsageRecord { charge: 300, reserved: 300, ..record(&customer, &nothing_reserved(), 300) },
        record(&customer, &theirs, 300),
        record(&stranger, &nothing_reserved(), 300),
    ];
    assert_eq!(settle(&billing.client, &records).await.len(), 3);
    assert_eq!(billing.count("select sum(absorbed)::bigint from billing.usage").await, 900);
    assert_eq!(billing.count("select count(*) from billing.transfer where kind = 'usage'").await, 0);
    billing.assert_sound().await;
}

#[tokio::test]
async fn free_requests_settle_without_leases() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let free = UsageRecord {
        price: None,
        charge: 0,
        absorbed: 0,
        provider_cost: 0,
        ..record(&customer, &nothing_reserved(), 300)
    };
    settle(&billing.client, &[free]).await;
    assert_eq!(billing.count("select count(*) from billing.usage where due = 0").await, 1);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_generation_reads_back_as_it_was_recorded_but_not_by_another_tenant() {
    let billing = Billing::start().await;
    let (customer, other) = (billing.customer(10_000).await, billing.customer(10_000).await);
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let written = UsageRecord {
        attempts: vec![attempt(0, 500, "fault"), attempt(2, 429, "rate_limited"), attempt(3, 200, "ok")],
        end_user: "user\0-7".to_owned(),
        app_title: "App".to_owned(),
        session_id: "s".to_owned(),
        native_finish_reason: "end_turn".to_owned(),
        ..record(&customer, &granted, 321)
    };
    settle(&billing.client, std::slice::from_ref(&written)).await;
    let get = |customer: &Customer| GetGenerationRequest {
        tenant_id: customer.tenant.to_string(),
        generation_id: written.generation_id.clone(),
    };
    let mut client = billing.client.clone();
    let read = client.get_generation(get(&customer)).await.unwrap().into_inner().record.unwrap();
    let mut expected = UsageRecord { leases: Vec::new(), end_user: "user-7".to_owned(), ..written.clone() };
    let price = expected.price.as_mut().unwrap();
    (price.base, price.tiers) = (None, Vec::new());
    assert_eq!(read, expected);
    let refused = client.get_generation(get(&other)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
    assert_eq!(billing.count("select count(*) from report.attempts").await, 3);
}

#[tokio::test]
async fn what_cannot_be_read_is_parked_and_does_not_stop_the_rest() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let good = record(&customer, &granted, 321);
    let bad = [
        UsageRecord { generation_id: "no id".to_owned(), ..good.clone() },
        UsageRecord { charge: -1, ..good.clone() },
        UsageRecord { tenant_id: String::new(), ..good.clone() },
        UsageRecord {
            generation_id: GenerationId::generate().to_string(),
            execution: 70_000,
            ..good.clone()
        },
    ];
    let all: Vec<UsageRecord> = bad.into_iter().chain([good]).collect();
    assert_eq!(settle(&billing.client, &all).await.len(), 5);
    assert_eq!(billing.count("select count(*) from billing.parked").await, 4);
    assert_eq!(billing.spent_and_held(&customer).await, (321, 0));
    assert!(billing.metrics.render().contains("patchbay_billing_parked_records_total 4"));
}

#[tokio::test]
async fn what_the_database_refuses_is_tried_again_and_then_parked() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    // A constraint that one of two records breaks stands for whatever may be wrong with a record.
    sqlx::raw_sql("alter table billing.usage add constraint planted check (finish_reason <> 'poison')")
        .execute(billing.admin())
        .await
        .unwrap();
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let good = record(&customer, &granted, 100);
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let bad = UsageRecord { finish_reason: "poison".to_owned(), ..record(&customer, &granted, 100) };
    let both = [bad.clone(), good.clone()];
    for _ in 0..2 {
        let keys = settle(&billing.client, &both).await;
        assert_eq!(keys.iter().map(|key| &key.generation_id).collect::<Vec<_>>(), [&good.generation_id]);
    }
    assert_eq!(settle(&billing.client, &both).await.len(), 2);
    assert_eq!(billing.count("select count(*) from billing.parked").await, 1);
    assert_eq!(billing.spent_and_held(&customer).await, (100, 1_000));
}
