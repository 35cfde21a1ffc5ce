//! Answers, streamed and whole, and what the neighbours are told on the way.

use std::time::Duration;

use http_body_util::BodyExt as _;
use rpc::billing::witness::Outcome;

use crate::support::worker::Step;
use crate::support::{Platform, client, eventually};

const STREAM: &str = r#"{"model":"acme/echo","stream":true,"max_tokens":100,"user":"u1","session_id":"s1",
    "provider":{"order":["acme"]},"messages":[{"role":"user","content":"Hello"}]}"#;
const WHOLE: &str =
    r#"{"model":"acme/echo","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}"#;

#[tokio::test]
async fn a_stream_is_written_through_and_accounted_for() {
    let platform = Platform::start().await;
    let answer = platform.chat(STREAM).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), "data: {\"n\":1}\n\ndata: {\"n\":2}\n\ndata: [DONE]\n\n");
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.header("x-accel-buffering"), "no");
    assert_eq!(answer.header("x-patchbay-simulated"), "true");

    let id: identity::GenerationId = answer.header("x-generation-id").parse().unwrap();
    let plan = platform.router.with(|said| said.plans.remove(0));
    assert_eq!(plan.models, ["acme/echo"]);
    assert_eq!(plan.provider.unwrap().order, ["acme"]);
    let profile = plan.profile.unwrap();
    assert_eq!((profile.stream, profile.max_tokens, profile.messages), (true, Some(100), 1));

    let ask = platform.billing.with(|heard| heard.asks.remove(0));
    assert_eq!(ask.tenant_id, platform.tenant.to_string());
    assert!(ask.shared && ask.floor < ask.want, "{ask:?}");

    let start = platform.worker.with(|seen| seen.starts.remove(0));
    assert_eq!((start.generation_id.as_str(), start.execution), (id.uuid().to_string().as_str(), 1));
    assert_eq!((start.body.as_ref(), start.attempts.len()), (STREAM.as_bytes(), 2));
    assert_eq!((start.reserved, start.leases.len()), (ask.floor, 1));
    assert_eq!((start.end_user.as_str(), start.session_id.as_str()), ("u1", "s1"));
    assert_eq!(start.max_tokens, None);

    let witness = platform.witness().await;
    assert_eq!(witness.outcome(), Outcome::Finished);
    assert_eq!((witness.charge, witness.deltas, witness.execution), (1_234, 2, 1));
    assert_eq!(witness.generation_id, id.uuid().to_string());
    assert_eq!((witness.price, witness.leases), (start.attempts[0].price.clone(), start.leases));
    eventually("the worker is told that its outcome arrived", async || {
        platform.worker.with(|seen| (seen.dones == 1).then_some(()))
    })
    .await;
    platform.stop().await;
}

#[tokio::test]
async fn a_whole_answer_is_json_and_both_paths_give_it() {
    let platform = Platform::start().await;
    for path in ["/api/v1/chat/completions", "/v1/chat/completions"] {
        let body = r#"{"id":"gen-1","choices":[]}"#;
        platform.worker.script(vec![Step::Started(0), Step::Commit(0), Step::Data(body, 3), Step::Final(9)]);
        let key = platform.demo.api_key.expose().to_owned();
        let answer = platform.call(http::Method::POST, path, Some(&key), WHOLE).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, body));
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer.header("x-generation-id").starts_with("gen-"));
        assert_eq!(answer.header("x-patchbay-simulated"), "true");
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_failure_before_content_is_an_error_with_its_status() {
    let platform = Platform::start().await;
    for body in [STREAM, WHOLE] {
        platform.worker.script(vec![Step::Started(0), Step::Failed(429, "rate_limit_exceeded", "slow down")]);
        let answer = platform.chat(body).await;
        assert_eq!(answer.error(), (429, 429, "rate_limit_exceeded".to_owned()));
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("retry-after"), "3");
        assert!(answer.header("x-generation-id").starts_with("gen-"));
    }
    assert_eq!(platform.witness().await.outcome(), Outcome::NothingOwed);
    platform.stop().await;
}

#[tokio::test]
async fn a_silent_stream_is_kept_alive_and_may_still_fail() {
    let platform = Platform::start_with("[edge.requests]\nkeep_alive_ms = 30", None).await;
    platform.worker.script(vec![
        Step::Started(0),
        Step::Pause(Duration::from_millis(200)),
        Step::Failed(502, "provider_unavailable", "gone"),
    ]);
    let answer = platform.chat(STREAM).await;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    assert!(text.starts_with(": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"), "{text}");
    let event = text.lines().find_map(|line| line.strip_prefix("data: {")).unwrap();
    let event: serde_json::Value = serde_json::from_str(&format!("{{{event}")).unwrap();
    assert_eq!(event["error"]["code"], 502);
    assert_eq!(event["error"]["metadata"]["error_type"], "provider_unavailable");
    assert_eq!(event["choices"][0]["finish_reason"], "error");
    assert_eq!(event["id"], answer.header("x-generation-id"));
    platform.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_worker_and_is_accounted_for() {
    let platform = Platform::start().await;
    platform.worker.script(vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data("data: {\"n\":1}\n\n", 1),
        Step::AwaitStop,
        Step::Final(77),
    ]);
    let mut response = platform.open(STREAM).await;
    let first = response.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first.as_ref(), b"data: {\"n\":1}\n\n");
    drop(response);
    let witness = platform.witness().await;
    assert_eq!((witness.outcome(), witness.charge, witness.deltas), (Outcome::Finished, 77, 1));
    assert_eq!(platform.worker.with(|seen| seen.stops.clone()), ["client_gone"]);
    platform.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_before_content_owes_nothing() {
    let platform = Platform::start().await;
    platform.worker.script(vec![Step::Started(0), Step::AwaitStop, Step::Failed(499, "server", "cancelled")]);
    let bearer = format!("Bearer {}", platform.demo.api_key.expose());
    let headers = [("authorization", bearer.as_str())];
    let address = platform.address;
    let waiting = client::send(address, http::Method::POST, "/api/v1/chat/completions", &headers, WHOLE);
    let started = eventually("the worker started", async || {
        platform.worker.with(|seen| (!seen.starts.is_empty()).then_some(()))
    });
    tokio::select! {
        _ = waiting => panic!("there is no answer"),
        () = started => {}
    }
    assert_eq!(platform.witness().await.outcome(), Outcome::NothingOwed);
    platform.stop().await;
}

#[tokio::test]
async fn a_stop_lets_running_streams_end() {
    let platform = Platform::start().await;
    platform.worker.script(vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data("data: {\"n\":1}\n\n", 1),
        Step::Pause(Duration::from_millis(300)),
        Step::Data("data: [DONE]\n\n", 1),
        Step::Final(5),
    ]);
    let mut response = platform.open(STREAM).await;
    let first = response.frame().await.unwrap().unwrap().into_data().unwrap();
    platform.begin_stop();
    let rest = client::whole(response).await;
    assert_eq!((first.as_ref(), rest.text()), (b"data: {\"n\":1}\n\n".as_slice(), "data: [DONE]\n\n"));
    let billing = platform.billing.clone();
    platform.stop().await;
    assert_eq!(billing.with(|heard| heard.witnesses.len()), 1);
}
