//! How tenants share an endpoint that has only so many places.

use std::sync::Arc;

use rpc::router::Attempt;
use rpc::worker::Start;
use serde_json::json;
use tokio::sync::Notify;

use crate::upstream::{Reply, Step, Upstream, end, good, text};
use crate::world::{Conversation, World, attempt, request};

/// An answer that begins and then waits for the word to go on.
fn held(go: &Arc<Notify>) -> Reply {
    Reply::Stream(vec![text("Hello"), Step::Wait(Arc::clone(go)), end(10, 1)])
}

fn narrow(upstream: &Upstream, places: usize) -> Attempt {
    Attempt { quirks_json: json!({ "max_concurrent": places }).to_string(), ..attempt(upstream, "narrow") }
}

fn of(tenant: &str, attempts: &[Attempt]) -> Start {
    Start { tenant_id: tenant.to_owned(), ..request(attempts.to_vec()) }
}

#[tokio::test]
async fn a_tenant_at_ten_times_its_share_makes_nobody_else_fail() {
    const GREEDY: usize = 20;
    const MODEST: usize = 9;
    let world = World::start().await;
    let go = Arc::new(Notify::new());
    let replies = (0..9).map(|_| held(&go)).chain((0..MODEST).map(|_| good()));
    let upstream = Upstream::start(replies.collect()).await;
    let attempts = [narrow(&upstream, 10)];

    let mut running: Vec<Conversation> = Vec::new();
    let mut refused = 0;
    for _ in 0..GREEDY {
        let mut one = world.execute(of("greedy", &attempts)).await.unwrap();
        // One that has a place begins to answer; one that has none says so.
        while one.heard.text.is_empty() && one.next().await {}
        match &one.heard.failed {
            Some(failed) => {
                assert_eq!((failed.status, failed.retry_after_seconds), (429, Some(1)));
                assert_eq!(one.heard.error()["error"]["availability"]["code"], "capacity_exhausted");
                refused += 1;
            }
            None => running.push(one),
        }
    }
    assert_eq!((running.len(), refused), (9, GREEDY - 9), "it may have all but a tenth");

    // Each of the others finds the place that was left alone, one after the other.
    for modest in 0..MODEST {
        let heard = world.run(of(&format!("modest-{modest}"), &attempts)).await;
        assert_eq!((heard.content().as_str(), heard.failed), ("Hello world", None));
    }
    for one in running {
        go.notify_one();
        assert!(one.hear_all().await.r#final.is_some());
    }
    assert_eq!(upstream.seen().len(), 9 + MODEST, "who was refused was never sent on");
}

#[tokio::test]
async fn who_has_its_share_of_one_endpoint_is_served_by_another() {
    let world = World::start().await;
    let go = Arc::new(Notify::new());
    let upstream = Upstream::start(vec![held(&go)]).await;
    let backup = Upstream::start(vec![good()]).await;
    let attempts = [narrow(&upstream, 1), attempt(&backup, "backup")];
    let mut first = world.execute(of("greedy", &attempts)).await.unwrap();
    first.until("Hello").await;
    let second = world.run(of("greedy", &attempts)).await;
    assert_eq!((second.started.as_slice(), second.content().as_str()), ([1].as_slice(), "Hello world"));
    assert_eq!(second.outcomes(), ["skipped", "ok"]);
    go.notify_one();
    assert!(first.hear_all().await.r#final.is_some());
}
