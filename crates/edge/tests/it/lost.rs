//! Workers, routers and billing replicas that are lost on the way.

use http::Method;
use http_body_util::BodyExt as _;
use pricing::{Class, PriceBook, Rate, Rates};
use rpc::billing::witness::Outcome;
use rpc::router::Attempt;

use crate::support::client::send;
use crate::support::router::attempt;
use crate::support::worker::{Step, good_stream};
use crate::support::{Platform, eventually};

const STREAM: &str =
    r#"{"model":"acme/echo","stream":true,"max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}"#;
const WHOLE: &str =
    r#"{"model":"acme/echo","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}"#;
const SPEECH: &str = r#"{"model":"acme/echo","input":"Nine only","voice":"alloy"}"#;
const IMAGE: &str = r#"{"model":"acme/echo","prompt":"A cat","stream":true,"partial_images":1}"#;

#[tokio::test]
async fn a_worker_lost_before_content_is_not_noticed() {
    let platform = Platform::start().await;
    platform.worker.script(vec![Step::Started(0), Step::Lose]);
    platform.worker.script(vec![Step::Lose]);
    let answer = platform.chat(STREAM).await;
    assert_eq!((answer.status.as_u16(), answer.text().ends_with("[DONE]\n\n")), (200, true));
    let starts = platform.worker.with(|seen| std::mem::take(&mut seen.starts));
    let made: Vec<(u32, u32)> = starts.iter().map(|start| (start.execution, start.first_attempt)).collect();
    assert_eq!(made, [(1, 0), (2, 1), (3, 1)]);
    let witness = platform.witness().await;
    assert_eq!((witness.outcome(), witness.execution), (Outcome::Finished, 3));
    assert_eq!(platform.billing.with(|heard| heard.asks.len()), 1);
    platform.stop().await;
}

#[tokio::test]
async fn a_whole_answer_survives_a_worker_lost_half_way() {
    let platform = Platform::start().await;
    platform.worker.script(vec![Step::Started(0), Step::Commit(0), Step::Data("{\"half", 1), Step::Lose]);
    platform.worker.script(vec![
        Step::Started(1),
        Step::Commit(1),
        Step::Data("{\"a\":1}", 2),
        Step::Final(3),
    ]);
    let answer = platform.chat(WHOLE).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "{\"a\":1}"));
    let witness = platform.witness().await;
    assert_eq!((witness.outcome(), witness.execution, witness.deltas), (Outcome::Finished, 2, 2));
    platform.stop().await;
}

#[tokio::test]
async fn a_worker_lost_after_content_ends_the_stream_with_an_error_and_a_floor_of_the_charge() {
    let platform = Platform::start().await;
    platform.worker.script(vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data("data: {\"n\":1}\n\n", 5),
        Step::Lose,
    ]);
    let answer = platform.chat(STREAM).await;
    let text = answer.text();
    assert!(text.starts_with("data: {\"n\":1}\n\ndata: {"), "{text}");
    let event = text.lines().filter_map(|line| line.strip_prefix("data: ")).nth(1).unwrap();
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    assert_eq!(event["error"]["metadata"]["error_type"], "provider_unavailable");
    assert_eq!(event["choices"][0]["finish_reason"], "error");
    assert_eq!((event["model"].as_str(), event["provider"].as_str()), (Some("acme/echo"), Some("Acme")));
    let witness = platform.witness().await;
    assert_eq!((witness.outcome(), witness.deltas, witness.execution), (Outcome::Lost, 5, 1));
    let usage = witness.usage.unwrap();
    assert_eq!((usage.output, witness.source()), (5, rpc::pricing::Source::Estimated));
    assert_eq!(witness.charge, i64::try_from(usage.input + 2 * usage.output).unwrap());
    platform.stop().await;
}

#[tokio::test]
async fn a_worker_lost_while_it_speaks_breaks_the_sound_off_and_owes_its_characters() {
    let platform = Platform::start().await;
    let base = Rates::default().with(Class::Character, Rate::from_picos(1_000));
    let price =
        rpc::convert::price_out(identity::PriceVersionId::generate(), &PriceBook { base, tiers: vec![] });
    platform.router.with(|said| said.attempts = vec![Attempt { price: Some(price), ..attempt(1, 2) }]);
    platform.worker.script(vec![Step::Started(0), Step::Commit(0), Step::Data("sound", 5), Step::Lose]);
    let bearer = format!("Bearer {}", platform.demo.api_key.expose());
    let headers = [("authorization", bearer.as_str())];
    let answer = send(platform.address, Method::POST, "/api/v1/audio/speech", &headers, SPEECH).await;
    assert_eq!(answer.status(), 200, "the head is not lost with what follows it");
    let mut body = answer.into_body();
    let sound = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(sound, "sound");
    assert!(body.frame().await.unwrap().is_err(), "half a sound looks whole");
    let witness = platform.witness().await;
    let usage = witness.usage.unwrap();
    assert_eq!(witness.outcome(), Outcome::Lost);
    assert_eq!((usage.character, usage.output, witness.charge), (9, 0, 9));
    platform.stop().await;
}

#[tokio::test]
async fn an_image_that_nobody_can_say_was_finished_is_not_owed() {
    let platform = Platform::start().await;
    let sketch = "event: image_generation.partial_image\ndata: {}\n\n";
    platform.worker.script(vec![Step::Started(0), Step::Commit(0), Step::Data(sketch, 1), Step::Lose]);
    let key = platform.demo.api_key.expose().to_owned();
    let answer = platform.call(Method::POST, "/api/v1/images/generations", Some(&key), IMAGE).await;
    assert!(answer.text().starts_with(sketch) && answer.text().contains("error"), "{}", answer.text());
    let witness = platform.witness().await;
    assert_eq!((witness.outcome(), witness.charge), (Outcome::NothingOwed, 0));
    platform.stop().await;
}

#[tokio::test]
async fn when_every_worker_is_lost_nothing_is_owed() {
    let platform = Platform::start().await;
    for _ in 0..3 {
        platform.worker.script(vec![Step::Started(0), Step::Lose]);
    }
    let answer = platform.chat(STREAM).await;
    assert_eq!(answer.error().0, 503);
    assert_eq!(platform.witness().await.outcome(), Outcome::NothingOwed);
    platform.stop().await;
}

#[tokio::test]
async fn a_router_lost_under_a_plan_is_asked_again() {
    let platform = Platform::start().await;
    platform.router.with(|said| said.failures = 2);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn a_silent_billing_is_asked_again_with_the_same_group() {
    let platform = Platform::start_with("[edge.leases]\nask_again_ms = 50", None).await;
    platform.billing.with(|heard| heard.swallow = 2);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let asks = platform.billing.with(|heard| heard.asks.clone());
    assert_eq!(asks.len(), 3);
    assert!(asks.iter().all(|ask| ask.group_id == asks[0].group_id));
    platform.stop().await;
}

#[tokio::test]
async fn a_billing_that_cannot_tell_is_no_402() {
    let platform = Platform::start_with("[edge.leases]\ndeadline_ms = 400", None).await;
    platform.billing.with(|heard| heard.unsure = usize::MAX);
    assert_eq!(platform.chat(STREAM).await.error().0, 503);
    platform.billing.with(|heard| heard.unsure = 2);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn a_worker_that_is_full_is_passed_over_and_one_that_finds_a_fault_is_believed() {
    let platform = Platform::start().await;
    platform.worker.with(|seen| {
        seen.refusals.push_back(tonic::Status::unavailable("fully occupied"));
        seen.refusals.push_back(rpc::Fault::unavailable("the spool is full").into());
    });
    assert_eq!(platform.chat(STREAM).await.status, 200);
    platform.worker.with(|seen| seen.refusals.push_back(rpc::Fault::invalid("bad image").into()));
    let answer = platform.chat(STREAM).await;
    assert_eq!((answer.error().0, answer.json()["error"]["message"].as_str()), (400, Some("bad image")));
    assert_eq!(platform.worker.with(|seen| seen.starts.len()), 1);
    platform.stop().await;
}

#[tokio::test]
async fn a_report_is_repeated_until_it_is_kept() {
    let platform = Platform::start_with("[edge.leases]\nreport_again_ms = 50", None).await;
    platform
        .worker
        .script([vec![Step::Pause(std::time::Duration::from_millis(100))], good_stream()].concat());
    let response = platform.open(STREAM).await;
    platform.billing.with(|heard| heard.swallow = 2);
    crate::support::client::whole(response).await;
    assert_eq!(platform.witness().await.outcome(), Outcome::Finished);
    platform.stop().await;
}

#[tokio::test]
async fn a_session_that_ends_is_opened_again_under_the_same_name() {
    let platform = Platform::start().await;
    platform.billing.cut();
    eventually("a second session", async || {
        platform.billing.with(|heard| (heard.hellos.len() >= 2).then_some(()))
    })
    .await;
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let hellos = platform.billing.with(|heard| heard.hellos.clone());
    assert_eq!(hellos[0], hellos[1]);
    assert!(hellos[0].epoch > 0 && !hellos[0].edge_id.is_empty());
    platform.stop().await;
}

#[tokio::test]
async fn without_billing_a_paid_request_is_refused_as_our_fault_once_the_leases_are_used_up() {
    let platform = Platform::start_with("[edge.leases]\ndeadline_ms = 300\nask_again_ms = 100", None).await;
    assert_eq!(platform.chat(STREAM).await.status, 200);
    platform.billing.with(|heard| heard.swallow = usize::MAX);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let dear = STREAM.replace("\"max_tokens\":100", "\"max_tokens\":1000");
    platform.router.with(|said| said.attempts = vec![attempt(1_000, 1_000)]);
    let answer = platform.chat(&dear).await;
    assert_eq!((answer.error().0, answer.header("retry-after")), (503, "1"));
    assert_eq!(platform.worker.with(|seen| seen.starts.len()), 2);
    // What a late answer reserves serves the next one.
    platform.billing.with(|heard| heard.swallow = 0);
    assert_eq!(platform.chat(&dear).await.status, 200);
    let groups: std::collections::BTreeSet<String> =
        platform.billing.with(|heard| heard.asks.iter().map(|ask| ask.group_id.clone()).collect());
    assert_eq!(groups.len(), 2);
    platform.stop().await;
}
