//! Answers that are paid for piece by piece.

use rpc::worker::execute_up::Message as Up;
use rpc::worker::{Grant, LeaseUse, Start};

use crate::upstream::{Reply, Step, Upstream, end, text};
use crate::world::{World, attempt, cost, request};

/// Completion tokens that the reservation pays for.
const QUANTUM: u64 = 4;

fn lease(id: &str, amount: i64) -> LeaseUse {
    LeaseUse { lease_id: id.to_owned(), account_id: "account".to_owned(), amount, ..LeaseUse::default() }
}

/// A request whose reservation pays for the prompt and one quantum.
fn start(upstream: &Upstream) -> Start {
    let reserved = cost(10, 4);
    Start {
        leases: vec![lease("first", reserved)],
        reserved,
        quantum_tokens: Some(QUANTUM),
        ..request(vec![attempt(upstream, "alpha")])
    }
}

#[tokio::test]
async fn an_answer_ends_with_length_when_nobody_pays_for_more() {
    let world = World::start().await;
    let steps = vec![text("Hello"), text(" world"), Step::Hang];
    let upstream = Upstream::start(vec![Reply::Stream(steps)]).await;
    let mut edge = world.execute(start(&upstream)).await.unwrap();
    edge.until(" world").await;
    assert!(edge.heard.used_tokens >= QUANTUM, "used {}", edge.heard.used_tokens);
    edge.say(Up::Grant(Grant::default())).await;
    upstream.closed().await;
    let heard = edge.hear_all().await;
    assert_eq!(heard.content(), "Hello world");
    let finishes: Vec<_> = heard
        .chunks()
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(finishes, ["length"]);
    assert_eq!(heard.outcomes(), ["ok"]);
    let record = world.notes.record().await;
    assert_eq!((record.charge, record.reserved), (cost(10, 2), cost(10, 4)));
    assert_eq!((record.finish_reason.as_str(), record.partial, record.cancelled), ("length", false, false));
}

#[tokio::test]
async fn an_answer_goes_on_with_what_is_granted_and_is_charged_once() {
    let world = World::start().await;
    let steps = vec![text("Hello"), text(" world"), text(", how are you?"), end(10, 8)];
    let upstream = Upstream::start(vec![Reply::Stream(steps)]).await;
    let mut edge = world.execute(start(&upstream)).await.unwrap();
    edge.until(" world").await;
    let more = cost(0, 20);
    edge.say(Up::Grant(Grant {
        amount: more,
        leases: vec![lease("first", 1), lease("second", more - 1)],
        tokens: 20,
    }))
    .await;
    let heard = edge.hear_all().await;
    assert_eq!(heard.content(), "Hello world, how are you?");
    assert_eq!(heard.r#final.unwrap().charge, cost(10, 8));
    let record = world.notes.record().await;
    assert_eq!((record.charge, record.reserved, record.absorbed), (cost(10, 8), cost(10, 4) + more, 0));
    let amounts: Vec<_> = record.leases.iter().map(|lease| (lease.lease_id.as_str(), lease.amount)).collect();
    assert_eq!(amounts, [("first", cost(10, 4) + 1), ("second", more - 1)]);
}

#[tokio::test]
async fn a_client_that_leaves_while_more_is_waited_for_pays_for_what_it_got() {
    let world = World::start().await;
    let steps = vec![text("Hello"), text(" world"), Step::Hang];
    let upstream = Upstream::start(vec![Reply::Stream(steps)]).await;
    let mut edge = world.execute(start(&upstream)).await.unwrap();
    edge.until(" world").await;
    edge.stop().await;
    upstream.closed().await;
    let heard = edge.hear_all().await;
    assert_eq!(heard.r#final.as_ref().unwrap().charge, cost(10, 2));
    assert!(world.notes.record().await.cancelled);
}
