//! The response cache: what is given again, to whom, and as what.

use redis::AsyncTypedCommands as _;
use serde_json::Value;

use crate::support::client::{Answer, whole};
use crate::support::redis::Redis;
use crate::support::worker::{Step, good_stream};
use crate::support::{Platform, eventually};

const ON: (&str, &str) = ("x-openrouter-cache", "true");
const CLEAR: (&str, &str) = ("x-openrouter-cache-clear", "true");
const STREAM: &str = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
const WHOLE: &str = r#"{"model":"acme/echo","messages":[{"role":"user","content":"Hello"}]}"#;
const ANSWER: &str = r#"{"id":"gen-old","object":"chat.completion","created":5,"model":"acme/echo","choices":[{"index":0,
    "finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_7","type":"function",
    "function":{"name":"f","arguments":"{\"city\":\"Oslo\"}"}}]}}],"usage":{"prompt_tokens":10,"cost":0.5,"is_byok":false},
    "openrouter_metadata":{"attempt":1}}"#;
const CHUNKS: &str = "data: {\"id\":\"gen-old\",\"created\":5,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Canary\"}}]}\n\n\
    data: {\"id\":\"gen-old\",\"created\":5,\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"cost\":0.5}}\n\ndata: [DONE]\n\n";

fn says(frames: &'static str) -> Vec<Step> {
    vec![Step::Started(0), Step::Commit(0), Step::Data(frames, 1), Step::Final(9)]
}

fn status(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-openrouter-cache-status")
}

#[tokio::test]
async fn a_hit_is_the_same_answer_under_a_new_name_and_free() {
    let platform = Platform::start().await;
    platform.worker.script(says(ANSWER));
    let headers = [ON, ("x-openrouter-cache-ttl", "60 s")];
    let miss = platform.chat_with(&headers, WHOLE).await;
    assert_eq!((status(&miss), miss.header("x-openrouter-cache-ttl")), ("MISS", "60"));
    assert_eq!((miss.text(), miss.header("x-openrouter-cache-source-id")), (ANSWER, ""));
    let hit = platform.chat_with(&headers, WHOLE).await;
    assert_eq!((status(&hit), hit.header("x-openrouter-cache-ttl")), ("HIT", "60"));
    assert!(hit.header("x-openrouter-cache-age").parse::<u64>().unwrap() < 60);
    assert_eq!(hit.header("x-openrouter-cache-source-id"), miss.header("x-generation-id"));
    assert_eq!(hit.header("x-patchbay-simulated"), "true");
    let mut body = hit.json();
    assert_eq!(body["id"], hit.header("x-generation-id"));
    assert_ne!(hit.header("x-generation-id"), miss.header("x-generation-id"));
    assert!(body["created"].as_u64().unwrap() > 1_700_000_000);
    let mut expected: Value = miss.json();
    expected.as_object_mut().unwrap().remove("openrouter_metadata");
    expected["usage"] = serde_json::json!({"prompt_tokens": 0, "cost": 0, "is_byok": false});
    (expected["id"], expected["created"]) = (body["id"].take(), body["created"].take());
    (body["id"], body["created"]) = (expected["id"].clone(), expected["created"].clone());
    assert_eq!(body, expected);
    // One plan, one reservation, one execution, one account.
    assert_eq!((platform.router.with(|said| said.plans.len()), platform.executions()), (1, 1));
    platform.witness().await;
    assert_eq!(platform.billing.with(|heard| (heard.asks.len(), heard.witnesses.len())), (1, 1));
    let text = platform.metrics.render();
    for counted in
        ["patchbay_edge_replays_total{reason=\"hit\"} 1", "patchbay_edge_replays_total{reason=\"miss\"} 1"]
    {
        assert!(text.contains(counted), "{text}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_stream_is_given_again_as_a_stream() {
    let platform = Platform::start().await;
    platform.worker.script(says(CHUNKS));
    let miss = platform.chat_with(&[ON], STREAM).await;
    let hit = platform.chat_with(&[ON], STREAM).await;
    assert_eq!((status(&miss), status(&hit), miss.text()), ("MISS", "HIT", CHUNKS));
    assert_eq!((hit.header("content-type"), hit.header("cache-control")), ("text/event-stream", "no-cache"));
    let id = hit.header("x-generation-id");
    let events: Vec<&str> = hit.text().split_terminator("\n\n").collect();
    let read =
        |event: &str| -> Value { serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap() };
    let (content, usage) = (read(events[0]), read(events[1]));
    assert_eq!((&content["choices"][0]["delta"]["content"], &content["id"]), (&"Canary".into(), &id.into()));
    assert_eq!((&usage["usage"]["cost"], &usage["usage"]["prompt_tokens"]), (&0.into(), &0.into()));
    assert_eq!((events[2], events.len()), ("data: [DONE]", 3));
    platform.stop().await;
}

#[tokio::test]
async fn nothing_is_cached_unless_it_is_asked_for() {
    let platform = Platform::start().await;
    for headers in [&[][..], &[("x-openrouter-cache", "false")], &[CLEAR], &[("x-openrouter-cache", "1")]] {
        for _ in 0..2 {
            assert_eq!(status(&platform.chat_with(headers, STREAM).await), "");
        }
    }
    assert_eq!(platform.executions(), 8);
    platform.stop().await;
}

#[tokio::test]
async fn the_order_of_members_counts_and_white_space_does_not() {
    let platform = Platform::start().await;
    assert_eq!(status(&platform.chat_with(&[ON], STREAM).await), "MISS");
    let spaced = STREAM.replace(':', " :\n ").replace(',', "\t, ");
    assert_eq!(status(&platform.chat_with(&[ON], &spaced).await), "HIT");
    for other in [
        r#"{"stream":true,"model":"acme/echo","messages":[{"role":"user","content":"Hello"}]}"#,
        r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}],"n":1}"#,
        r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hel lo"}]}"#,
        WHOLE,
    ] {
        assert_eq!(status(&platform.chat_with(&[ON], other).await), "MISS", "{other}");
    }
    let key = format!("Bearer {}", platform.demo.markup_api_key.expose());
    let others = [ON, ("authorization", key.as_str())];
    assert_eq!(status(&platform.chat_with(&others, STREAM).await), "MISS");
    let body = r#"{"model":"acme/echo","input":"Hello","messages":[{"role":"user","content":"Hello"}],"max_tokens":9}"#;
    for path in ["/api/v1/responses", "/api/v1/messages", "/api/v1/embeddings", "/v1/embeddings"] {
        let answer = whole(platform.open_at(path, &[ON], body).await).await;
        // The two last paths are one place.
        assert_eq!(status(&answer), if path.starts_with("/v1") { "HIT" } else { "MISS" }, "{path}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn clearing_makes_the_answer_anew_and_caches_that() {
    let platform = Platform::start().await;
    for answer in [r#"{"id":"a","n":"one"}"#, r#"{"id":"b","n":"two"}"#] {
        platform.worker.script(says(answer));
    }
    assert_eq!(platform.chat_with(&[ON], WHOLE).await.json()["n"], "one");
    let cleared = platform.chat_with(&[ON, CLEAR], WHOLE).await;
    assert_eq!((status(&cleared), &cleared.json()["n"]), ("MISS", &"two".into()));
    let hit = platform.chat_with(&[ON], WHOLE).await;
    assert_eq!((status(&hit), &hit.json()["n"], platform.executions()), ("HIT", &"two".into(), 2));
    platform.stop().await;
}

#[tokio::test]
async fn only_good_answers_are_cached() {
    let platform = Platform::start().await;
    let begin = || vec![Step::Started(0), Step::Commit(0), Step::Data("data: {\"n\":1}\n\n", 1)];
    platform.worker.script(vec![Step::Started(0), Step::Failed(502, "provider_unavailable", "gone")]);
    platform.worker.script([begin(), vec![Step::FinalAs("error")]].concat());
    platform.worker.script([begin(), vec![Step::Lose]].concat());
    platform.worker.script(vec![Step::Started(0), Step::Failed(400, "invalid_request", "no")]);
    platform.worker.script([begin(), vec![Step::FinalAs("length")]].concat());
    for (code, status) in [(502, ""), (200, "MISS"), (200, "MISS"), (400, ""), (200, "MISS"), (200, "HIT")] {
        let answer = platform.chat_with(&[ON], STREAM).await;
        let seen = (answer.status.as_u16(), answer.header("x-openrouter-cache-status"));
        assert_eq!(seen, (code, status), "{}", answer.text());
    }
    platform.stop().await;
}

#[tokio::test]
async fn an_entry_ends_with_its_time() {
    let platform = Platform::start().await;
    let headers = [ON, ("x-openrouter-cache-ttl", "0")];
    assert_eq!(platform.chat_with(&headers, STREAM).await.header("x-openrouter-cache-ttl"), "1");
    eventually("the entry is over", async || {
        let answer = platform.chat_with(&headers, STREAM).await;
        (status(&answer) == "MISS").then_some(())
    })
    .await;
    platform.stop().await;
}

#[tokio::test]
async fn hits_count_against_the_limit_of_the_key() {
    let platform = Platform::start().await;
    let path = format!("/keys/{}", platform.demo.api_key.hash());
    assert_eq!(platform.admin(http::Method::PATCH, &path, r#"{"rate_limit_rpm":3}"#).await.status, 200);
    let mut statuses = Vec::new();
    // A minute may begin in between; then there are three more.
    for _ in 0..7 {
        statuses.push(platform.chat_with(&[ON], STREAM).await.status.as_u16());
    }
    assert!((3..=6).contains(&statuses.iter().filter(|status| **status == 200).count()), "{statuses:?}");
    assert_eq!((statuses.contains(&429), platform.executions()), (true, 1), "{statuses:?}");
    platform.stop().await;
}

#[tokio::test]
async fn what_is_too_long_is_not_cached_and_given_all_the_same() {
    let platform = Platform::start_with("[edge.cache]\nmax_answer_bytes = 20", None).await;
    for _ in 0..2 {
        let answer = platform.chat_with(&[ON], STREAM).await;
        assert_eq!((status(&answer), answer.text().ends_with("[DONE]\n\n")), ("MISS", true));
    }
    assert_eq!(platform.executions(), 2);
    platform.stop().await;
}

#[tokio::test]
async fn edges_share_the_cache_in_redis_sealed_and_go_on_without_it() {
    let Some(redis) = Redis::start().await else { return };
    let database = crate::support::database::Database::create().await;
    let one = Platform::start_on(database.clone(), "", Some(redis.client()), None).await;
    let two = Platform::start_on(database, "", Some(redis.client()), None).await;
    let key = format!("Bearer {}", one.demo.api_key.expose());
    let mine = [ON, ("authorization", key.as_str())];
    one.worker.script(says(CHUNKS));
    assert_eq!(status(&one.chat_with(&[ON], STREAM).await), "MISS");
    let mut connection = redis.client().get_multiplexed_async_connection().await.unwrap();
    let names = eventually("the answer is in Redis", async || {
        let names = connection.keys("patchbay:answer:*").await.unwrap();
        (!names.is_empty()).then_some(names)
    })
    .await;
    let sealed: Vec<u8> = redis::cmd("GET").arg(&names[0]).query_async(&mut connection).await.unwrap();
    assert!(names.len() == 1 && !sealed.windows(6).any(|window| window == b"Canary"));
    let hit = two.chat_with(&mine, STREAM).await;
    assert_eq!((status(&hit), hit.text().contains("Canary"), two.executions()), ("HIT", true, 0));
    // What one edge forgets, all forget.
    two.worker.script(good_stream());
    assert_eq!(status(&two.chat_with(&[ON, CLEAR, mine[1]], STREAM).await), "MISS");
    eventually("the new answer is everywhere", async || {
        let answer = one.chat_with(&[ON], STREAM).await;
        (status(&answer) == "HIT" && !answer.text().contains("Canary")).then_some(())
    })
    .await;
    redis.stop().await;
    // Without Redis each has what it made itself.
    eventually("the edge is on its own", async || {
        (status(&one.chat_with(&[ON], STREAM).await) == "HIT").then_some(())
    })
    .await;
    assert_eq!(status(&two.chat_with(&mine, STREAM).await), "HIT");
    one.stop().await;
    two.stop().await;
}
