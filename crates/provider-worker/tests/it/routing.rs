//! What an answer tells of how it was routed, of its tier, and what its calls of tools tell the routers.

use rpc::router::Attempt;
use rpc::worker::Start;
use serde_json::{Value, json};

use crate::upstream::{Reply, Step, Upstream, chunk, end, good, status, text, whole};
use crate::world::{World, attempt, impatient, request, whole_request};

/// What an edge sends for a client that asks, of two providers.
fn asked() -> String {
    let endpoint = |provider: &str| json!({"provider": provider, "model": "openai/gpt-4o"});
    let endpoints = json!({"total": 3, "available": [endpoint("The bad"), endpoint("The good")]});
    json!({
        "requested": "openai/gpt-4o:nitro", "strategy": "direct", "region": "eu", "endpoints": endpoints
    })
    .to_string()
}

fn told(selected: Option<&str>, attempts: &Value) -> Value {
    let endpoint = |provider: &str| json!({"provider": provider, "model": "openai/gpt-4o", "selected": selected == Some(provider)});
    json!({
        "requested": "openai/gpt-4o:nitro", "strategy": "direct", "region": "eu", "is_byok": false,
        "summary": selected.map_or("available=2".to_owned(), |name| format!("available=2, selected={name}")),
        "attempt": attempts.as_array().unwrap().len(), "attempts": attempts,
        "endpoints": {"total": 3, "available": [endpoint("The bad"), endpoint("The good")]}
    })
}

fn made(provider: &str, status: u16) -> Value {
    json!({"provider": provider, "model": "openai/gpt-4o", "status": status})
}

#[tokio::test]
async fn who_asks_hears_of_every_attempt() {
    let world = World::start().await;
    for (failure, failed_with) in [(status(500), 500), (Reply::Hang, 504)] {
        let bad = Upstream::start(vec![failure]).await;
        let backup = Upstream::start(vec![good()]).await;
        let attempts = vec![impatient(attempt(&bad, "bad")), attempt(&backup, "good")];
        let heard = world.run(Start { metadata_json: asked(), ..request(attempts) }).await;
        let chunks = heard.chunks();
        let (last, others) = chunks.split_last().unwrap();
        let expected = told(Some("The good"), &json!([made("The bad", failed_with), made("The good", 200)]));
        assert_eq!((&last["choices"], &last["openrouter_metadata"]), (&json!([]), &expected));
        assert!(others.iter().all(|chunk| chunk.get("openrouter_metadata").is_none()));
    }
}

#[tokio::test]
async fn who_does_not_ask_hears_nothing() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![good(), status(404)]).await;
    let heard = world.run(request(vec![attempt(&upstream, "alpha")])).await;
    assert!(!heard.text.contains("openrouter_metadata"));
    let heard = world.run(request(vec![attempt(&upstream, "alpha")])).await;
    assert_eq!(heard.error().get("openrouter_metadata"), None);
}

#[tokio::test]
async fn a_key_of_the_tenants_own_shows() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![whole("Hello", "stop", 2)]).await;
    let attempt = Attempt { is_byok: true, ..attempt(&upstream, "good") };
    let heard = world.run(Start { metadata_json: asked(), ..whole_request(vec![attempt]) }).await;
    let answer: Value = serde_json::from_str(&heard.text).unwrap();
    assert_eq!(answer["usage"]["is_byok"], true);
    assert_eq!(answer["openrouter_metadata"]["is_byok"], true);
}

#[tokio::test]
async fn a_model_that_no_provider_knows_is_unavailable() {
    let world = World::start().await;
    let unknown = || Reply::Status {
        status: 404,
        headers: Vec::new(),
        body: json!({"error": {"message": "no such model", "code": "model_not_found"}}),
    };
    let one = Upstream::start(vec![unknown()]).await;
    let two = Upstream::start(vec![unknown()]).await;
    let other = Attempt { model: "other/model".to_owned(), ..attempt(&two, "good") };
    let start = Start { metadata_json: asked(), ..request(vec![attempt(&one, "bad"), other]) };
    let heard = world.run(start).await;
    let failed = heard.failed.as_ref().unwrap();
    assert_eq!((failed.status, failed.error_type.as_str()), (404, "not_found"));
    let error = heard.error();
    let availability = json!({
        "code": "model_unavailable_upstream", "retryable": false, "requested_models": ["openai/gpt-4o"],
        "affected_providers": ["The bad", "The good"], "fallback_models": ["other/model"],
        "docs_url": "/docs/errors/model_unavailable_upstream"
    });
    assert_eq!(error["error"]["availability"], availability);
    let mut second = made("The good", 404);
    second["model"] = json!("other/model");
    assert_eq!(error["openrouter_metadata"], told(None, &json!([made("The bad", 404), second])));
}

#[tokio::test]
async fn a_region_that_no_provider_serves_is_restricted() {
    let world = World::start().await;
    let refused = || Reply::Status {
        status: 403,
        headers: Vec::new(),
        body: json!({"error": {"message": "not here", "code": "unsupported_country_region_territory"}}),
    };
    let one = Upstream::start(vec![refused(), refused()]).await;
    let two = Upstream::start(vec![refused(), status(500)]).await;
    let attempts = || vec![attempt(&one, "bad"), attempt(&two, "good")];
    let heard = world.run(request(attempts())).await;
    let failed = heard.failed.as_ref().unwrap();
    assert_eq!((failed.status, failed.error_type.as_str()), (403, "permission_denied"));
    assert_eq!(heard.error()["error"]["availability"]["code"], "region_restricted");
    let heard = world.run(request(attempts())).await;
    assert_eq!(heard.error()["error"].get("availability"), None, "not every attempt failed for it");
}

#[tokio::test]
async fn who_wants_to_see_what_went_to_providers_is_shown_each() {
    let world = World::start().await;
    let bad = Upstream::start(vec![status(500)]).await;
    let backup = Upstream::start(vec![good()]).await;
    let other = Attempt { provider_model: "m-2".to_owned(), ..attempt(&backup, "good") };
    let mut body = of_tier("auto");
    body["stream"] = json!(true);
    body["debug"] = json!({"echo_upstream_body": true});
    let start = Start { body: body.to_string().into(), ..request(vec![attempt(&bad, "bad"), other]) };
    let heard = world.run(start).await;
    let chunks = heard.chunks();
    for (n, upstream) in [&bad, &backup].into_iter().enumerate() {
        assert_eq!(chunks[n]["choices"], json!([]));
        assert_eq!(chunks[n]["debug"]["echo_upstream_body"], upstream.seen()[0].body);
    }
    assert_eq!(heard.content(), "Hello world");
    assert_eq!(chunks.iter().filter(|chunk| chunk.get("debug").is_some()).count(), 2);
}

/// A chat body in which the client names a tier.
fn of_tier(tier: &str) -> Value {
    json!({
        "model": "openai/gpt-4o", "service_tier": tier,
        "messages": [{ "role": "user", "content": "Say hello to the world." }],
    })
}

#[tokio::test]
async fn the_tier_is_the_endpoints_and_the_answer_names_the_one_that_served() {
    let world = World::start().await;
    let downgraded = match whole("Hello", "stop", 2) {
        Reply::Whole(mut answer) => {
            answer["service_tier"] = json!("default");
            Reply::Whole(answer)
        }
        _ => unreachable!(),
    };
    let replies = vec![whole("Hello", "stop", 2), whole("Hello", "stop", 2), downgraded];
    let upstream = Upstream::start(replies).await;
    for (n, (endpoint, asked, served)) in
        [("", "flex", "default"), ("flex", "auto", "flex"), ("flex", "flex", "default")].iter().enumerate()
    {
        let attempt = Attempt { service_tier: (*endpoint).to_owned(), ..attempt(&upstream, "alpha") };
        let body = of_tier(asked).to_string().into();
        let heard = world.run(Start { body, ..whole_request(vec![attempt]) }).await;
        let answer: Value = serde_json::from_str(&heard.text).unwrap();
        assert_eq!(answer["service_tier"], *served);
        let sent = upstream.seen()[n].body["service_tier"].clone();
        assert_eq!(sent, if endpoint.is_empty() { Value::Null } else { json!(endpoint) });
    }
}

#[tokio::test]
async fn calls_of_tools_that_are_no_use_are_observed() {
    let world = World::start().await;
    let call = |arguments: &str| {
        let function = json!({"name": "weather", "arguments": arguments});
        let call = json!({"index": 0, "id": "call_1", "type": "function", "function": function});
        Reply::Stream(vec![
            chunk(json!({"role": "assistant", "tool_calls": [call]}), None),
            chunk(json!({}), Some("tool_calls")),
            Step::Send("data: [DONE]\n\n".to_owned()),
        ])
    };
    let parameters = json!({"type": "object", "required": ["city"]});
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": parameters}}]);
    let body = json!({
        "model": "openai/gpt-4o", "stream": true, "tools": tools,
        "messages": [{ "role": "user", "content": "How warm is it?" }],
    });
    let said = || Reply::Stream(vec![text("Hello"), end(10, 2)]);
    let replies = vec![call(r#"{"city":"Oslo"}"#), call(r#"{"town":"Oslo"}"#), said()];
    let upstream = Upstream::start(replies).await;
    for (provider, answers, errors) in [("one", 1, 0), ("two", 1, 1), ("three", 0, 0)] {
        let attempt = attempt(&upstream, provider);
        let endpoint = attempt.endpoint_id.clone();
        let start = Start { body: body.to_string().into(), ..request(vec![attempt]) };
        assert!(world.run(start).await.r#final.is_some());
        let seen = world.notes.observation(|seen| seen.endpoint_id == endpoint).await;
        assert_eq!((seen.successes, seen.tool_answers, seen.tool_errors), (1, answers, errors), "{provider}");
    }
}
