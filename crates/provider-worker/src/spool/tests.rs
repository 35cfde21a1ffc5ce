use pricing::{Class, Rate, Rates};
use rpc::pricing::Usage;

use super::*;

fn options(directory: &Path) -> Options {
    Options {
        directory: directory.to_owned(),
        max_bytes: 1 << 20,
        segment_bytes: 400,
        sync_interval: Duration::from_millis(1),
        strict: false,
    }
}

fn record() -> UsageRecord {
    UsageRecord {
        generation_id: identity::GenerationId::generate().uuid().to_string(),
        execution: 1,
        reserved: 1_000_000,
        ..UsageRecord::default()
    }
}

fn checkpoint(record: &UsageRecord, output: u64) -> Checkpoint {
    let book = pricing::PriceBook {
        base: Rates::default().with(Class::Output, Rate::from_picos(1_000)),
        tiers: Vec::new(),
    };
    Checkpoint {
        generation_id: record.generation_id.clone(),
        execution: record.execution,
        price: Some(rpc::convert::price_out(identity::PriceVersionId::generate(), &book)),
        usage: Some(Usage { output, ..Usage::default() }),
        model: "openai/gpt-4o".to_owned(),
        ..Checkpoint::default()
    }
}

fn files(directory: &Path) -> usize {
    segment::find(directory).unwrap().len()
}

#[tokio::test]
async fn an_account_is_shipped_once_acknowledged_and_kept_until_settled() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let record = record();
    let key = Key::of(&record).unwrap();
    spool.start(record.clone()).await.unwrap();
    assert_eq!(spool.oldest(), None, "it runs");
    spool.finish(UsageRecord { charge: 7, ..record }).await.unwrap();
    let (made, _) = key.generation.uuid().get_timestamp().unwrap().to_unix();
    assert_eq!(spool.oldest(), Some(made));
    assert!(spool.overdue(Duration::ZERO, 9).is_empty(), "not before the edge's word");
    spool.ended(key, true);
    let ready = spool.next(9).await;
    let shipped = spool.read(&ready[0]).unwrap().unwrap();
    assert_eq!((ready.len(), shipped.charge, shipped.confirmed), (1, 7, true));
    assert_eq!(spool.overdue(Duration::ZERO, 9).len(), 1, "not settled, so it is shipped again");
    spool.settled(&[key.message(true)]);
    assert!(spool.read(&ready[0]).unwrap().is_none());
    assert!(spool.overdue(Duration::ZERO, 9).is_empty());
    assert_eq!((spool.depth(), spool.oldest()), (0, None));
}

#[tokio::test]
async fn what_a_crash_left_open_becomes_a_claim_for_what_was_delivered() {
    let directory = tempfile::tempdir().unwrap();
    let (silent, streaming, finished, acknowledged) = (record(), record(), record(), record());
    {
        let spool = Spool::open(options(directory.path())).unwrap();
        for record in [&silent, &streaming, &finished, &acknowledged] {
            spool.start(record.clone()).await.unwrap();
        }
        spool.checkpoint(checkpoint(&streaming, 3)).unwrap();
        spool.checkpoint(checkpoint(&streaming, 5)).unwrap();
        spool.finish(UsageRecord { charge: 11, ..finished.clone() }).await.unwrap();
        spool.finish(UsageRecord { charge: 12, ..acknowledged.clone() }).await.unwrap();
        spool.ended(Key::of(&acknowledged).unwrap(), true);
    }
    // Twice, as the first start after a crash may crash too.
    for _ in 0..2 {
        let spool = Spool::open(options(directory.path())).unwrap();
        let mut found: Vec<UsageRecord> =
            spool.next(9).await.iter().map(|ready| spool.read(ready).unwrap().unwrap()).collect();
        found.sort_by_key(|record| record.charge);
        let seen: Vec<(&str, i64, bool, bool)> = found
            .iter()
            .map(|record| (record.generation_id.as_str(), record.charge, record.confirmed, record.partial))
            .collect();
        assert_eq!(
            seen,
            [
                (silent.generation_id.as_str(), 0, false, false),
                (streaming.generation_id.as_str(), 5, false, true),
                (finished.generation_id.as_str(), 11, false, false),
                (acknowledged.generation_id.as_str(), 12, true, false),
            ]
        );
    }
}

#[tokio::test]
async fn settled_segments_are_deleted_and_stay_settled() {
    let directory = tempfile::tempdir().unwrap();
    let records: Vec<UsageRecord> = (0..40).map(|_| record()).collect();
    {
        let spool = Spool::open(options(directory.path())).unwrap();
        for record in &records {
            spool.start(record.clone()).await.unwrap();
            spool.finish(record.clone()).await.unwrap();
            spool.ended(Key::of(record).unwrap(), true);
        }
        assert!(files(directory.path()) > 5);
        for record in &records[1..] {
            spool.settled(&[Key::of(record).unwrap().message(true)]);
        }
        assert!(files(directory.path()) > 5, "the first account holds what follows it");
    }
    let spool = Spool::open(options(directory.path())).unwrap();
    assert_eq!(spool.depth(), 1, "what was settled before the restart stays settled");
    spool.settled(&[Key::of(&records[0]).unwrap().message(true)]);
    assert_eq!((spool.depth(), files(directory.path())), (0, 1));
}

#[tokio::test]
async fn a_torn_tail_loses_nothing_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let whole = record();
    {
        let options = Options { segment_bytes: 1 << 20, ..options(directory.path()) };
        let spool = Spool::open(options).unwrap();
        spool.start(whole.clone()).await.unwrap();
        spool.start(record()).await.unwrap();
    }
    let path = segment::path(directory.path(), 1);
    let bytes = std::fs::read(&path).unwrap();
    for cut in 1..=bytes.len() / 2 {
        std::fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
        let (_, index, unfinished) = recover::replay(directory.path(), 1 << 20).unwrap();
        assert_eq!((index.len(), unfinished.len()), (1, 1), "with {cut} bytes cut off");
        assert_eq!(unfinished[0].generation_id, whole.generation_id);
        for number in segment::find(directory.path()).unwrap() {
            if number > 1 {
                std::fs::remove_file(segment::path(directory.path(), number)).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_full_spool_refuses_to_start_but_takes_the_end_of_what_runs() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(Options { max_bytes: 150, ..options(directory.path()) }).unwrap();
    let running = record();
    spool.start(running.clone()).await.unwrap();
    spool.start(record()).await.unwrap();
    assert!(matches!(spool.start(record()).await, Err(Error::Full { .. })));
    spool.finish(running.clone()).await.unwrap();
    assert!(!spool.accepts());
}

#[tokio::test]
async fn one_process_holds_a_spool_and_strict_waits_for_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let strict = Options { strict: true, ..options(directory.path()) };
    let spool = Spool::open(strict.clone()).unwrap();
    assert!(matches!(Spool::open(strict), Err(Error::Held { .. })));
    spool.start(record()).await.unwrap();
}

#[tokio::test]
async fn an_account_that_the_disk_refuses_is_shipped_from_memory() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let record = record();
    let key = Key::of(&record).unwrap();
    spool.start(record.clone()).await.unwrap();
    // Fills the active segment, so that the next append needs a new file, which cannot be made.
    while spool.state().segments.bytes() < 400 {
        spool.checkpoint(checkpoint(&record, 1)).unwrap();
    }
    std::fs::remove_dir_all(directory.path()).unwrap();
    spool.start(self::record()).await.unwrap_err();
    spool.finish(UsageRecord { charge: 5, ..record }).await.unwrap();
    spool.ended(key, true);
    let ready = spool.next(9).await;
    assert_eq!(spool.read(&ready[0]).unwrap().unwrap().charge, 5);
    spool.settled(&[key.message(true)]);
    assert_eq!(spool.depth(), 0);
}

#[tokio::test]
async fn a_long_stream_does_not_keep_what_others_have_settled() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { max_bytes: 4_000, ..options(directory.path()) };
    let (long, claim) = (record(), record());
    {
        let spool = Spool::open(options.clone()).unwrap();
        spool.start(long.clone()).await.unwrap();
        spool.checkpoint(checkpoint(&long, 6)).unwrap();
        spool.start(claim.clone()).await.unwrap();
        spool.finish(UsageRecord { charge: 9, ..claim.clone() }).await.unwrap();
        spool.ended(Key::of(&claim).unwrap(), true);
        for _ in 0..500 {
            let short = record();
            spool.start(short.clone()).await.unwrap();
            spool.finish(short.clone()).await.unwrap();
            spool.ended(Key::of(&short).unwrap(), true);
            spool.settled(&[Key::of(&short).unwrap().message(true)]);
        }
        assert!(spool.bytes() < 4_000);
    }
    let spool = Spool::open(options).unwrap();
    let mut found: Vec<UsageRecord> =
        spool.next(9).await.iter().map(|ready| spool.read(ready).unwrap().unwrap()).collect();
    found.sort_by_key(|record| record.charge);
    let seen: Vec<(&str, i64, bool)> =
        found.iter().map(|r| (r.generation_id.as_str(), r.charge, r.confirmed)).collect();
    assert_eq!(seen, [(long.generation_id.as_str(), 6, false), (claim.generation_id.as_str(), 9, true)]);
}

#[tokio::test]
async fn an_execution_that_died_alone_becomes_a_claim_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let record = record();
    let key = Key::of(&record).unwrap();
    spool.start(record.clone()).await.unwrap();
    spool.checkpoint(checkpoint(&record, 4)).unwrap();
    spool.abandon(key).await;
    let claim = spool.read(&spool.next(9).await[0]).unwrap().unwrap();
    assert_eq!((claim.charge, claim.confirmed, claim.partial), (4, false, true));
    spool.abandon(key).await;
    assert!(spool.ready(9).is_empty(), "an account is written once");
}

fn lease(n: u128) -> rpc::worker::LeaseUse {
    rpc::worker::LeaseUse { lease_id: Uuid::from_u128(n).to_string(), ..Default::default() }
}

fn open(spool: &Spool) -> Vec<u128> {
    spool.open_leases(9).unwrap().iter().map(Uuid::as_u128).collect()
}

#[tokio::test]
async fn leases_are_open_until_everything_under_them_is_settled_whatever_crashes() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(options(directory.path())).unwrap();
    let under =
        |leases: &[u128]| UsageRecord { leases: leases.iter().map(|n| lease(*n)).collect(), ..record() };
    let (first, second, free) = (under(&[1, 2]), under(&[2, 1, 2]), under(&[]));
    for record in [&first, &second, &free] {
        spool.start(record.clone()).await.unwrap();
    }
    assert_eq!(open(&spool), [1, 2]);
    // The first grows while it runs.
    spool.checkpoint(Checkpoint { leases: vec![lease(2), lease(3)], ..checkpoint(&first, 3) }).unwrap();
    assert_eq!(open(&spool), [1, 2, 3]);
    assert!(spool.open_leases(2).is_none(), "too many to list");
    spool.finish(second.clone()).await.unwrap();
    assert_eq!(open(&spool), [1, 2, 3]);
    drop(spool);

    let spool = Spool::open(options(directory.path())).unwrap();
    assert_eq!(open(&spool), [1, 2, 3]);
    spool.settled(&[Key::of(&second).unwrap().message(true)]);
    assert_eq!(open(&spool), [2, 3]);
    spool.settled(&[Key::of(&first).unwrap().message(false), Key::of(&free).unwrap().message(false)]);
    assert_eq!(open(&spool), [0_u128; 0]);
    assert_eq!(spool.depth(), 0);
}
