//! How often a key and an organisation may.

use http::Method;
use rpc::router::Attempt;
use serde_json::json;

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::eventually;
use crate::support::redis::Redis;
use crate::support::router::attempt;
use crate::support::worker::Step;

const BODY: &str = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

async fn a_key_limit_bites(redis: Option<redis::Client>) {
    let platform = Platform::start_with("", redis).await;
    let path = format!("/keys/{}", platform.demo.api_key.hash());
    assert_eq!(platform.admin(Method::PATCH, &path, r#"{"rate_limit_rpm":3}"#).await.status, 200);
    let mut statuses = Vec::new();
    let mut last = None;
    // A minute may begin in between; then there are three more.
    for _ in 0..7 {
        let answer = platform.chat(BODY).await;
        statuses.push(answer.status.as_u16());
        last = Some(answer);
    }
    assert!((3..=6).contains(&statuses.iter().filter(|status| **status == 200).count()), "{statuses:?}");
    let last = last.unwrap();
    assert_eq!(last.error(), (429, 429, "rate_limit_exceeded".to_owned()));
    assert_eq!((last.header("x-ratelimit-limit"), last.header("x-ratelimit-remaining")), ("3", "0"));
    let seconds: u64 = last.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds));
    assert!(last.header("x-ratelimit-reset").parse::<u64>().unwrap() > 1_700_000_000_000);
    assert_eq!(platform.admin(Method::PATCH, &path, r#"{"rate_limit_rpm":null}"#).await.status, 200);
    assert_eq!(platform.chat(BODY).await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn a_key_limit_bites_without_redis() {
    a_key_limit_bites(None).await;
}

#[tokio::test]
async fn a_key_limit_bites_with_redis() {
    let Some(redis) = Redis::start().await else { return };
    a_key_limit_bites(Some(redis.client())).await;
    redis.stop().await;
}

#[tokio::test]
async fn two_edges_share_a_limit_and_one_of_them_goes_on_alone() {
    let Some(redis) = Redis::start().await else { return };
    let inline = "[edge.limits]\nfree_requests_per_minute = 0\nfree_requests_per_day = 4";
    let (one, two) = (
        Platform::start_with(inline, Some(redis.client())).await,
        Platform::start_with(inline, Some(redis.client())).await,
    );
    for platform in [&one, &two] {
        let free = Attempt { model: "acme/echo:free".to_owned(), ..attempt(0, 0) };
        platform.router.with(|said| said.attempts = vec![free]);
    }
    // The demo organisation has the same id at both.
    let mut served = 0;
    for _ in 0..4 {
        for platform in [&one, &two] {
            served += u32::from(platform.chat(BODY).await.status == 200);
        }
    }
    assert_eq!(served, 4);
    let key = one.get("/api/v1/key", Some(one.demo.api_key.expose())).await.json();
    let free = &key["data"]["free_model_daily_requests"];
    assert_eq!(
        (free["limit"].as_u64(), free["used"].as_u64(), free["remaining"].as_u64()),
        (Some(4), Some(4), Some(0))
    );
    redis.stop().await;
    one.stop().await;
    two.stop().await;
}

/// The limit that an answer says is spent.
fn named(answer: &Answer) -> String {
    assert_eq!(answer.error(), (429, 429, "rate_limit_exceeded".to_owned()));
    assert!(!answer.header("retry-after").is_empty() && !answer.header("x-ratelimit-reset").is_empty());
    answer.json()["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_organisation_has_limits_beside_those_of_its_keys() {
    let platform = Platform::start().await;
    let path = format!("/tenants/{}/limits", platform.tenant);
    let none = json!({ "rate_limit_rpm": null, "rate_limit_tpm": null, "max_concurrent": null });
    assert_eq!(platform.admin(Method::GET, &path, "").await.json(), none);
    let set = platform.admin(Method::PUT, &path, r#"{"rate_limit_rpm":2}"#).await;
    assert_eq!((set.status.as_u16(), set.json()["rate_limit_rpm"].as_u64()), (200, Some(2)));
    let mut last = None;
    // A minute may begin in between; then there are two more.
    for _ in 0..5 {
        last = Some(platform.chat(BODY).await);
    }
    let last = last.unwrap();
    assert_eq!(named(&last), "Rate limit exceeded: requests per minute of this organization");
    assert_eq!(last.header("x-ratelimit-limit"), "2");
    assert_eq!(platform.admin(Method::PUT, &path, "{}").await.json(), none);
    let good = platform.chat(BODY).await;
    assert_eq!((good.status.as_u16(), good.header("x-ratelimit-limit")), (200, ""));
    for (path, body, status) in [
        (path.as_str(), r#"{"max_concurrent":0}"#, 400),
        (path.as_str(), r#"{"rpm":1}"#, 400),
        ("/tenants/018f3c60-0000-7000-8000-000000000000/limits", "{}", 404),
        ("/tenants/nobody/limits", "{}", 404),
    ] {
        assert_eq!(platform.admin(Method::PUT, path, body).await.status, status, "{path} {body}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn tokens_are_counted_as_they_were_used() {
    let platform = Platform::start().await;
    let path = format!("/keys/{}", platform.demo.api_key.hash());
    assert_eq!(platform.admin(Method::PATCH, &path, r#"{"rate_limit_tpm":60}"#).await.status, 200);
    // Expected to take 21 + 8 tokens; the worker says that it took 10 + 2, so that a third still fits.
    let body = r#"{"model":"acme/echo","max_tokens":8,"messages":[{"role":"user","content":"Hello"}]}"#;
    let mut statuses = Vec::new();
    let mut last = None;
    // A minute may begin in between; then there are three more.
    for _ in 0..8 {
        let answer = platform.chat(body).await;
        statuses.push(answer.status.as_u16());
        last = Some(answer);
    }
    assert!((3..=6).contains(&statuses.iter().filter(|status| **status == 200).count()), "{statuses:?}");
    assert_eq!(named(&last.unwrap()), "Rate limit exceeded: tokens per minute of this key");
    platform.stop().await;
}

async fn places_bite(redis: Option<redis::Client>) {
    let platform = Platform::start_with("[edge.limits]\nconcurrent = 1", redis).await;
    platform.worker.script(vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data("data: {}\n\n", 1),
        Step::AwaitStop,
        Step::Final(77),
    ]);
    let running = platform.open(BODY).await;
    let refused = platform.chat(BODY).await;
    assert_eq!(named(&refused), "Rate limit exceeded: concurrent requests of this key");
    assert_eq!((refused.header("x-ratelimit-limit"), refused.header("x-ratelimit-remaining")), ("1", "0"));
    // Its client goes away, and with it the place.
    drop(running);
    let admitted = async || Some(platform.chat(BODY).await).filter(|answer| answer.status == 200);
    eventually("the place is free", admitted).await;
    // Whoever has heard an answer to its end may ask again at once.
    for _ in 0..20 {
        assert_eq!(platform.chat(BODY).await.status, 200);
    }
    let path = format!("/keys/{}", platform.demo.api_key.hash());
    assert_eq!(platform.admin(Method::PATCH, &path, r#"{"max_concurrent":5}"#).await.status, 200);
    assert_eq!(platform.chat(BODY).await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn requests_at_once_are_limited_without_redis() {
    places_bite(None).await;
}

#[tokio::test]
async fn requests_at_once_are_limited_with_redis() {
    let Some(redis) = Redis::start().await else { return };
    places_bite(Some(redis.client())).await;
    redis.stop().await;
}

#[tokio::test]
async fn an_organisation_limits_its_own_keys() {
    let platform = Platform::start().await;
    let manager = platform.demo.management_key.expose();
    let call = async |method, path: &str, body: &str| platform.call(method, path, Some(manager), body).await;
    let body = r#"{"name":"ci","rate_limit_rpm":60,"rate_limit_tpm":10000,"max_concurrent":3}"#;
    let made = call(Method::POST, "/api/v1/keys", body).await.json();
    let limits = |row: &serde_json::Value| {
        ["rate_limit_rpm", "rate_limit_tpm", "max_concurrent"].map(|name| row[name].as_u64())
    };
    assert_eq!(limits(&made["data"]), [Some(60), Some(10_000), Some(3)]);
    let path = format!("/api/v1/keys/{}", made["data"]["hash"].as_str().unwrap());
    let changed = call(Method::PATCH, &path, r#"{"rate_limit_tpm":null,"max_concurrent":4}"#).await.json();
    assert_eq!(limits(&changed["data"]), [Some(60), None, Some(4)]);
    assert_eq!(call(Method::PATCH, &path, r#"{"rate_limit_tpm":0}"#).await.status, 400);
    platform.stop().await;
}
