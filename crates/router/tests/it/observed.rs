//! What workers observe changes what is chosen: by call, over the bus, and through Redis.

use backing::{Kind, Server, ServerOptions};
use prost::Message as _;
use rpc::router::{DescribeHealthRequest, Observation, ObserveRequest, SketchBucket};
use secrecy::ExposeSecret as _;
use serde_json::Value;

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

/// Two hundred good answers.
fn good(endpoint_id: &str) -> Observation {
    let all_at = |value| vec![SketchBucket { index: rpc::sketch::index(value), count: 200 }];
    Observation {
        endpoint_id: endpoint_id.to_owned(),
        successes: 200,
        first_token_ms: all_at(300.0),
        throughput: all_at(50.0),
        tool_answers: 8,
        tool_errors: 2,
        ..Observation::default()
    }
}

/// An endpoint's health, once a whole day's outcomes are known.
async fn day(router: &Router, endpoint_id: &str) -> Option<Value> {
    let request = DescribeHealthRequest { endpoint_id: endpoint_id.to_owned(), ..Default::default() };
    let told = router.health(request).await.unwrap()["endpoints"][0]["credentials"][0].clone();
    (told["windows"]["1d"]["requests"] == 205).then_some(told)
}

/// What Redis holds of a window.
async fn keys(connection: &mut redis::aio::MultiplexedConnection, window: &str) -> Vec<String> {
    redis::cmd("KEYS").arg(format!("*:{window}:*")).query_async(connection).await.unwrap()
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
async fn operators_see_every_endpoints_state_and_how_it_came_about() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let cheap = pair(&router).await;
    let credential_id = uuid::Uuid::now_v7().to_string();
    router.observe(Observation { credential_id, ..faults(&cheap, 3) }).await;
    let named = |endpoint_id: &str| DescribeHealthRequest {
        endpoint_id: endpoint_id.to_owned(),
        ..DescribeHealthRequest::default()
    };
    let of = |model: &str| DescribeHealthRequest { model: model.to_owned(), ..named("") };
    let states = async |request| {
        let told = router.health(request).await.unwrap();
        let states = told["endpoints"].as_array().unwrap().iter();
        states.map(|one| one["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(states(of("acme/rocket")).await, ["healthy", "healthy"]);
    let unwell = DescribeHealthRequest { only_unwell: true, ..DescribeHealthRequest::default() };
    assert!(states(unwell.clone()).await.is_empty(), "a tenant's key concerns nobody else");

    router.observe(faults(&cheap, 5)).await;
    assert_eq!(states(unwell).await, ["ejected"]);
    assert_eq!(states(DescribeHealthRequest { state: "ejected".to_owned(), ..named("") }).await, ["ejected"]);
    assert!(states(DescribeHealthRequest { provider: "dear".to_owned(), ..named(&cheap) }).await.is_empty());
    let told = router.health(named(&cheap)).await.unwrap();
    let endpoint = &told["endpoints"][0];
    assert_eq!((endpoint["model"].as_str(), endpoint["tag"].as_str()), (Some("acme/rocket"), Some("cheap")));
    let credentials = endpoint["credentials"].as_array().unwrap();
    assert_eq!(credentials.len(), 2);
    let ours = credentials.iter().find(|one| one["is_platform"] == true).unwrap();
    assert_eq!(
        (ours["state"].as_str(), ours["windows"]["5m"]["faults"].as_u64()),
        (Some("ejected"), Some(5))
    );
    assert_eq!(ours["windows"]["1d"]["uptime"], Value::Null, "five attempts are no statement");
    assert_eq!(ours["history"][0]["event"], "ejected");
    assert_eq!(ours["history"][0]["cause"], "5 faults in a row");
    assert!(
        router.health(of("acme/rocket")).await.unwrap()["endpoints"][0]["credentials"][0]["history"]
            .is_null()
    );
    assert_eq!(router.health(named("unknown")).await.unwrap_err().status, 404);
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
    let client = redis::Client::open(redis.url().expose_secret()).unwrap();
    surroundings.redis = Some(client.clone());
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
    // The longer windows outlive every router that filled them.
    one.observe(good(&cheap)).await;
    for router in [&two, &late] {
        eventually("the day's outcomes", async || day(router, &cheap).await).await;
    }
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    for window in ["1m", "10m", "15m"] {
        eventually(window, async || keys(&mut connection.clone(), window).await.pop()).await;
    }
    drop((one, two, late));
    eventually("the short window's end", async || {
        let left = keys(&mut connection.clone(), "10s").await;
        if left.is_empty() {
            return Some(());
        }
        redis::cmd("DEL").arg(left).query_async::<()>(&mut connection.clone()).await.unwrap();
        None
    })
    .await;
    let later = surroundings.router().await;
    later.ready().await;
    let told = eventually("the day's outcomes", async || day(&later, &cheap).await).await;
    assert_eq!(told["windows"]["30m"]["successes"], 200);
    assert_eq!(told["tools_2h"]["requests"], 8);
    assert_eq!(told["tools_2h"]["error_rate"], 0.25);
    assert!(told["latency_ms"]["30m"]["p50"].as_f64().is_some_and(|p50| (285.0..315.0).contains(&p50)));
    assert!(told["throughput"]["30m"]["p99"].as_f64().is_some_and(|p99| (47.5..52.5).contains(&p99)));
    let buckets = told["day"]["buckets"].as_array().unwrap();
    let quarter = buckets.iter().find(|bucket| bucket["successes"] == 200).unwrap();
    assert!(quarter["latency_p90"].as_f64().is_some_and(|p90| (285.0..315.0).contains(&p90)), "{quarter}");
    assert!(quarter["throughput_p50"].as_f64().is_some_and(|p50| (47.5..52.5).contains(&p50)), "{quarter}");
    assert_eq!(told["windows"]["5m"]["requests"], 0);
    later.observe(faults(&cheap, 5)).await;
    redis.stop().await.unwrap();
    later.counted("router_share_failures_total 1").await;
    order(&later, &["dear", "cheap"]).await;
}
