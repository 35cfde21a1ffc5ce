//! Good answers: what the client gets and what is charged.

use identity::CredentialId;
use rpc::router::Attempt;
use rpc::worker::Start;
use serde_json::json;

use crate::upstream::{Reply, Upstream, chunk, end, good, text, whole};
use crate::world::{Conversation, World, attempt, cost, master_key, request, whole_request};

#[tokio::test]
async fn a_streamed_answer_is_passed_on_and_charged_exactly() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![good()]).await;
    let start = request(vec![attempt(&upstream, "alpha")]);
    let generation = start.generation_id.clone();
    let heard = world.run(start).await;

    assert_eq!(heard.started, [0]);
    assert_eq!(heard.commit.as_ref().unwrap().provider_name, "The alpha");
    assert_eq!((heard.content().as_str(), heard.deltas), ("Hello world", 2));
    assert!(heard.text.ends_with("data: [DONE]\n\n"));
    let last = heard.r#final.as_ref().unwrap();
    assert_eq!(last.charge, cost(10, 2));
    assert_eq!(last.finish_reason, "stop");
    let chunks = heard.chunks();
    let usage = &chunks.last().unwrap()["usage"];
    assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(10), &json!(2)));
    assert_eq!(usage["cost"].as_f64(), Some(0.00004725));

    let record = world.notes.record().await;
    assert_eq!((record.generation_id, record.charge, record.confirmed), (generation, cost(10, 2), true));
    assert_eq!((record.cancelled, record.partial, record.absorbed), (false, false, 0));
    assert_eq!((record.deltas, record.provider_response_id.as_str()), (2, "chatcmpl-1"));
    assert_eq!(record.attempts[0].outcome, "ok");
    let seen = world.notes.observation(|observation| observation.successes == 1).await;
    assert_eq!((seen.faults, seen.output_tokens_sum), (0, 2));
}

#[tokio::test]
async fn the_network_changes_nothing() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![good(), good()]).await;
    let worker = world.remote().await;
    let over_the_network = Conversation::begin(worker, request(vec![attempt(&upstream, "alpha")])).await;
    let over_the_network = over_the_network.unwrap().hear_all().await;
    let in_process = world.run(request(vec![attempt(&upstream, "alpha")])).await;
    assert_eq!(over_the_network.content(), in_process.content());
    assert_eq!(over_the_network.r#final.unwrap().charge, in_process.r#final.unwrap().charge);
}

#[tokio::test]
async fn an_answer_in_one_piece_is_charged_alike() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![whole("Hello world", "stop", 2)]).await;
    let heard = world.run(whole_request(vec![attempt(&upstream, "alpha")])).await;
    let body: serde_json::Value = serde_json::from_str(&heard.text).unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], "Hello world");
    assert_eq!(heard.r#final.unwrap().charge, cost(10, 2));
    assert!(!world.notes.record().await.streamed);
    assert_ne!(upstream.seen()[0].body["stream"], json!(true));
}

#[tokio::test]
async fn usage_that_the_provider_keeps_to_itself_is_counted() {
    let world = World::start().await;
    let done = crate::upstream::Step::Send("data: [DONE]\n\n".to_owned());
    let steps = vec![text("Hello"), text(" world"), chunk(json!({}), Some("stop")), done];
    let upstream = Upstream::start(vec![Reply::Stream(steps)]).await;
    let heard = world.run(request(vec![attempt(&upstream, "alpha")])).await;
    let last = heard.r#final.unwrap();
    let usage = last.usage.unwrap();
    // Six tokens of text and four of the template; two words.
    assert_eq!((usage.input, usage.output), (10, 2));
    assert_eq!(last.source, i32::from(rpc::pricing::Source::Counted));
    assert_eq!(last.charge, cost(10, 2));
}

#[tokio::test]
async fn a_charge_stops_at_its_reservation() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![good()]).await;
    let start = Start { reserved: 1_000, ..request(vec![attempt(&upstream, "alpha")]) };
    assert_eq!(world.run(start).await.r#final.unwrap().charge, 1_000);
    let record = world.notes.record().await;
    assert_eq!(record.charge + record.absorbed, cost(10, 2));
}

#[tokio::test]
async fn the_upstream_gets_its_credential_and_the_affordable_tokens() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![good()]).await;
    let credential_id = CredentialId::generate().to_string();
    let sealed = master_key().seal("sk-upstream", &credential_id).unwrap();
    let attempt = Attempt { credential_id, sealed_credential: sealed.into(), ..attempt(&upstream, "alpha") };
    world.run(Start { max_tokens: Some(77), ..request(vec![attempt]) }).await;
    let seen = &upstream.seen()[0];
    assert_eq!(seen.headers["authorization"], "Bearer sk-upstream");
    let tokens = [&seen.body["max_tokens"], &seen.body["max_completion_tokens"]];
    assert!(tokens.contains(&&json!(77)), "{}", seen.body);
}

#[tokio::test]
async fn a_body_that_is_no_request_is_refused_before_anything_is_spent() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![]).await;
    let start = Start { body: "{}".into(), ..request(vec![attempt(&upstream, "alpha")]) };
    let status = world.execute(start).await.map(drop).unwrap_err();
    let fault = rpc::Fault::from_status(&status);
    assert_eq!(fault.status, 400);
    assert_eq!((world.service.unsettled(), upstream.seen().len()), (0, 0));
}

#[tokio::test]
async fn an_answer_without_a_token_costs_nothing() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![whole("", "", 0)]).await;
    let heard = world.run(whole_request(vec![attempt(&upstream, "alpha")])).await;
    assert_eq!(heard.r#final.map(|last| last.charge).unwrap_or_default(), 0);
    assert_eq!(world.notes.record().await.charge, 0);
}

#[tokio::test]
async fn frames_that_are_there_at_once_go_out_together() {
    let world = World::start().await;
    let frames: String = (0..200)
        .map(|n| match text(&format!("word{n} ")) {
            crate::upstream::Step::Send(frame) => frame,
            _ => unreachable!(),
        })
        .collect();
    let steps = vec![crate::upstream::Step::Send(frames), end(10, 400)];
    let upstream = Upstream::start(vec![Reply::Stream(steps)]).await;
    let mut edge = world.execute(request(vec![attempt(&upstream, "alpha")])).await.unwrap();
    let mut messages = 0;
    while edge.next().await {
        messages += 1;
    }
    assert_eq!(edge.heard.deltas, 200);
    assert!(messages < 20, "{messages} messages for 200 deltas");
}
