//! What survives: crashes, a silent billing, a full disk.

use lifecycle::Tasks;
use provider_worker::{Config, Service};
use rpc::events::UsageRecord;
use rpc::worker::{LeaseUse, Start};

use crate::billing::Notes;
use crate::upstream::{Reply, Step, Upstream, good, text};
use crate::world::{Conversation, World, attempt, config, cost, deps, request};

/// What a worker's next start makes of a stream of `steps` that it was killed in, once `until` was passed on. The
/// worker lives in a runtime of its own, which dies with it as under `kill -9`.
fn after_a_kill(steps: Vec<Step>, until: &str, change: impl FnOnce(Config) -> Config) -> UsageRecord {
    let directory = tempfile::tempdir().unwrap();
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let outside = runtime();
    let upstream = outside.block_on(Upstream::start(vec![Reply::Stream(steps)]));
    let start = request(vec![attempt(&upstream, "alpha")]);
    let generation = start.generation_id.clone();
    let doomed = runtime();
    let edge = doomed.block_on(async {
        let config = change(config(directory.path()));
        let service = Service::start(config, deps(&Notes::new(), &Tasks::default())).await.unwrap();
        let mut edge = Conversation::begin(rpc::Channel::local(service.grpc()), start).await.unwrap();
        edge.until(until).await;
        edge
    });
    doomed.shutdown_background();
    let notes = Notes::new();
    let record = outside.block_on(async {
        // The lock is free once the last task of the old life is gone.
        let _service = loop {
            match Service::start(config(directory.path()), deps(&notes, &Tasks::default())).await {
                Ok(service) => break service,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        notes.record().await
    });
    // The edge was there until the last task had died, so nobody saw it leave.
    drop(edge);
    assert_eq!(record.generation_id, generation);
    assert_eq!((record.confirmed, record.partial, record.finish_reason.as_str()), (false, true, "error"));
    record
}

#[test]
fn what_a_killed_worker_delivered_becomes_a_claim_at_its_next_start() {
    let steps = vec![text("Hello"), text(" world"), Step::Hang];
    let record = after_a_kill(steps, " world", |config| Config { checkpoint_deltas: 1, ..config });
    assert_eq!((record.charge, record.deltas), (cost(10, 2), 2));
}

/// What is not a token a delta: the edge, which counts deltas, could not make up for it.
#[test]
fn the_first_content_and_deltas_of_many_tokens_are_written_down_before_they_are_passed_on() {
    let rare = |config| Config { checkpoint_deltas: u32::MAX, checkpoint_ms: u64::MAX, ..config };
    let first = after_a_kill(vec![text("Hello"), Step::Hang], "Hello", rare);
    assert_eq!((first.charge, first.deltas), (cost(10, 1), 1));
    let steps = vec![text("Hello"), text(&" world".repeat(20)), Step::Hang];
    let fat = after_a_kill(steps, " world", rare);
    assert_eq!((fat.charge, fat.deltas), (cost(10, 21), 2));
}

#[tokio::test]
async fn accounts_wait_for_billing_and_are_not_lost_by_a_restart() {
    let world = World::start().await;
    world.notes.set_down(true);
    let upstream = Upstream::start(vec![good(), good()]).await;
    for _ in 0..2 {
        world.run(request(vec![attempt(&upstream, "alpha")])).await;
    }
    assert!(world.tasks.drain(std::time::Duration::from_secs(10)).await);
    assert_eq!(world.service.unsettled(), 2);
    let World { service, notes, directory, .. } = world;
    let id = service.id().to_owned();
    drop(service);
    notes.set_down(false);
    let service = Service::start(config(directory.path()), deps(&notes, &Tasks::default())).await.unwrap();
    assert_eq!(service.id(), id, "the name stays with the spool");
    let records = notes.records(2).await;
    assert!(records.iter().all(|record| record.confirmed && record.charge == cost(10, 2)));
}

#[tokio::test]
async fn a_silent_billing_is_asked_until_it_answers() {
    let world = World::start().await;
    world.notes.set_down(true);
    let upstream = Upstream::start(vec![good()]).await;
    world.run(request(vec![attempt(&upstream, "alpha")])).await;
    world.notes.set_down(false);
    assert_eq!(world.notes.record().await.charge, cost(10, 2));
}

#[tokio::test]
async fn a_full_spool_refuses_whom_it_could_not_charge() {
    let world = World::with(|config| Config { spool_max_bytes: 16, ..config }).await;
    let upstream = Upstream::start(vec![good()]).await;
    let paid = request(vec![attempt(&upstream, "alpha")]);
    let status = world.execute(paid.clone()).await.map(drop).unwrap_err();
    let fault = rpc::Fault::from_status(&status);
    assert_eq!((fault.status, fault.error_type.as_str()), (503, "provider_overloaded"));
    assert!(upstream.seen().is_empty(), "nothing went upstream");

    let mut free_of_charge = attempt(&upstream, "alpha");
    free_of_charge.price.as_mut().unwrap().base = Some(rpc::pricing::Rates::default());
    let free = Start { leases: Vec::<LeaseUse>::new(), reserved: 0, attempts: vec![free_of_charge], ..paid };
    assert_eq!(world.run(free).await.content(), "Hello world");
    assert_eq!(world.notes.record().await.charge, 0);
}

#[tokio::test]
async fn a_worker_that_is_fully_occupied_says_so() {
    let world = World::with(|config| Config { max_executions: 1, ..config }).await;
    let upstream = Upstream::start(vec![Reply::Hang]).await;
    let start = request(vec![attempt(&upstream, "alpha")]);
    let first = world.execute(start.clone()).await.unwrap();
    let other = request(start.attempts.clone());
    let status = world.execute(other).await.map(drop).unwrap_err();
    assert_eq!((status.code(), status.details().len()), (tonic::Code::Unavailable, 0));
    // Whoever has its share is not to ask elsewhere.
    let status = world.execute(start).await.map(drop).unwrap_err();
    let fault = rpc::Fault::from_status(&status);
    assert_eq!((fault.status, fault.retry_after_seconds), (429, Some(1)));
    first.stop().await;
    first.hear_all().await;
}

#[tokio::test]
async fn one_directory_serves_one_worker() {
    let world = World::start().await;
    let second = Service::start(config(world.directory.path()), deps(&world.notes, &Tasks::default())).await;
    assert!(matches!(
        second.map(drop),
        Err(provider_worker::Error::Spool(provider_worker::SpoolError::Held { .. }))
    ));
}
