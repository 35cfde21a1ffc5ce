//! Clients and edges that leave before the end.

use std::sync::Arc;

use rpc::Channel;
use rpc::router::Attempt;
use rpc::worker::execute_up::Message as Up;
use rpc::worker::{Start, Stop};
use tokio::sync::Notify;

use crate::upstream::{Reply, Step, Upstream, end, text, whole};
use crate::world::{Conversation, World, attempt, cost, request, whole_request};

fn endless() -> Reply {
    Reply::Stream(vec![text("Hello"), text(" world"), Step::Hang])
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_upstream_and_pays_for_what_it_got() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![endless()]).await;
    let mut edge = world.execute(request(vec![attempt(&upstream, "alpha")])).await.unwrap();
    edge.until(" world").await;
    edge.stop().await;
    upstream.closed().await;
    let heard = edge.hear_all().await;
    assert_eq!(heard.r#final.as_ref().unwrap().charge, cost(10, 2));
    assert_eq!(heard.outcomes(), ["cancelled"]);
    let record = world.notes.record().await;
    assert_eq!((record.charge, record.confirmed), (cost(10, 2), true));
    assert_eq!((record.cancelled, record.partial, record.deltas), (true, true, 2));
}

#[tokio::test]
async fn an_edge_that_vanishes_leaves_a_claim_for_what_it_got() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![endless(), endless()]).await;
    for worker in [Channel::local(world.service.grpc()), world.remote().await] {
        let start = request(vec![attempt(&upstream, "alpha")]);
        let mut edge = Conversation::begin(worker, start).await.unwrap();
        edge.until(" world").await;
        drop(edge);
        upstream.closed().await;
    }
    for record in world.notes.records(2).await {
        assert_eq!((record.charge, record.confirmed, record.cancelled), (cost(10, 2), false, true));
    }
}

#[tokio::test]
async fn an_upstream_that_bills_on_is_heard_to_its_end() {
    let world = World::start().await;
    let go = Arc::new(Notify::new());
    let steps = vec![text("Hello"), Step::Wait(Arc::clone(&go)), text(" world and all"), end(10, 6)];
    let upstream = Upstream::start(vec![Reply::Stream(steps)]).await;
    let running_on = Attempt { cancel_stops_billing: false, ..attempt(&upstream, "alpha") };
    let mut edge = world.execute(request(vec![running_on])).await.unwrap();
    edge.until("Hello").await;
    edge.stop().await;
    go.notify_one();
    let heard = edge.hear_all().await;
    assert_eq!(heard.content(), "Hello", "nothing goes out to a client that left");
    assert_eq!(heard.r#final.unwrap().charge, cost(10, 6));
}

#[tokio::test]
async fn an_answer_that_only_the_provider_can_count_is_heard_to_its_end() {
    let world = World::start().await;
    let go = Arc::new(Notify::new());
    let answer = || {
        let steps = vec![text("Hello"), Step::Wait(Arc::clone(&go)), text(" world"), end(700, 6)];
        Reply::Stream(steps)
    };
    let upstream = Upstream::start(vec![answer(), answer()]).await;
    let reasoning = Attempt {
        quirks_json: r#"{"hides_reasoning": true}"#.to_owned(),
        supported_parameters: vec!["reasoning".to_owned()],
        ..attempt(&upstream, "alpha")
    };
    let seeing =
        Start { body: body_with_image().to_string().into(), ..request(vec![attempt(&upstream, "a")]) };
    for start in [request(vec![reasoning]), seeing] {
        let mut edge = world.execute(start).await.unwrap();
        edge.until("Hello").await;
        edge.stop().await;
        go.notify_one();
        let heard = edge.hear_all().await;
        assert_eq!(heard.content(), "Hello", "nothing goes out to a client that left");
        assert_eq!(heard.r#final.unwrap().charge, cost(700, 6));
    }
}

fn body_with_image() -> serde_json::Value {
    serde_json::json!({
        "model": "openai/gpt-4o",
        "stream": true,
        "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "What is this?" },
            { "type": "image_url", "image_url": { "url": "https://example.com/a.png" } },
        ] }],
    })
}

#[tokio::test]
async fn sound_that_is_sold_by_the_token_is_heard_to_its_end_and_charged_in_full() {
    let world = World::start().await;
    let go = Arc::new(Notify::new());
    let steps = vec![
        Step::Send("data: {\"type\":\"speech.audio.delta\",\"audio\":\"U09VTkQ=\"}\n\n".to_owned()),
        Step::Wait(Arc::clone(&go)),
        Step::Send(
            "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":10,\"output_tokens\":600}}\n\n"
                .to_owned(),
        ),
    ];
    let upstream = Upstream::start(vec![Reply::Stream(steps)]).await;
    let speaking =
        Attempt { quirks_json: r#"{"speech_stream": "sse"}"#.to_owned(), ..attempt(&upstream, "alpha") };
    let body = serde_json::json!({ "model": "openai/gpt-4o", "input": "Say it.", "voice": "alloy" });
    let start = Start {
        client_dialect: "speech".to_owned(),
        body: body.to_string().into(),
        ..request(vec![speaking])
    };
    let mut edge = world.execute(start).await.unwrap();
    edge.until("SOUND").await;
    edge.stop().await;
    go.notify_one();
    let heard = edge.hear_all().await;
    assert_eq!(heard.r#final.unwrap().charge, cost(10, 600));
    let record = world.notes.record().await;
    assert_eq!((record.charge, record.cancelled), (cost(10, 600), true));
}

#[tokio::test]
async fn a_client_that_leaves_before_any_content_pays_nothing() {
    let world = World::start().await;
    let silent = Upstream::start(vec![Reply::Hang, Reply::Hang]).await;
    for start in [request(vec![attempt(&silent, "a")]), whole_request(vec![attempt(&silent, "a")])] {
        let mut edge = world.execute(start).await.unwrap();
        while edge.heard.started.is_empty() {
            edge.next().await;
        }
        edge.stop().await;
        let heard = edge.hear_all().await;
        assert_eq!(heard.r#final.unwrap().charge, 0);
    }
    let records = world.notes.records(2).await;
    assert!(records.iter().all(|record| record.charge == 0 && record.cancelled && !record.partial));
}

#[tokio::test]
async fn an_answer_in_one_piece_that_bills_on_is_charged_in_full() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![whole("Hello world", "stop", 2)]).await;
    let running_on = Attempt { cancel_stops_billing: false, ..attempt(&upstream, "alpha") };
    let edge = world.execute(whole_request(vec![running_on])).await.unwrap();
    edge.stop().await;
    // Whether the answer or the stop was first, the provider's bill is the customer's.
    let heard = edge.hear_all().await;
    assert!([0, cost(10, 2)].contains(&heard.r#final.unwrap().charge));
}

#[tokio::test]
async fn a_request_that_the_edge_ends_tells_its_client_why() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![endless(), Reply::Hang]).await;
    let deadline = || Up::Stop(Stop { reason: "deadline".to_owned() });
    let mut edge = world.execute(request(vec![attempt(&upstream, "alpha")])).await.unwrap();
    edge.until(" world").await;
    edge.say(deadline()).await;
    let heard = edge.hear_all().await;
    let error = heard.chunks().iter().find_map(|chunk| chunk.get("error").cloned()).unwrap();
    assert_eq!(error["metadata"]["error_type"], "timeout");
    assert_eq!(heard.r#final.unwrap().charge, cost(10, 2));

    let mut edge = world.execute(request(vec![attempt(&upstream, "alpha")])).await.unwrap();
    edge.next().await;
    edge.say(deadline()).await;
    assert_eq!(edge.hear_all().await.failed.unwrap().status, 503);
    let records = world.notes.records(2).await;
    assert!(records.iter().all(|record| record.confirmed && !record.cancelled));
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_gone() {
    let world = World::with(|config| provider_worker::Config { blocked_ms: 50, ..config }).await;
    let piece = "x ".repeat(8 * 1024);
    let flood = (0..400).map(|_| text(&piece)).chain([end(10, 2)]).collect();
    let upstream = Upstream::start(vec![Reply::Stream(flood)]).await;
    let edge = world.execute(request(vec![attempt(&upstream, "alpha")])).await.unwrap();
    upstream.closed().await;
    let record = world.notes.record().await;
    assert!(record.cancelled && !record.confirmed && record.deltas < 400);
    drop(edge);
}

#[tokio::test]
async fn an_edge_that_says_no_last_word_leaves_a_claim() {
    let world = World::with(|config| provider_worker::Config { done_wait_ms: 20, ..config }).await;
    let upstream = Upstream::start(vec![crate::upstream::good()]).await;
    let start: Start = request(vec![attempt(&upstream, "alpha")]);
    let mut edge = world.execute(start).await.unwrap();
    while edge.next().await {}
    let record = world.notes.record().await;
    assert_eq!((record.charge, record.confirmed), (cost(10, 2), false));
}
