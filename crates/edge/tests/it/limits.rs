//! How often a key and an organisation may.

use http::Method;
use rpc::router::Attempt;

use crate::support::Platform;
use crate::support::redis::Redis;
use crate::support::router::attempt;

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
