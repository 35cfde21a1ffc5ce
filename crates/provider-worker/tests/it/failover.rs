//! Endpoints that fail, and what the client sees of it.

use rpc::router::Attempt;
use rpc::worker::Start;
use serde_json::json;

use crate::upstream::{Reply, Step, Upstream, chunk, end, good, status, text, whole};
use crate::world::{World, attempt, cost, impatient, request, whole_request};

fn limited(seconds: u32) -> Reply {
    Reply::Status {
        status: 429,
        headers: vec![("retry-after", seconds.to_string())],
        body: json!({ "error": { "message": "slow down" } }),
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_before_content_is_replaced_unseen() {
    let world = World::start().await;
    let role = || chunk(json!({ "role": "assistant", "content": "" }), None);
    let failures = [
        (status(500), "fault"),
        (limited(3), "rate_limited"),
        (Reply::Hang, "timeout"),
        (Reply::Stream(vec![role(), Step::Hang]), "timeout"),
        (Reply::Stream(vec![role(), Step::Cut]), "fault"),
        (Reply::Stream(vec![role()]), "fault"),
        (status(401), "fault"),
    ];
    for (n, (failure, outcome)) in failures.into_iter().enumerate() {
        let bad = Upstream::start(vec![failure]).await;
        let backup = Upstream::start(vec![good()]).await;
        let attempts = vec![impatient(attempt(&bad, "bad")), attempt(&backup, "backup")];
        let heard = world.run(request(attempts)).await;
        assert_eq!(heard.started, [0, 1], "case {n}");
        assert_eq!(heard.content(), "Hello world");
        assert_eq!(heard.commit.as_ref().unwrap().n, 1);
        assert_eq!(heard.outcomes(), [outcome, "ok"], "case {n}");
        assert_eq!(heard.r#final.unwrap().charge, cost(10, 2));
    }
    let records = world.notes.records(7).await;
    assert!(records.iter().all(|record| record.provider == "backup" && record.charge == cost(10, 2)));
}

#[tokio::test]
async fn an_answer_in_one_piece_fails_over_too() {
    let world = World::start().await;
    for failure in [status(503), Reply::Hang, whole("", "", 0)] {
        let bad = Upstream::start(vec![failure]).await;
        let backup = Upstream::start(vec![whole("Hello world", "stop", 2)]).await;
        let attempts = vec![impatient(attempt(&bad, "bad")), attempt(&backup, "backup")];
        let heard = world.run(whole_request(attempts)).await;
        assert_eq!((heard.started.as_slice(), heard.commit.unwrap().n), ([0, 1].as_slice(), 1));
    }
}

#[tokio::test]
async fn a_request_that_nobody_would_take_is_tried_once_per_model() {
    let world = World::start().await;
    let first = Upstream::start(vec![status(400)]).await;
    let same = Upstream::start(vec![]).await;
    let other = Upstream::start(vec![status(400)]).await;
    let elsewhere = Attempt { model: "other/model".to_owned(), ..attempt(&other, "other") };
    let start = request(vec![attempt(&first, "first"), attempt(&same, "same"), elsewhere]);
    let heard = world.run(start).await;
    assert_eq!(heard.started, [0, 2]);
    let failed = heard.failed.as_ref().unwrap();
    assert_eq!((failed.status, failed.error_type.as_str()), (400, "invalid_request"));
    assert_eq!(heard.outcomes(), ["refused", "refused"]);
    assert_eq!(world.notes.record().await.charge, 0);
}

#[tokio::test]
async fn when_all_are_busy_the_client_hears_when_to_come_back() {
    let world = World::start().await;
    let one = Upstream::start(vec![limited(9)]).await;
    let two = Upstream::start(vec![limited(4)]).await;
    let heard = world.run(request(vec![attempt(&one, "one"), attempt(&two, "two")])).await;
    let failed = heard.failed.as_ref().unwrap();
    assert_eq!((failed.status, failed.retry_after_seconds), (429, Some(4)));
    let error = &heard.error()["error"];
    assert_eq!(error["availability"]["code"], "capacity_exhausted");
    assert_eq!(error["metadata"]["error_type"], "rate_limit_exceeded");
    assert_eq!(error["metadata"]["provider_name"], "The two");
    assert_eq!(error["metadata"]["previous_errors"][0]["provider"], "The one");
    let record = world.notes.record().await;
    assert_eq!((record.charge, record.confirmed, record.price), (0, true, None));
    assert_eq!(record.attempts.len(), 2);
}

#[tokio::test]
async fn when_all_are_down_the_client_hears_that_it_passes() {
    let world = World::start().await;
    let one = Upstream::start(vec![status(500)]).await;
    let two = Upstream::start(vec![Reply::Hang]).await;
    let heard = world.run(request(vec![attempt(&one, "one"), impatient(attempt(&two, "two"))])).await;
    let failed = heard.failed.as_ref().unwrap();
    assert_eq!((failed.status, failed.retry_after_seconds), (503, None));
    assert_eq!(heard.error()["error"]["availability"]["code"], "temporarily_unavailable");
}

#[tokio::test]
async fn a_break_after_content_is_a_typed_error_and_charged_for_what_came() {
    let world = World::start().await;
    for broken in [Step::Cut, Step::Hang] {
        let upstream =
            Upstream::start(vec![Reply::Stream(vec![text("Hello"), text(" world"), broken])]).await;
        let backup = Upstream::start(vec![]).await;
        let attempts = vec![impatient(attempt(&upstream, "alpha")), attempt(&backup, "backup")];
        let heard = world.run(request(attempts)).await;
        assert_eq!(heard.content(), "Hello world");
        let chunks = heard.chunks();
        let last = chunks.iter().find(|chunk| chunk.get("error").is_some()).unwrap();
        assert_eq!(last["choices"][0]["finish_reason"], "error");
        assert!(last["error"]["metadata"]["error_type"].is_string());
        let account = heard.r#final.unwrap();
        assert_eq!((account.charge, account.finish_reason.as_str()), (cost(10, 2), "error"));
    }
    let records = world.notes.records(2).await;
    assert!(records.iter().all(|record| record.partial && !record.cancelled && record.confirmed));
    world.notes.observation(|observation| observation.faults > 0).await;
}

#[tokio::test]
async fn an_endpoint_that_keeps_failing_is_passed_over_until_it_is_the_last_hope() {
    let world = World::start().await;
    let bad = Upstream::start((0..6).map(|_| status(500)).chain([good()]).collect()).await;
    let broken = attempt(&bad, "bad");
    let solid = Upstream::start((0..7).map(|_| good()).collect()).await;
    let solid = attempt(&solid, "solid");
    for _ in 0..5 {
        let heard = world.run(request(vec![broken.clone(), solid.clone()])).await;
        assert_eq!(heard.outcomes(), ["fault", "ok"]);
    }
    let heard = world.run(request(vec![broken.clone(), solid.clone()])).await;
    assert_eq!((heard.started.as_slice(), heard.outcomes()), ([1].as_slice(), vec!["skipped", "ok"]));
    assert_eq!(bad.seen().len(), 5);

    let heard = world.run(request(vec![broken.clone()])).await;
    assert_eq!(heard.failed.unwrap().status, 503);
    let heard = world.run(request(vec![broken])).await;
    assert_eq!(heard.content(), "Hello world", "the last hope is tried although its breaker is open");
}

#[tokio::test]
async fn an_execution_elsewhere_begins_after_the_attempt_that_was_lost() {
    let world = World::start().await;
    let lost = Upstream::start(vec![]).await;
    let next = Upstream::start(vec![Reply::Stream(vec![text("Hi"), end(10, 2)])]).await;
    let attempts = vec![attempt(&lost, "lost"), attempt(&next, "next")];
    let heard = world.run(Start { execution: 2, first_attempt: 1, ..request(attempts) }).await;
    assert_eq!(heard.started, [1]);
    assert_eq!(world.notes.record().await.execution, 2);
}
