//! Identical requests at once, by clients that let answers be cached: one is made, all get it.

use std::time::Duration;

use http_body_util::BodyExt as _;

use crate::support::client::whole;
use crate::support::worker::Step;
use crate::support::{Platform, eventually};

const ON: (&str, &str) = ("x-openrouter-cache", "true");
const PATH: &str = "/api/v1/chat/completions";
const STREAM: &str = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
const FIRST: &str =
    "data: {\"id\":\"gen-old\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n";
const REST: &str = "data: {\"id\":\"gen-old\",\"choices\":[],\"usage\":{\"cost\":0.5}}\n\ndata: [DONE]\n\n";

fn slowly(pause: u64) -> Vec<Step> {
    let pause = Step::Pause(Duration::from_millis(pause));
    vec![
        Step::Started(0),
        pause.clone(),
        Step::Commit(0),
        Step::Data(FIRST, 1),
        pause,
        Step::Data(REST, 1),
        Step::Final(9),
    ]
}

#[tokio::test]
async fn many_at_once_are_one_execution_and_one_charge() {
    let platform = Platform::start().await;
    platform.worker.script(slowly(300));
    let answers = futures::future::join_all((0..20).map(|_| platform.chat_with(&[ON], STREAM))).await;
    let mut ids = std::collections::HashSet::new();
    let (mut misses, mut free) = (0, 0);
    for answer in &answers {
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains("\"content\":\"one\"") && answer.text().ends_with("[DONE]\n\n"));
        misses += u32::from(answer.header("x-openrouter-cache-status") == "MISS");
        free += u32::from(answer.text().contains("\"cost\":0}"));
        ids.insert(answer.header("x-generation-id"));
    }
    assert_eq!((misses, free, ids.len(), platform.executions()), (1, 19, 20, 1));
    platform.witness().await;
    assert_eq!(platform.billing.with(|heard| (heard.asks.len(), heard.witnesses.len())), (1, 1));
    platform.stop().await;
}

#[tokio::test]
async fn whoever_comes_late_hears_it_from_the_first_byte_and_keeps_it_going() {
    let platform = Platform::start().await;
    let wait = Step::Pause(Duration::from_millis(600));
    platform.worker.script(vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data(FIRST, 1),
        wait,
        Step::Data(REST, 1),
        Step::Final(9),
    ]);
    let mut first = platform.open_at(PATH, &[ON], STREAM).await;
    let begun = first.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(begun.as_ref(), FIRST.as_bytes());
    let source = first.headers()["x-generation-id"].clone();
    let second = platform.open_at(PATH, &[ON], STREAM).await;
    assert_eq!(second.headers()["x-openrouter-cache-status"], "HIT");
    assert_eq!(second.headers()["x-openrouter-cache-source-id"], source);
    // The one who had it made leaves; it is made on for the other.
    drop(first);
    let heard = whole(second).await;
    assert!(heard.text().contains("\"content\":\"one\"") && heard.text().ends_with("[DONE]\n\n"));
    assert!(platform.worker.with(|seen| seen.stops.is_empty()));
    let hit = platform.chat_with(&[ON], STREAM).await;
    assert_eq!((hit.header("x-openrouter-cache-status"), platform.executions()), ("HIT", 1));
    platform.stop().await;
}

#[tokio::test]
async fn when_the_last_one_leaves_it_is_stopped_and_not_cached() {
    let platform = Platform::start().await;
    platform.worker.script(vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data(FIRST, 1),
        Step::AwaitStop,
        Step::Final(7),
    ]);
    let mut one = platform.open_at(PATH, &[ON], STREAM).await;
    let _ = one.frame().await;
    let two = platform.open_at(PATH, &[ON], STREAM).await;
    drop((one, two));
    assert_eq!(platform.witness().await.charge, 7);
    assert_eq!(platform.worker.with(|seen| seen.stops.clone()), ["client_gone"]);
    let answer = platform.chat_with(&[ON], STREAM).await;
    assert_eq!((answer.header("x-openrouter-cache-status"), platform.executions()), ("MISS", 2));
    platform.stop().await;
}

#[tokio::test]
async fn a_failure_is_everybodys_and_nobody_rushes() {
    let platform = Platform::start().await;
    let wait = Step::Pause(Duration::from_millis(300));
    platform.worker.script(vec![
        Step::Started(0),
        wait,
        Step::Failed(429, "rate_limit_exceeded", "slow down"),
    ]);
    let answers = futures::future::join_all((0..10).map(|_| platform.chat_with(&[ON], STREAM))).await;
    for answer in &answers {
        assert_eq!(answer.error(), (429, 429, "rate_limit_exceeded".to_owned()));
        assert_eq!(answer.header("retry-after"), "3");
    }
    assert_eq!(platform.executions(), 1);
    platform.stop().await;
}

#[tokio::test]
async fn a_slow_one_does_not_hold_up_the_others() {
    // Too long to be held as a whole: what everybody has taken is let go.
    let platform = Platform::start_with(
        "[edge.cache]\nmax_answer_bytes = 100_000\n[edge.requests]\nstalled_client_ms = 400",
        None,
    )
    .await;
    let long: &'static str = Box::leak(format!("data: {}\n\n", "x".repeat(60_000)).into_boxed_str());
    let mut steps = vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Data(FIRST, 1),
        Step::Pause(Duration::from_millis(300)),
    ];
    steps.extend((0..100).map(|_| Step::Data(long, 1)));
    steps.extend([Step::Data(REST, 1), Step::Final(9)]);
    platform.worker.script(steps);
    let quick = platform.open_at(PATH, &[ON], STREAM).await;
    let slow = platform.open_at(PATH, &[ON], STREAM).await;
    let heard = whole(quick).await;
    assert!(heard.text().ends_with("[DONE]\n\n"), "{} bytes", heard.text().len());
    drop(slow);
    let again = eventually("nothing is under way", async || {
        let answer = platform.chat_with(&[ON], STREAM).await;
        (answer.header("x-openrouter-cache-status") == "MISS").then_some(answer)
    })
    .await;
    assert_eq!((again.status.as_u16(), platform.executions()), (200, 2));
    platform.stop().await;
}
