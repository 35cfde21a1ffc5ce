//! What a warm reservation costs: `cargo run --release -p bench --example admission`.
//!
//! Each request reserves from two accounts, the credit of its organisation and the limit of its key, names its
//! leases, settles and is reported, in process and without I/O. Times are of batches, after a warm-up; allocations
//! are counted apart, because counting takes time.

use std::io::Write as _;
use std::time::{Duration, Instant};

use edge::Rehearsal;

const KEYS: usize = 1_000;
const WARM_UP: usize = 20_000;
const REQUESTS: usize = 400_000;
/// Requests that are timed together, because reading the clock takes time as well.
const BATCH: usize = 100;

fn main() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{REQUESTS} requests each, two accounts a request\n")?;
    writeln!(out, "| Accounts | threads | p50 ns | p99 ns | requests/s |\n|---|---|---|---|---|")?;
    for (name, rehearsal, keys) in [
        ("one organisation, one key", Rehearsal::new(1, 1), 1),
        ("one organisation, 1,000 keys", Rehearsal::new(1, KEYS), KEYS),
        ("1,000 organisations, a key each", Rehearsal::new(KEYS, KEYS), KEYS),
    ] {
        anyhow::ensure!(rehearsal.request(0).len() == 2, "a request reserves from two accounts");
        for threads in [1, 2, 4] {
            let started = Instant::now();
            let times = together(&rehearsal, keys, threads);
            let requests = u32::try_from(times.len() * BATCH).unwrap_or(u32::MAX);
            let rate = f64::from(requests) / started.elapsed().as_secs_f64();
            writeln!(
                out,
                "| {name} | {threads} | {} | {} | {rate:.0} |",
                nanos(&times, 500),
                nanos(&times, 990)
            )?;
        }
    }
    let rehearsal = Rehearsal::new(1, 1);
    drop(rehearsal.request(0));
    let counted = allocation_counter::measure(|| drop(rehearsal.request(0)));
    writeln!(out, "\n{} allocations a request, {} bytes", counted.count_total, counted.bytes_total)?;
    Ok(())
}

/// The times of all batches of so many threads, in ascending order.
fn together(rehearsal: &Rehearsal, keys: usize, threads: usize) -> Vec<Duration> {
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let each = |thread: usize| scope.spawn(move || alone(rehearsal, keys, thread * 7, threads));
        let running: Vec<_> = (0..threads).map(each).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    times.sort_unstable();
    times
}

fn alone(rehearsal: &Rehearsal, keys: usize, first: usize, threads: usize) -> Vec<Duration> {
    let requests = REQUESTS / threads;
    let mut times = Vec::with_capacity(requests / BATCH);
    let mut key = first % keys;
    let mut batch = || {
        for _ in 0..BATCH {
            std::hint::black_box(rehearsal.request(key));
            key = (key + 1) % keys;
        }
    };
    (0..WARM_UP / threads / BATCH).for_each(|_| batch());
    for _ in 0..requests / BATCH {
        let started = Instant::now();
        batch();
        times.push(started.elapsed());
    }
    times
}

/// A quantile in permille, in nanoseconds of one request.
fn nanos(times: &[Duration], permille: usize) -> String {
    let at = times.len() * permille / 1_000;
    let batch = u128::try_from(BATCH).unwrap_or(1);
    times.get(at).map_or_else(String::new, |time| (time.as_nanos() / batch).to_string())
}
