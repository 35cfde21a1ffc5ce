//! What workers observe changes what is chosen: by call, over the bus, and through Redis.

use backing::{Kind, Server, ServerOptions};
use prost::Message as _;
use rpc::router::{Observation, ObserveRequest};
use secrecy::ExposeSecret as _;

use crate::catalogue::offer;
use crate::support::eventually;
use crate::support::platform::{Router, Surroundings, cheapest};

/// A model with a cheap and a dear endpoint; the id of the cheap one.
async fn pair(router: &Router) -> String {
    let cheap = offer(router, "acme/rocket", "cheap", 1_000_000).await;
    offer(router, "acme/rocket", "dear", 5_000_000).await;
    order(router, &["cheap", "dear"]).await;
    cheap
}

async fn order(router: &Router, tags: &[&str]) {
    eventually(&format!("the order {tags:?}"), async || {
        let plan = router.plan(cheapest("acme/rocket")).await.ok()?;
        plan.attempts.iter().map(|attempt| attempt.tag.as_str()).eq(tags.iter().copied()).then_some(())
    })
    .await;
}

fn faults(endpoint_id: &str, faults: u32) -> Observation {
    Observation { endpoint_id: endpoint_id.to_owned(), faults, ..Observation::default() }
}

async fn state(router: &Router, endpoint_id: &str) -> String {
    let described = router.describe("acme/rocket").await;
    let endpoints = described["models"][0]["endpoints"].as_array().unwrap();
    let endpoint = endpoints.iter().find(|endpoint| endpoint["id"] == endpoint_id).unwrap();
    endpoint["health"]["state"].as_str().unwrap().to_owned()
}

/// A server of the kind in a folder that goes with it; `None`, with a notice, where it is not installed.
async fn server(kind: Kind) -> Option<(Server, tempfile::TempDir)> {
    if !kind.is_installed() {
        println!("SKIPPED: {kind:?} is not installed");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = ServerOptions { directory: folder.path().to_owned(), port: None, password: None };
    Some((Server::start(kind, &options).await.unwrap(), folder))
}

#[tokio::test]
async fn faults_send_an_endpoint_to_the_end_and_never_away() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let cheap = pair(&router).await;
    router.observe(faults(&cheap, 5)).await;
    assert_eq!(router.tags(cheapest("acme/rocket")).await, ["dear", "cheap"]);
    assert_eq!(state(&router, &cheap).await, "ejected");
    assert!(router.metrics.render().contains("router_ejections_total 1"));
    router.observe(Observation { endpoint_id: "junk".to_owned(), ..Observation::default() }).await;
    assert!(router.metrics.render().contains("router_observations_malformed_total 1"));
}

#[tokio::test]
async fn the_bus_carries_observations_to_every_router() {
    let Some((nats, _folder)) = server(Kind::Nats).await else { return };
    let mut surroundings = Surroundings::seeded().await;
    let url = nats.url();
    let options = async_nats::ConnectOptions::new();
    // The client does not take them from the URL.
    let options =
        options.user_and_password("patchbay".to_owned(), nats.password().expose_secret().to_owned());
    let bus = options.connect(url.expose_secret()).await.unwrap();
    surroundings.bus = Some(bus.clone());
    let (one, two) = (surroundings.router().await, surroundings.router().await);
    one.ready().await;
    two.ready().await;
    let cheap = pair(&one).await;
    order(&two, &["cheap", "dear"]).await;
    let batch = ObserveRequest { observations: vec![faults(&cheap, 5)] }.encode_to_vec();
    for router in [&one, &two] {
        eventually("the ejection", async || {
            // Again and again: a subscription may begin after the first.
            bus.publish(rpc::subjects::HEALTH, batch.clone().into()).await.unwrap();
            (state(router, &cheap).await == "ejected").then_some(())
        })
        .await;
        order(router, &["dear", "cheap"]).await;
    }
    drop((one, two));
    nats.stop().await.unwrap();
}

#[tokio::test]
async fn routers_share_health_through_redis_and_lose_nothing_with_it() {
    let Some((redis, _folder)) = server(Kind::Redis).await else { return };
    let mut surroundings = Surroundings::seeded().await;
    surroundings.redis = Some(redis::Client::open(redis.url().expose_secret()).unwrap());
    let (one, two) = (surroundings.router().await, surroundings.router().await);
    one.ready().await;
    two.ready().await;
    let cheap = pair(&one).await;
    order(&two, &["cheap", "dear"]).await;
    one.observe(faults(&cheap, 5)).await;
    order(&two, &["dear", "cheap"]).await;
    let late = surroundings.router().await;
    late.ready().await;
    order(&late, &["dear", "cheap"]).await;
    redis.stop().await.unwrap();
    one.counted("router_share_failures_total 1").await;
    order(&one, &["dear", "cheap"]).await;
}
