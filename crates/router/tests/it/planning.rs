//! What only whole plans show: the wire, what is remembered of a conversation, own keys, and explanations.

use rpc::Fault;
use rpc::router::{AccountPolicy, Observation};
use rpc::router::{OwnCredential, PlanRequest, PlanResponse, ProviderPreferences, StickRequest};
use serde_json::Value;
use tonic::Status;

use crate::catalogue::{offer, price};
use crate::support::eventually;
use crate::support::platform::{Router, Surroundings, chat, cheapest};

/// A model at three providers, whose prompts are cheaper to read from a cache; the endpoints' ids.
async fn three(router: &Router) -> [String; 3] {
    let mut ids = Vec::new();
    for (tag, picos) in [("one", 1_000_000), ("two", 2_000_000), ("three", 3_000_000)] {
        let id = offer(router, "acme/rocket", tag, picos).await;
        let mut priced = price(picos, picos);
        if let Some(base) = &mut priced.base {
            base.cache_read = Some(picos / 10);
        }
        let put = rpc::router::PutPriceRequest {
            endpoint_id: id.clone(),
            price: Some(priced),
            force: true,
            actor: "olga".to_owned(),
            ..Default::default()
        };
        router.client.clone().put_price(put).await.unwrap();
        ids.push(id);
    }
    eventually("the three endpoints", async || {
        let plan = router.plan(cheapest("acme/rocket")).await.ok()?;
        (plan.attempts.len() == 3 && plan.attempts.iter().all(|attempt| attempt.caches)).then_some(())
    })
    .await;
    ids.try_into().unwrap()
}

async fn plan(router: &Router, request: PlanRequest) -> PlanResponse {
    router.plan(request).await.unwrap()
}

fn tags(plan: &PlanResponse) -> Vec<&str> {
    plan.attempts.iter().map(|attempt| attempt.tag.as_str()).collect()
}

#[tokio::test]
async fn a_conversation_stays_where_it_was_stuck() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let [_, two, _] = three(&router).await;
    let stick = StickRequest {
        sticky_key: vec![7; 16].into(),
        name: "acme/rocket".to_owned(),
        endpoint_id: two,
        credential_id: String::new(),
    };
    router.client.clone().stick(stick.clone()).await.unwrap();
    let held = |key: u8| PlanRequest { sticky_key: vec![key; 16].into(), ..cheapest("acme/rocket") };
    assert_eq!(tags(&plan(&router, held(7)).await), ["two", "one", "three"]);
    assert_eq!(tags(&plan(&router, held(8)).await), ["one", "two", "three"]);
    let refused: Status = router
        .client
        .clone()
        .stick(StickRequest { endpoint_id: "two".to_owned(), ..stick })
        .await
        .unwrap_err();
    assert_eq!(Fault::from_status(&refused).status, 400);
}

#[tokio::test]
async fn own_credentials_travel_with_their_attempts() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    three(&router).await;
    let credential_id = uuid::Uuid::now_v7().to_string();
    let own = OwnCredential {
        credential_id: credential_id.clone(),
        provider: "three".to_owned(),
        sealed: vec![1, 2, 3].into(),
        ..OwnCredential::default()
    };
    let request = PlanRequest { own: vec![own.clone()], ..cheapest("acme/rocket") };
    let planned = plan(&router, request.clone()).await;
    assert_eq!(tags(&planned), ["three", "one", "two", "three"]);
    let first = &planned.attempts[0];
    assert_eq!((first.is_byok, &first.credential_id), (true, &credential_id));
    assert_eq!(&first.sealed_credential[..], [1, 2, 3]);
    assert!(planned.attempts[1..].iter().all(|attempt| !attempt.is_byok));
    let policy = AccountPolicy { ignored_providers: vec!["three".to_owned()], ..AccountPolicy::default() };
    let ruled = plan(&router, PlanRequest { policy: Some(policy), ..request.clone() }).await;
    assert_eq!(tags(&ruled), ["one", "two"]);
    let odd = OwnCredential { credential_id: "mine".to_owned(), ..own };
    assert_eq!(router.plan(PlanRequest { own: vec![odd], ..request }).await.unwrap_err().status, 400);
}

#[tokio::test]
async fn a_plan_explains_itself_only_when_asked() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    three(&router).await;
    let provider = ProviderPreferences { ignore: vec!["two".to_owned()], ..ProviderPreferences::default() };
    let request = PlanRequest { provider: Some(provider), ..chat(&["acme/rocket"], 1) };
    let silent = plan(&router, request.clone()).await;
    assert!(silent.exclusions.is_empty() && silent.metadata_json.is_empty());
    assert!(silent.explanation_json.is_empty());
    let names = (silent.name.as_str(), silent.strategy.as_str(), silent.order.as_str());
    assert_eq!(names, ("acme/rocket", "direct", "default"));
    let told = plan(&router, PlanRequest { explain: true, ..request }).await;
    assert_eq!(tags(&told), tags(&silent));
    assert_eq!(told.exclusions[0].reason, "ignored");
    let metadata: Value = serde_json::from_str(&told.metadata_json).unwrap();
    assert_eq!((&metadata["total"], metadata["available"].as_array().unwrap().len()), (&2.into(), 2));
    let whole: Value = serde_json::from_str(&told.explanation_json).unwrap();
    assert_eq!(whole["endpoints"].as_array().unwrap().len(), 3);
    assert_eq!(whole["seed"], "1");
}

#[tokio::test]
async fn preferences_that_mean_nothing_are_refused_by_name() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    three(&router).await;
    let ask = |json: &str| {
        let provider = ProviderPreferences { json: json.to_owned(), ..ProviderPreferences::default() };
        PlanRequest { provider: Some(provider), ..chat(&["acme/rocket"], 1) }
    };
    let fault = router.plan(ask(r#"{"sort":{"partition":"all"}}"#)).await.unwrap_err();
    assert_eq!((fault.status, fault.message.contains("provider.sort.partition")), (400, true));
    let priced = router.plan(ask(r#"{"max_price":{"prompt":"1.5"},"sort":null}"#)).await.unwrap();
    assert_eq!(tags(&priced), ["one"]);
    let slow = router.plan(ask(r#"{"preferred_max_latency":0.001,"sort":"price"}"#)).await.unwrap();
    assert_eq!(tags(&slow), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_dry_run_takes_no_probe_from_those_who_mean_it() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router_ejecting_for(200).await;
    router.ready().await;
    let [one, ..] = three(&router).await;
    router.observe(Observation { endpoint_id: one, faults: 5, ..Observation::default() }).await;
    // The ejection's end, without a probe taken.
    eventually("the endpoint half open", async || {
        let explained = PlanRequest { dry_run: true, explain: true, ..cheapest("acme/rocket") };
        let told = router.plan(explained).await.ok()?;
        assert_eq!(tags(&told), ["two", "three", "one"]);
        assert!(told.attempts.iter().all(|attempt| !attempt.probe));
        told.explanation_json.contains("half_open").then_some(())
    })
    .await;
    let probing = plan(&router, cheapest("acme/rocket")).await;
    assert_eq!(tags(&probing), ["one", "two", "three"]);
    assert!(probing.attempts[0].probe && !probing.attempts[1].probe);
    let after = plan(&router, cheapest("acme/rocket")).await;
    assert_eq!((tags(&after), after.attempts[0].probe), (vec!["two", "three", "one"], false));
}
