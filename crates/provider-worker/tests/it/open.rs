//! What a worker says of the leases that it has something under.

use std::time::Duration;

use rpc::billing::OpenLeases;
use rpc::worker::{LeaseUse, Start};
use uuid::Uuid;

use crate::upstream::{Reply, Step, Upstream, text};
use crate::world::{World, attempt, request};

fn under(lease: Uuid, start: Start) -> Start {
    let lease = LeaseUse { lease_id: lease.to_string(), amount: start.reserved, ..LeaseUse::default() };
    Start { leases: vec![lease], ..start }
}

fn lists(open: &OpenLeases, leases: &[Uuid]) -> bool {
    let mut expected: Vec<String> = leases.iter().map(ToString::to_string).collect();
    expected.sort_unstable();
    !open.worker_id.is_empty() && !open.all && !open.is_leaving && open.lease_ids == expected
}

#[tokio::test]
async fn a_lease_is_open_from_the_start_of_an_execution_until_billing_has_settled_it() {
    let world = World::start().await;
    world.notes.open(|open| lists(open, &[])).await;
    let endless = || Reply::Stream(vec![text("Hello"), Step::Hang]);
    let upstream = Upstream::start(vec![endless(), endless()]).await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let start = |lease| under(lease, request(vec![attempt(&upstream, "alpha")]));
    let mut running = world.execute(start(first)).await.unwrap();
    running.until("Hello").await;
    world.notes.open(|open| lists(open, &[first])).await;
    let mut other = world.execute(start(second)).await.unwrap();
    other.until("Hello").await;
    world.notes.open(|open| lists(open, &[first, second])).await;

    // The edge is gone and so is billing: the claim waits in the spool.
    world.notes.set_down(true);
    drop(running);
    upstream.closed().await;
    other.stop().await;
    other.hear_all().await;
    world.notes.open(|open| lists(open, &[first, second])).await;
    world.notes.set_down(false);
    world.notes.open(|open| lists(open, &[])).await;
}

#[tokio::test]
async fn a_worker_says_goodbye_when_its_spool_is_empty_and_not_before() {
    for is_down in [false, true] {
        let world = World::start().await;
        let upstream = Upstream::start(vec![Reply::Stream(vec![text("Hello"), Step::Hang])]).await;
        let lease = Uuid::now_v7();
        let mut running =
            world.execute(under(lease, request(vec![attempt(&upstream, "alpha")]))).await.unwrap();
        running.until("Hello").await;
        world.notes.open(|open| lists(open, &[lease])).await;
        world.notes.set_down(is_down);
        world.tasks.shutdown().begin();
        running.stop().await;
        running.hear_all().await;
        assert!(world.tasks.drain(Duration::from_secs(20)).await, "the worker did not stop");
        world.notes.open(|open| open.is_leaving != is_down).await;
        assert_eq!(world.service.unsettled(), usize::from(is_down));
    }
}
