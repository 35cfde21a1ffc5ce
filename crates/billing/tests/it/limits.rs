//! Key limits and their windows.

use identity::{KeyId, TenantId};
use rpc::billing::{GetKeyUsageRequest, KeyUsage, ListKeyUsageRequest, PutKeyLimitRequest};

use crate::support::edge::Edge;
use crate::support::records::{record, settle};
use crate::support::{Billing, Customer};

async fn usage(billing: &Billing, customer: &Customer) -> KeyUsage {
    let request =
        GetKeyUsageRequest { tenant_id: customer.tenant.to_string(), key_id: customer.key.to_string() };
    billing.client.clone().get_key_usage(request).await.unwrap().into_inner()
}

async fn spend(billing: &Billing, edge: &Edge, customer: &Customer, nanos: i64) {
    let granted = edge.ask(customer, nanos).await.unwrap();
    settle(&billing.client, &[record(customer, &granted, nanos)]).await;
}

#[tokio::test]
async fn a_limit_counts_what_was_spent_before_and_ends_with_its_window() {
    let billing = Billing::start().await;
    // Monday, 2030-01-07, noon: no window ends by the real clock meanwhile.
    billing.shift_to("2030-01-07 12:00+00").await;
    let mut customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    spend(&billing, &edge, &customer, 400).await;
    let before = usage(&billing, &customer).await;
    assert_eq!((before.total, before.daily, before.weekly, before.monthly), (400, 400, 400, 400));
    assert_eq!((before.limit, before.limit_remaining, before.limit_reset.as_str()), (None, None, ""));

    billing.limit(&mut customer, Some(1_000), "daily").await;
    assert_eq!(usage(&billing, &customer).await.limit_remaining, Some(600));
    assert_eq!(edge.ask(&customer, 601).await.unwrap_err().reason, "key_limit");
    let straddling = edge.ask(&customer, 600).await.unwrap();

    // The next day begins anew; what was admitted yesterday settles yesterday.
    billing.shift_to("2030-01-08 00:00:01+00").await;
    let edge = Edge::join(&billing.client, "edge", 2).await;
    let today = edge.ask(&customer, 1_000).await.unwrap();
    settle(&billing.client, &[record(&customer, &straddling, 500)]).await;
    settle(&billing.client, &[record(&customer, &today, 300)]).await;
    let after = usage(&billing, &customer).await;
    assert_eq!((after.total, after.daily, after.weekly, after.monthly), (1_200, 300, 1_200, 1_200));
    assert_eq!(
        (after.limit, after.limit_remaining, after.limit_reset.as_str()),
        (Some(1_000), Some(700), "daily")
    );
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_changed_limit_keeps_what_was_spent() {
    let billing = Billing::start().await;
    billing.shift_to("2030-01-09 12:00+00").await;
    let mut customer = billing.customer(1_000_000).await;
    billing.limit(&mut customer, Some(1_000), "monthly").await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    spend(&billing, &edge, &customer, 800).await;

    billing.limit(&mut customer, Some(500), "monthly").await;
    let lowered = usage(&billing, &customer).await;
    assert_eq!((lowered.limit, lowered.limit_remaining), (Some(500), Some(0)));
    assert_eq!(edge.ask(&customer, 1).await.unwrap_err().reason, "key_limit");

    billing.limit(&mut customer, Some(2_000), "monthly").await;
    let running = edge.ask(&customer, 700).await.unwrap();
    // Another rule: what is running under the old one counts in full, so that nothing is passed.
    billing.limit(&mut customer, Some(2_000), "weekly").await;
    assert_eq!(edge.ask(&customer, 501).await.unwrap_err().available, 500);
    settle(&billing.client, &[record(&customer, &running, 700)]).await;
    spend(&billing, &edge, &customer, 500).await;
    assert_eq!(usage(&billing, &customer).await.total, 2_000);

    billing.limit(&mut customer, None, "").await;
    assert_eq!(customer.accounts.len(), 1, "a key without a limit reserves from credit alone");
    spend(&billing, &edge, &customer, 5_000).await;
    billing.limit(&mut customer, Some(8_000), "").await;
    assert_eq!(edge.ask(&customer, 1_001).await.unwrap_err().available, 1_000);
    billing.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_for_fifty_admits_exactly_fifty() {
    let billing = Billing::start().await;
    let mut customer = billing.customer(1_000_000).await;
    billing.limit(&mut customer, Some(50_000), "").await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let asks = (0..400).map(|_| edge.ask(&customer, 1_000));
    let admitted = futures::future::join_all(asks).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(admitted, 50);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_page_of_keys_is_one_question() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    spend(&billing, &edge, &customer, 400).await;
    let (limited, unknown) = (KeyId::generate(), KeyId::generate());
    let put = PutKeyLimitRequest {
        tenant_id: customer.tenant.to_string(),
        key_id: limited.to_string(),
        limit: Some(5_000),
        reset: "daily".to_owned(),
        counts_own_keys: Some(true),
    };
    billing.client.clone().put_key_limit(put).await.unwrap();
    let ask = async |tenant: String, keys: &[KeyId]| {
        let key_ids = keys.iter().map(ToString::to_string).collect();
        let request = ListKeyUsageRequest { tenant_id: tenant, key_ids };
        billing.client.clone().list_key_usage(request).await.map(|answer| answer.into_inner().usage)
    };
    let keys = [limited, customer.key, unknown];
    let listed = ask(customer.tenant.to_string(), &keys).await.unwrap();
    let ids: Vec<&str> = listed.iter().map(|one| one.key_id.as_str()).collect();
    assert_eq!(ids, keys.map(|key| key.to_string()), "in the order of the question");
    assert_eq!((listed[0].limit, listed[0].limit_remaining), (Some(5_000), Some(5_000)));
    assert!(listed[0].limit_counts_own_keys && !listed[1].limit_counts_own_keys);
    assert_eq!((listed[1].total, listed[1].limit), (400, None));
    assert_eq!(listed[1], usage(&billing, &customer).await);
    assert_eq!((listed[2].total, listed[2].limit), (0, None));

    let other = billing.customer(1_000_000).await;
    let foreign = ask(other.tenant.to_string(), &keys).await.unwrap();
    assert!(foreign.iter().all(|one| one.total == 0 && one.limit.is_none()), "{foreign:?}");
    assert!(ask(customer.tenant.to_string(), &[unknown; 101]).await.is_err());
    assert!(ask(TenantId::generate().to_string(), &keys).await.is_err());
    assert!(ask(customer.tenant.to_string(), &[]).await.unwrap().is_empty());
}
