//! What counts against an endpoint's uptime, and what the routers are told of it.

use rpc::router::Attempt;
use serde_json::{Value, json};

use crate::upstream::{Reply, Step, Upstream, chunk, end, good, status, text};
use crate::world::{World, attempt, impatient, request};

/// An error within a stream that has begun well.
fn error(after: Vec<Step>, error: &Value) -> Reply {
    let event = Step::Send(format!("data: {}\n\n", json!({ "error": error })));
    Reply::Stream(after.into_iter().chain([event]).collect())
}

#[tokio::test]
async fn faults_are_what_the_endpoint_is_to_blame_for() {
    let world = World::start().await;
    let hello = || vec![text("Hello")];
    let too_long = json!({ "message": "too long", "code": "context_length_exceeded" });
    // What an endpoint does, and what of it counts: faults, rate limits.
    let cases = [
        (status(401), (1, 0)),
        (status(402), (1, 0)),
        (status(404), (1, 0)),
        (status(500), (1, 0)),
        (status(503), (1, 0)),
        (status(529), (1, 0)),
        (Reply::Hang, (1, 0)),
        (Reply::Stream(vec![text("Hello"), Step::Cut]), (1, 0)),
        (Reply::Stream(vec![text("Hello"), Step::Hang]), (1, 0)),
        (Reply::Stream(vec![text("Hello"), chunk(json!({}), Some("error")), end(10, 2)]), (1, 0)),
        (error(hello(), &json!({ "message": "overloaded", "code": 503 })), (1, 0)),
        (error(hello(), &json!({ "message": "slow down", "code": 429 })), (1, 0)),
        (error(Vec::new(), &json!({ "message": "slow down", "code": 429 })), (0, 1)),
        (error(hello(), &too_long), (0, 0)),
        (status(429), (0, 1)),
        (status(400), (0, 0)),
        (status(403), (0, 0)),
        (status(413), (0, 0)),
        (status(422), (0, 0)),
    ];
    for (n, (reply, expected)) in cases.into_iter().enumerate() {
        let upstream = Upstream::start(vec![reply, good()]).await;
        let endpoint = impatient(attempt(&upstream, "alpha"));
        world.run(request(vec![endpoint.clone()])).await;
        // A pause that it asked for holds nobody back who has no other hope.
        world.run(request(vec![endpoint.clone()])).await;
        let seen = world.notes.seen(&endpoint.endpoint_id, |seen| seen.successes == 1).await;
        assert_eq!((seen.faults, seen.rate_limits), expected, "case {n}");
        assert_eq!((seen.late_faults, seen.revivals), (0, 0), "case {n}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_says_nothing_of_the_endpoint() {
    let world = World::start().await;
    let begun = Reply::Stream(vec![text("Hello"), text(" world"), Step::Hang]);
    let upstream = Upstream::start(vec![begun, good()]).await;
    let endpoint = attempt(&upstream, "alpha");
    let mut edge = world.execute(request(vec![endpoint.clone()])).await.unwrap();
    edge.until(" world").await;
    edge.stop().await;
    edge.hear_all().await;
    world.run(request(vec![endpoint.clone()])).await;
    let seen = world.notes.seen(&endpoint.endpoint_id, |seen| seen.successes > 0).await;
    assert_eq!((seen.successes, seen.faults), (1, 0));
}

#[tokio::test]
async fn a_routers_probe_is_made_although_the_breaker_is_open_and_its_content_is_told_at_once() {
    let world = World::start().await;
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let slow = Reply::Stream(vec![text("Hello"), Step::Wait(go.clone()), text(" world"), end(10, 2)]);
    let bad = Upstream::start((0..5).map(|_| status(500)).chain([slow, good()]).collect()).await;
    let solid = Upstream::start((0..6).map(|_| good()).collect()).await;
    let (broken, solid) = (attempt(&bad, "bad"), attempt(&solid, "solid"));
    for _ in 0..5 {
        world.run(request(vec![broken.clone(), solid.clone()])).await;
    }
    let heard = world.run(request(vec![broken.clone(), solid.clone()])).await;
    assert_eq!(heard.outcomes(), ["skipped", "ok"]);

    let probe = Attempt { probe: true, ..broken.clone() };
    let mut edge = world.execute(request(vec![probe, solid.clone()])).await.unwrap();
    edge.until("Hello").await;
    let seen = world.notes.seen(&broken.endpoint_id, |seen| seen.revivals == 1).await;
    assert_eq!((seen.successes, seen.faults), (0, 5), "nothing is known yet of how it ends");
    go.notify_one();
    assert_eq!(edge.hear_all().await.content(), "Hello world");
    let heard = world.run(request(vec![broken, solid])).await;
    assert_eq!(heard.outcomes(), ["ok"], "it is closed again");
}
