//! What the router is told of a request before it plans, and of where a conversation was served afterwards.

use http::Method;
use rpc::router::{PlanRequest, StickRequest};
use serde_json::{Value, json};

use crate::support::client::Answer;
use crate::support::router::attempt;
use crate::support::worker::Step;
use crate::support::{Platform, client, eventually};

/// A request with further members.
fn hi(members: Value) -> String {
    let mut body = json!({"model": "acme/echo", "messages": [{"role": "user", "content": "Hi"}]});
    let Value::Object(members) = members else { panic!("no members") };
    body.as_object_mut().unwrap().extend(members);
    body.to_string()
}

async fn send(platform: &Platform, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let bearer = format!("Bearer {}", platform.demo.api_key.expose());
    let mut headers = headers.to_vec();
    headers.push(("authorization", &bearer));
    let path = format!("/api/v1{path}");
    client::whole(client::send(platform.address, Method::POST, &path, &headers, body.to_owned()).await).await
}

async fn chat(platform: &Platform, headers: &[(&str, &str)], members: Value) -> Answer {
    send(platform, "/chat/completions", headers, &hi(members)).await
}

fn last_plan(platform: &Platform) -> PlanRequest {
    platform.router.with(|said| said.plans.last().cloned().unwrap())
}

async fn sticks(platform: &Platform, count: usize) -> Vec<StickRequest> {
    eventually("the router hears where it was served", async || {
        platform.router.with(|said| (said.sticks.len() == count).then(|| said.sticks.clone()))
    })
    .await
}

/// Endpoints whose caches are worth something.
fn caching(platform: &Platform) {
    platform.router.with(|said| said.attempts.iter_mut().for_each(|attempt| attempt.caches = true));
}

#[tokio::test]
async fn a_plan_is_asked_for_with_all_that_the_request_says_of_routing() {
    let platform = Platform::start().await;
    let auto = r#"{"id":"auto-router","allowed_models":["acme/*"]}"#;
    let members = json!({
        "model": "acme/echo:nitro", "service_tier": "fast", "route": "sort", "modalities": ["text", "image"],
        "plugins": [serde_json::from_str::<Value>(auto).unwrap(), {"id": "web"}],
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho", "model": "acme/old"},
            {"role": "user", "content": "Hi again"}]
    });
    let headers = [("x-patchbay-region", "eu"), ("x-openrouter-metadata", "Enabled")];
    assert_eq!(chat(&platform, &headers, members).await.status, 200);
    let plan = last_plan(&platform);
    assert_eq!((plan.service_tier.as_str(), plan.region.as_str()), ("priority", "eu"));
    assert_eq!((plan.plugins_json, plan.explain, plan.dry_run), (format!("[{auto}]"), true, false));
    assert_eq!(plan.provider.unwrap().json, r#"{"sort":{"partition":"none"}}"#);
    let profile = plan.profile.unwrap();
    assert_eq!((profile.last_model.as_str(), profile.task.as_str()), ("acme/old", ""));
    assert_eq!(profile.output_modalities, ["text", "image"]);

    let start = platform.worker.with(|seen| seen.starts.remove(0));
    let metadata: Value = serde_json::from_str(&start.metadata_json).unwrap();
    let expected = json!({
        "requested": "acme/echo:nitro", "strategy": "alias", "region": "eu", "params": {"cost_tier": "low"},
        "endpoints": {"total": 2, "available": [{"provider": "Acme", "model": "acme/echo"}]}
    });
    assert_eq!(metadata, expected);

    assert_eq!(chat(&platform, &[("host", "us.example.com")], json!({})).await.status, 200);
    let plan = last_plan(&platform);
    assert_eq!((plan.region.as_str(), plan.explain, plan.service_tier.as_str()), ("us", false, ""));
    assert_eq!(platform.worker.with(|seen| seen.starts.remove(0)).metadata_json, "");
    platform.stop().await;
}

#[tokio::test]
async fn a_conversation_has_one_key_in_all_of_its_requests() {
    let platform = Platform::start().await;
    let key = async |headers: &[(&str, &str)], members: Value| {
        assert_eq!(chat(&platform, headers, members).await.status, 200);
        last_plan(&platform).sticky_key
    };
    let first = key(&[], json!({})).await;
    assert_eq!(first.len(), 16);
    let later = json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"},
        {"role": "user", "content": "More"}]});
    assert_eq!(key(&[], later.clone()).await, first);
    assert_ne!(key(&[], json!({"messages": [{"role": "user", "content": "Hello"}]})).await, first);

    let session = key(&[], json!({"session_id": "s", "prompt_cache_key": "k"})).await;
    assert_eq!(key(&[("x-session-id", "s")], later.clone()).await, session);
    assert_eq!(key(&[("x-session-id", "t")], json!({"session_id": "s"})).await, session);
    let cached = key(&[], json!({"prompt_cache_key": "k"})).await;
    assert_eq!(key(&[], json!({"prompt_cache_key": "k", "messages": later["messages"]})).await, cached);
    assert!(session != first && cached != first && session != cached);

    let body =
        r#"{"model":"acme/echo","max_tokens":9,"session_id":"s","messages":[{"role":"user","content":"x"}]}"#;
    assert_eq!(send(&platform, "/messages", &[], body).await.status, 200);
    assert_eq!(last_plan(&platform).sticky_key, session);
    let body = hi(json!({"session_id": "s"}));
    assert_eq!(platform.chat_as(platform.demo.markup_api_key.expose(), &body).await.status, 200);
    assert_ne!(last_plan(&platform).sticky_key, session, "another tenant's session");
    let body = r#"{"model":"acme/echo","input":"Hi"}"#;
    send(&platform, "/embeddings", &[("x-session-id", "s")], body).await;
    assert!(last_plan(&platform).sticky_key.is_empty(), "no conversation");
    platform.stop().await;
}

#[tokio::test]
async fn a_session_that_was_served_is_kept_where_it_was() {
    let platform = Platform::start().await;
    caching(&platform);
    platform.router.with(|said| said.attempts[1].credential_id = "c1".to_owned());
    let steps =
        vec![Step::Started(0), Step::Started(1), Step::Commit(1), Step::Data("{}", 1), Step::Final(1)];
    platform.worker.script(steps);
    assert_eq!(chat(&platform, &[("x-session-id", "s")], json!({})).await.status, 200);
    let word = sticks(&platform, 1).await.remove(0);
    assert_eq!((word.sticky_key, word.name.as_str()), (last_plan(&platform).sticky_key, "acme/echo"));
    let endpoint_id = platform.router.with(|said| said.attempts[1].endpoint_id.clone());
    assert_eq!((word.endpoint_id, word.credential_id.as_str()), (endpoint_id, "c1"));
    platform.stop().await;
}

#[tokio::test]
async fn a_conversation_without_a_session_is_kept_once_its_cache_was_hit() {
    let platform = Platform::start().await;
    caching(&platform);
    assert_eq!(chat(&platform, &[], json!({})).await.status, 200);
    platform.worker.with(|seen| seen.cache_read = 512);
    assert_eq!(chat(&platform, &[], json!({"user": "second"})).await.status, 200);
    let word = sticks(&platform, 1).await.remove(0);
    assert_eq!(word.sticky_key, last_plan(&platform).sticky_key);
    let router = platform.router.clone();
    platform.stop().await;
    assert_eq!(router.with(|said| said.sticks.len()), 1);
}

#[tokio::test]
async fn nothing_is_kept_where_it_would_be_no_use_or_against_the_clients_order() {
    let platform = Platform::start().await;
    platform.worker.with(|seen| seen.cache_read = 512);
    let session = json!({"session_id": "s"});
    // No cache that would be cheaper.
    assert_eq!(chat(&platform, &[], session.clone()).await.status, 200);
    caching(&platform);
    let ordered = json!({"session_id": "s", "provider": {"order": ["acme"]}});
    assert_eq!(chat(&platform, &[], ordered).await.status, 200);
    platform.worker.script(vec![Step::Started(0), Step::Failed(502, "provider_unavailable", "gone")]);
    assert_eq!(chat(&platform, &[], session).await.status, 502);
    let router = platform.router.clone();
    // Whatever is said, is said before the platform has stopped.
    platform.stop().await;
    assert_eq!(router.with(|said| (said.plans.len(), said.sticks.len())), (3, 0));
}

#[tokio::test]
async fn a_refusal_of_the_router_tells_of_the_routing_where_it_was_asked_to() {
    let platform = Platform::start().await;
    let asks = [("x-openrouter-experimental-metadata", "enabled")];
    let unknown = json!({"model": "nobody/knows"});
    let answer = chat(&platform, &asks, unknown.clone()).await;
    assert_eq!(answer.error(), (400, 400, "invalid_request".to_owned()));
    let expected = json!({
        "requested": "nobody/knows", "strategy": "direct", "region": null, "summary": "available=0", "attempt": 0,
        "is_byok": false, "endpoints": {"total": 0, "available": []}, "attempts": []
    });
    assert_eq!(answer.json()["openrouter_metadata"], expected);
    assert!(chat(&platform, &[], unknown).await.json().get("openrouter_metadata").is_none());
    let body = r#"{"model":"nobody/knows","max_tokens":9,"messages":[{"role":"user","content":"x"}]}"#;
    let messages = send(&platform, "/messages", &asks, body).await.json();
    assert_eq!((&messages["type"], &messages["openrouter_metadata"]), (&json!("error"), &expected));

    // A part of the platform that is away decided nothing.
    platform.router.with(|said| said.failures = 9);
    let away = chat(&platform, &asks, json!({})).await;
    assert_eq!((away.status.as_u16(), away.json().get("openrouter_metadata")), (503, None));
    platform.router.with(|said| said.failures = 0);
    // Neither did the router refuse what is not paid for.
    platform.router.with(|said| said.attempts = vec![attempt(1_000_000_000, 1_000_000_000)]);
    let dear = chat(&platform, &asks, json!({})).await;
    assert_eq!((dear.status.as_u16(), dear.json().get("openrouter_metadata")), (402, None));
    platform.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_routing_is_named_before_anything_is_planned() {
    let platform = Platform::start().await;
    let long = "s".repeat(257);
    let head = |name, value| vec![(name, value)];
    let cases = [
        (Vec::new(), json!({"service_tier": "turbo"}), "`service_tier` must be one of"),
        (Vec::new(), json!({"session_id": long}), "`session_id` must have at most 256 characters"),
        (head("x-session-id", long.as_str()), json!({}), "`x-session-id` must have at most 256 characters"),
        (head("x-patchbay-region", "mars"), json!({}), "`x-patchbay-region` must name a region"),
        (Vec::new(), json!({"plugins": {"id": "web"}}), "`plugins` must be an array"),
        (Vec::new(), json!({"plugins": [{"id": "wbe"}]}), "`plugins[0].id` must be one of"),
        (Vec::new(), json!({"modalities": "text"}), "`modalities` must be a list"),
        (
            Vec::new(),
            json!({"provider": {"max_price": {"prompt": "x"}}}),
            "`provider.max_price.prompt` must be",
        ),
    ];
    for (headers, members, message) in cases {
        let answer = chat(&platform, &headers, members).await;
        assert_eq!(answer.error(), (400, 400, "invalid_request".to_owned()), "{message}");
        let said = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(said.starts_with(message), "{said}");
    }
    let fallbacks =
        r#"{"model":"a/b","max_tokens":9,"messages":[{"role":"user","content":"x"}],"fallbacks":"#;
    for wrong in
        [r#"[{"model":"c"},{"model":"d"},{"model":"e"},{"model":"f"}]"#, r#"[{"model":"c","max_tokens":1}]"#]
    {
        assert_eq!(send(&platform, "/messages", &[], &format!("{fallbacks}{wrong}}}")).await.status, 400);
    }
    assert_eq!(platform.router.with(|said| said.plans.len()), 0);
    platform.stop().await;
}

#[tokio::test]
async fn a_conversation_is_classified_only_for_models_that_are_chosen_by_it() {
    let platform = Platform::start().await;
    let text = "Refactor this function and write a unit test for it.";
    let turns = json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"},
        {"role": "user", "content": text}]);
    let task = async |path: &str, body: Value| {
        assert_eq!(send(&platform, path, &[], &body.to_string()).await.status, 200);
        last_plan(&platform).profile.unwrap().task
    };
    let asked = json!({"model": "acme/echo", "messages": turns});
    assert_eq!(task("/chat/completions", asked).await, "");
    let auto = json!({"models": ["acme/echo", "openrouter/auto"], "messages": turns});
    assert_eq!(task("/chat/completions", auto).await, "code");
    let auto = json!({"model": "openrouter/auto", "max_tokens": 9, "messages": turns});
    assert_eq!(task("/messages", auto).await, "code");
    let auto = json!({"model": "openrouter/auto", "input": text});
    assert_eq!(task("/responses", auto).await, "code");
    let long = format!("{text} {}", "blah ".repeat(40_000));
    let auto = json!({"model": "openrouter/auto", "messages": [{"role": "user", "content": long}]});
    assert_eq!(task("/chat/completions", auto).await, "code");
    let auto = json!({"model": "openrouter/auto", "messages": [{"role": "user", "content": "Hi"}]});
    assert_eq!(task("/chat/completions", auto).await, "chat");
    platform.stop().await;
}
