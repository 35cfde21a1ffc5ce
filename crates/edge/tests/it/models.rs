//! The public catalogue: what of the caller and the request reaches the router, and what stays when it is away.

use std::time::Duration;

use http::Method;
use rpc::router::BrowseRequest;
use serde_json::Value;

use crate::support::client;
use crate::support::eventually;
use crate::support::person::Person;
use crate::support::platform::Platform;

fn asked(platform: &Platform) -> Vec<BrowseRequest> {
    platform.router.with(|said| std::mem::take(&mut said.browsed))
}

#[tokio::test]
async fn every_resource_is_asked_of_the_router_by_its_name() {
    let platform = Platform::start().await;
    for (path, resource, name) in [
        ("/models", "models", ""),
        ("/models/count", "count", ""),
        ("/embeddings/models", "embeddings", ""),
        ("/images/models", "images", ""),
        ("/videos/models", "videos", ""),
        ("/endpoints/zdr", "zdr", ""),
        ("/providers", "providers", ""),
        ("/model/acme/echo", "model", "acme/echo"),
        ("/models/acme/echo:free/endpoints", "endpoints", "acme/echo:free"),
        ("/models/acme/echo/endpoints/history", "history", "acme/echo"),
        ("/models/~acme/echo%2Dlatest/endpoints", "endpoints", "~acme/echo-latest"),
        ("/images/models/acme/paint/endpoints", "image_endpoints", "acme/paint"),
    ] {
        for base in ["/api/v1", "/v1"] {
            let answer = platform.get(&format!("{base}{path}?limit=2&q=%20x&{}", base.len()), None).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
            let request = asked(&platform).pop().unwrap();
            assert_eq!((request.resource.as_str(), request.name.as_str()), (resource, name), "{path}");
            assert_eq!(request.query, format!("limit=2&q=%20x&{}", base.len()));
            assert!(!request.authenticated && request.policy.is_none(), "{path}");
        }
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_key_brings_its_own_prices_and_a_wrong_one_is_refused() {
    let platform = Platform::start().await;
    let points = |answer: client::Answer| answer.json()["points"].as_u64();
    assert_eq!(points(platform.get("/api/v1/models", None).await), Some(0));
    let key = platform.demo.markup_api_key.expose();
    assert_eq!(points(platform.get("/api/v1/models", Some(key)).await), Some(500));
    let anthropic = [("x-api-key", key)];
    let answer = client::send(platform.address, Method::GET, "/api/v1/providers", &anthropic, "").await;
    assert_eq!(points(client::whole(answer).await), Some(500));
    let shown: Vec<bool> = asked(&platform).iter().map(|request| request.authenticated).collect();
    assert_eq!(shown, [false, true, true]);
    for path in ["/models", "/models/count", "/providers", "/model/acme/echo", "/models/user"] {
        let answer = platform.get(&format!("/api/v1{path}"), Some("sk-pb-v1-nonsense")).await;
        assert_eq!(answer.error().0, 401, "{path}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_person_who_is_signed_in_sees_as_much_as_a_caller_with_a_key() {
    let platform = Platform::start().await;
    let mut admin = Person::admin(&platform).await;
    let cookie = admin.cookie.clone();
    // Each asks for something else, so that no answer serves twice.
    let shown = async |cookie: &str, query: &str| {
        let path = format!("/api/v1/models/acme/echo/endpoints/history?{query}");
        let answer = platform.call_with(Method::GET, &path, &[("cookie", cookie)], "").await;
        assert_eq!(answer.status, 200, "everybody may read the catalogue: {}", answer.text());
        asked(&platform).pop().map(|request| request.authenticated)
    };
    assert_eq!(shown(&cookie, "1").await, Some(true));
    assert_eq!(shown(&format!("{cookie}x"), "2").await, Some(false), "nobody's session");
    assert_eq!(admin.call(Method::DELETE, "/sessions", &Value::Null).await.status, 204);
    assert_eq!(shown(&cookie, "3").await, Some(false), "the session has ended");
    platform.stop().await;
}

#[tokio::test]
async fn usable_models_are_for_callers_with_a_key() {
    let platform = Platform::start().await;
    assert_eq!(platform.get("/api/v1/models/user", None).await.error().0, 401);
    assert!(asked(&platform).is_empty());
    let key = platform.demo.markup_api_key.expose();
    assert_eq!(platform.get("/api/v1/models/user?offset=1", Some(key)).await.status, 200);
    let request = asked(&platform).pop().unwrap();
    assert_eq!((request.resource.as_str(), request.query.as_str()), ("user", "offset=1"));
    assert_eq!((request.markup_basis_points, request.authenticated), (500, true));
    platform.stop().await;
}

#[tokio::test]
async fn what_the_router_has_against_a_request_is_said_in_the_usual_shape() {
    let platform = Platform::start().await;
    for path in ["/model/nobody/nothing", "/models/nobody/nothing/endpoints"] {
        let answer = platform.get(&format!("/api/v1{path}"), None).await;
        assert_eq!(answer.error(), (404, 404, "not_found".to_owned()));
        assert!(answer.text().contains("nobody/nothing"));
    }
    let answer = platform.get("/api/v1/models?sort=odd", None).await;
    assert_eq!(answer.error(), (400, 400, "invalid_request".to_owned()));
    assert!(answer.text().contains("`sort`"));
    assert_eq!(platform.get("/api/v1/model/acme/%FF", None).await.error().0, 404);
    let posted = platform.call(Method::POST, "/api/v1/models", None, "{}").await;
    assert_eq!(posted.error().0, 405);
    platform.stop().await;
}

#[tokio::test]
async fn a_feed_keeps_its_type_and_a_head_has_no_body() {
    let platform = Platform::start().await;
    let feed = platform.get("/api/v1/models?use_rss=true", None).await;
    assert_eq!(feed.header("content-type"), "application/rss+xml");
    let head = platform.call(Method::HEAD, "/api/v1/models", None, "").await;
    assert_eq!((head.status.as_u16(), head.header("content-type")), (200, "application/json"));
    assert!(head.body.is_empty() && head.header("content-length") != "0");
    platform.stop().await;
}

#[tokio::test]
async fn callers_at_once_share_one_question() {
    let platform = Platform::start().await;
    let ask = || platform.get("/api/v1/models?q=shared", None);
    let answers = futures::future::join_all((0..20).map(|_| ask())).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(asked(&platform).len() < 10);
    platform.stop().await;
}

#[tokio::test]
async fn a_router_that_is_away_takes_nothing_back() {
    let platform = Platform::start().await;
    let turn = async || platform.get("/api/v1/models", None).await.json()["turn"].as_u64().unwrap();
    let first = turn().await;
    // Answers are asked for anew before long.
    let second = eventually("a newer answer", async || Some(turn().await).filter(|turn| *turn > first)).await;
    platform.router.with(|said| said.is_away = true);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(turn().await, second, "the last answer stands");
    let unseen = platform.get("/api/v1/models?q=unseen", None).await;
    assert_eq!(unseen.error().0, 503);
    platform.router.with(|said| said.is_away = false);
    eventually("an answer of the router that came back", async || {
        Some(turn().await).filter(|turn| *turn > second)
    })
    .await;
    platform.stop().await;
}
