//! Many executions at once, each with its own fate: one account each, and each the right one.

use std::collections::HashMap;

use futures::future::join_all;

use crate::upstream::{Reply, Step, Upstream, good, status, text};
use crate::world::{World, attempt, cost, request};

const EACH: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fate {
    Good,
    Replaced,
    Cut,
    Stopped,
    Vanished,
}

async fn live(world: &World, upstream: &Upstream, broken: &Upstream, fate: Fate) -> (String, Fate) {
    let attempts = match fate {
        Fate::Replaced => vec![attempt(broken, "broken"), attempt(upstream, "alpha")],
        _ => vec![attempt(upstream, "alpha")],
    };
    let start = request(attempts);
    let generation = start.generation_id.clone();
    let mut edge = world.execute(start).await.unwrap();
    match fate {
        Fate::Good | Fate::Replaced | Fate::Cut => drop(edge.hear_all().await),
        Fate::Stopped => {
            edge.until(" world").await;
            edge.stop().await;
            edge.hear_all().await;
        }
        Fate::Vanished => edge.until(" world").await,
    }
    (generation, fate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_execution_has_one_account_and_the_right_one() {
    let world = World::start().await;
    let begun = || vec![text("Hello"), text(" world")];
    let script = |fate| match fate {
        Fate::Good | Fate::Replaced => good(),
        Fate::Cut => Reply::Stream(begun().into_iter().chain([Step::Cut]).collect()),
        Fate::Stopped | Fate::Vanished => Reply::Stream(begun().into_iter().chain([Step::Hang]).collect()),
    };
    let mut upstreams = Vec::new();
    for fate in [Fate::Good, Fate::Replaced, Fate::Cut, Fate::Stopped, Fate::Vanished] {
        upstreams.push((fate, Upstream::start((0..EACH).map(|_| script(fate)).collect()).await));
    }
    let broken = Upstream::start((0..EACH).map(|_| status(500)).collect()).await;
    let lives = upstreams.iter().flat_map(|(fate, upstream)| {
        let (world, broken) = (&world, &broken);
        (0..EACH).map(move |_| live(world, upstream, broken, *fate))
    });
    let fates: HashMap<String, Fate> = join_all(lives).await.into_iter().collect();

    let records = world.notes.records(fates.len()).await;
    assert_eq!(records.len(), fates.len());
    let mut seen = HashMap::new();
    for record in records {
        let fate = fates[&record.generation_id];
        assert!(seen.insert(record.generation_id.clone(), fate).is_none(), "two accounts of one generation");
        let what = (record.confirmed, record.partial, record.cancelled);
        let expected = match fate {
            Fate::Good | Fate::Replaced => (true, false, false),
            Fate::Cut => (true, true, false),
            Fate::Stopped => (true, true, true),
            Fate::Vanished => (false, true, true),
        };
        assert_eq!((what, record.charge), (expected, cost(10, 2)), "{fate:?}");
    }
}
