//! Deterministic simulation: from admission to a closed period, every step may crash, come twice, late or in another
//! order. The SQL functions are the real ones; only the clock, the transport and the crashes are made up, all of them
//! from one seed. Afterwards the books must say what the world knows.

mod bus;
mod database;
mod edges;
mod faults;
mod office;
mod oracle;
mod records;
mod schedule;
mod time;
mod workers;
mod world;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

use self::database::Template;
use self::world::World;

/// What CI runs; `PATCHBAY_SEEDS` says another number.
const SEEDS: u64 = 500;
/// Tests that share the seeds, so that all cores have some.
const SHARDS: u64 = 8;
/// Rolled back seeds leave dead rows: after so many a fresh database is faster.
const SEEDS_PER_DATABASE: usize = 40;
/// Steps of a failed seed that are shown.
const SHOWN: usize = 60;

/// The seeds of one shard: its part of all, or the one that is to be replayed.
fn seeds(shard: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    if let Some(seed) = number("PATCHBAY_SEED") {
        return (seed % SHARDS == shard).then_some(seed).into_iter().collect();
    }
    (0..number("PATCHBAY_SEEDS").unwrap_or(SEEDS)).filter(|seed| seed % SHARDS == shard).collect()
}

/// What comes up in enough seeds, or they prove nothing.
const COMES_UP: [&str; 6] =
    ["settled by worker", "settled by claim", "settled by edge", "executed again", "recalled", "periods"];
/// What is enough.
const ENOUGH: usize = 40;

async fn run(shard: u64) {
    let seeds = seeds(shard);
    let mut tally = BTreeMap::new();
    for batch in seeds.chunks(SEEDS_PER_DATABASE) {
        let template = Template::create().await;
        for seed in batch {
            for (what, times) in replay(&template, *seed).await {
                *tally.entry(what).or_insert(0) += times;
            }
        }
    }
    eprintln!("shard {shard}, {} seeds: {tally:?}", seeds.len());
    let missing: Vec<&str> = COMES_UP.into_iter().filter(|what| !tally.contains_key(*what)).collect();
    assert!(missing.is_empty() || seeds.len() < ENOUGH, "never came up: {missing:?}");
}

/// One seed, in a transaction that is rolled back. What came up in it.
async fn replay(template: &Template, seed: u64) -> BTreeMap<String, u64> {
    let mut world = World::new(template.session().await, seed).await;
    // A seed that is replayed tells all.
    let is_whole = std::env::var_os("PATCHBAY_SEED").is_some();
    let outcome = AssertUnwindSafe(world.live()).catch_unwind().await;
    world.session.forget().await;
    if let Err(panic) = outcome {
        let from = if is_whole { 0 } else { world.log.len().saturating_sub(SHOWN) };
        eprintln!(
            "seed {seed} fails after {} steps; the last of them:\n{}\nreplay it with\n    \
             PATCHBAY_SEED={seed} cargo test -p billing --test it -- simulation:: --nocapture\n",
            world.log.len(),
            world.log[from..].join("\n"),
        );
        std::panic::resume_unwind(panic);
    }
    world.tally
}

macro_rules! shards {
    ($($name:ident: $shard:literal)*) => {
        $(#[tokio::test]
        async fn $name() {
            run($shard).await;
        })*
    };
}

shards! {
    shard_0: 0
    shard_1: 1
    shard_2: 2
    shard_3: 3
    shard_4: 4
    shard_5: 5
    shard_6: 6
    shard_7: 7
}
