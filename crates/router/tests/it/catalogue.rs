//! The snapshot: how it comes up, follows the tables, and survives what it should not follow.

use std::sync::atomic::Ordering;

use rpc::pricing::{PriceVersion, Rates};
use rpc::router::{PutEndpointRequest, PutModelRequest, PutProviderRequest};

use crate::support::eventually;
use crate::support::platform::{Router, Surroundings, a_few_polls, chat, cheapest};

pub(crate) fn price(input: i64, output: i64) -> PriceVersion {
    let base = Rates { input: Some(input), output: Some(output), ..Rates::default() };
    PriceVersion { base: Some(base), ..PriceVersion::default() }
}

/// Adds provider, model and endpoint as an operator would; the endpoint's id.
pub(crate) async fn offer(router: &Router, model: &str, provider: &str, input: i64) -> String {
    let mut client = router.client.clone();
    let actor = "olga".to_owned();
    client
        .put_provider(PutProviderRequest {
            slug: provider.to_owned(),
            base_url: "http://127.0.0.1:9/v1".to_owned(),
            dialect: "openai".to_owned(),
            actor: actor.clone(),
            ..PutProviderRequest::default()
        })
        .await
        .unwrap();
    client
        .put_model(PutModelRequest {
            slug: model.to_owned(),
            context_length: 8_192,
            actor: actor.clone(),
            ..PutModelRequest::default()
        })
        .await
        .unwrap();
    let endpoint = PutEndpointRequest {
        model: model.to_owned(),
        provider: provider.to_owned(),
        provider_model: "m-1".to_owned(),
        price: Some(price(input, input)),
        actor,
        ..PutEndpointRequest::default()
    };
    client.put_endpoint(endpoint).await.unwrap().into_inner().id
}

#[tokio::test]
async fn a_router_starts_while_its_parts_are_away_and_serves_when_they_are_back() {
    let surroundings = Surroundings::seeded().await;
    surroundings.ledger.is_away.store(true, Ordering::Relaxed);
    let router = surroundings.router().await;
    router.counted("router_refresh_failures_total 2").await;
    assert!(!router.health.is_ready());
    let fault = router.plan(chat(&["openai/gpt-4o"], 1)).await.unwrap_err();
    assert_eq!((fault.status, fault.retry_after_seconds), (503, Some(1)));
    surroundings.ledger.is_away.store(false, Ordering::Relaxed);
    router.ready().await;
    assert!(surroundings.ledger.count() >= 850);
    let plan = router.plan(chat(&["anthropic/claude-3-5-sonnet"], 1)).await.unwrap();
    assert_eq!(plan.attempts[0].model, "anthropic/claude-3.5-sonnet");
    assert!(plan.attempts.iter().all(|attempt| {
        attempt.simulated && surroundings.ledger.keeps(&attempt.price.as_ref().unwrap().id)
    }));
}

#[tokio::test]
async fn a_router_starts_without_a_database_and_outlives_the_loss_of_one() {
    let surroundings = Surroundings::seeded().await;
    let nowhere = pg::Config { url: "postgres://nobody@127.0.0.1:1/nothing".into(), max_connections: 2 };
    let lost = surroundings.router_on(pg::connect(&nowhere, pg::Owner::Catalog).unwrap()).await;
    lost.counted("router_refresh_failures_total 1").await;
    assert!(!lost.health.is_ready());
    let router = surroundings.router().await;
    router.ready().await;
    surroundings.database.lose().await;
    router.counted("router_refresh_failures_total 1").await;
    assert!(router.plan(chat(&["openai/gpt-4o"], 1)).await.is_ok());
    assert!(router.health.is_ready());
}

#[tokio::test]
async fn what_an_operator_adds_is_routable_on_every_router() {
    let surroundings = Surroundings::seeded().await;
    let (one, two) = (surroundings.router().await, surroundings.router().await);
    one.ready().await;
    two.ready().await;
    let endpoint = offer(&one, "acme/rocket", "acme", 1_000_000).await;
    for router in [&one, &two] {
        let plan =
            eventually("the new model", async || router.plan(chat(&["acme/rocket"], 1)).await.ok()).await;
        assert_eq!(plan.attempts[0].endpoint_id, endpoint);
        assert_eq!(plan.attempts[0].timeouts.unwrap().first_token_ms, 30_000);
    }
}

#[tokio::test]
async fn no_plan_uses_a_price_that_billing_does_not_keep() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    surroundings.ledger.is_away.store(true, Ordering::Relaxed);
    offer(&router, "acme/rocket", "acme", 1_000_000).await;
    a_few_polls().await;
    assert!(router.plan(chat(&["acme/rocket"], 1)).await.is_err());
    assert!(router.plan(chat(&["openai/gpt-4o"], 1)).await.is_ok(), "the last good catalogue serves");
    surroundings.ledger.is_away.store(false, Ordering::Relaxed);
    let plan = eventually("the new model", async || router.plan(chat(&["acme/rocket"], 1)).await.ok()).await;
    assert!(surroundings.ledger.keeps(&plan.attempts[0].price.as_ref().unwrap().id));
}

#[tokio::test]
async fn a_broken_catalogue_is_refused_and_the_last_good_one_serves() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    surroundings
        .database
        .tamper(
            "update catalog.provider set base_url = 'http://user@nowhere' where slug = 'openai';
             update catalog.version set number = number + 1",
        )
        .await;
    router.counted("router_catalogue_refused_total 1").await;
    a_few_polls().await;
    assert!(router.metrics.render().contains("router_catalogue_refused_total 1"), "it is counted once");
    let described = router.describe("openai/gpt-4o").await;
    assert!(described["refused"].as_str().unwrap().contains("openai"), "{}", described["refused"]);
    assert!(router.plan(cheapest("openai/gpt-4o")).await.is_ok());
    surroundings
        .database
        .tamper(
            "update catalog.provider set base_url = 'http://127.0.0.1:3' where slug = 'openai';
             update catalog.version set number = number + 1",
        )
        .await;
    eventually("the mended catalogue", async || {
        router.describe("openai/gpt-4o").await["refused"].is_null().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_price_that_was_set_for_later_takes_effect_by_itself() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    offer(&router, "acme/rocket", "acme", 1_000_000).await;
    let input = async || {
        let plan = router.plan(chat(&["acme/rocket"], 1)).await.ok()?;
        plan.attempts[0].price.as_ref()?.base.as_ref()?.input
    };
    eventually("the first price", async || (input().await? == 1_000_000).then_some(())).await;
    surroundings
        .database
        .tamper(
            r#"insert into catalog.price (id, endpoint_id, book, source, effective_at)
               select gen_random_uuid(), id, '{"base": {"input": 2000000}, "tiers": []}', 'olga',
                      clock_timestamp() + interval '1 second'
               from catalog.endpoint where model = 'acme/rocket'"#,
        )
        .await;
    eventually("the later price", async || (input().await? == 2_000_000).then_some(())).await;
}
