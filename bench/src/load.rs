//! The load generators.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{bail, ensure};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::check::Expected;
use crate::http::{Connection, post};
use crate::sample::Tally;

/// No request may take longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many requests may be open in an open loop; more means that the target has given in.
const MOST_OPEN: usize = 4000;
/// So many streams are opened per so much time.
const RAMP_STREAMS: usize = 4;
const RAMP: Duration = Duration::from_millis(4);

/// What to send where, and what must come back.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) key: String,
    pub(crate) body: Bytes,
    pub(crate) streams: bool,
    pub(crate) expected: Expected,
}

/// What arrives over all held streams.
#[derive(Debug, Default)]
struct Arrivals {
    chunks: AtomicU64,
    /// Microseconds.
    longest_pause: AtomicU64,
}

/// When things happened in one exchange, in microseconds since it was due.
struct Timing {
    first: u64,
    end: u64,
    chunks: u64,
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

impl Plan {
    /// Sends the request and checks the answer. `arrivals` counts chunks as they come.
    async fn exchange(
        &self,
        connection: &mut Connection,
        due: Instant,
        arrivals: Option<&Arrivals>,
    ) -> anyhow::Result<Timing> {
        let request = post(&self.authority, &self.path, &self.key, self.body.clone())?;
        let response = connection.send(request).await?;
        let status = response.status();
        let mut body = response.into_body();
        if !status.is_success() {
            let bytes = body.collect().await?.to_bytes();
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
            bail!("{status}: {text}");
        }
        if !self.streams {
            let bytes = body.collect().await?.to_bytes();
            let end = micros(due);
            self.expected.whole(&bytes)?;
            return Ok(Timing { first: end, end, chunks: 0 });
        }
        let mut check = self.expected.stream();
        let mut timing = Timing { first: 0, end: 0, chunks: 0 };
        let mut last = due;
        while let Some(frame) = body.frame().await {
            let Ok(bytes) = frame?.into_data() else { continue };
            let chunks = check.take(&bytes)?;
            if chunks > 0 && timing.chunks == 0 {
                timing.first = micros(due);
            }
            if let Some(arrivals) = arrivals.filter(|_| chunks > 0) {
                arrivals.chunks.fetch_add(chunks, Ordering::Relaxed);
                if timing.chunks > 0 {
                    arrivals.longest_pause.fetch_max(micros(last), Ordering::Relaxed);
                }
                last = Instant::now();
            }
            timing.chunks += chunks;
        }
        timing.end = micros(due);
        check.finish()?;
        Ok(timing)
    }

    async fn bounded(
        &self,
        connection: &mut Connection,
        due: Instant,
        arrivals: Option<&Arrivals>,
    ) -> anyhow::Result<Timing> {
        match timeout(PATIENCE, self.exchange(connection, due, arrivals)).await {
            Ok(outcome) => outcome,
            Err(_) => bail!("no whole answer within {} s", PATIENCE.as_secs()),
        }
    }
}

impl Tally {
    fn count(&mut self, outcome: anyhow::Result<Timing>) -> bool {
        match outcome {
            Ok(timing) => {
                self.good += 1;
                self.chunks += timing.chunks;
                self.latencies.push(timing.end);
                if timing.chunks > 0 {
                    self.firsts.push(timing.first);
                }
                true
            }
            Err(error) => {
                self.fail(&error);
                false
            }
        }
    }
}

/// One request, for warming up and for waiting until a target answers.
///
/// # Errors
/// What is wrong with the answer.
pub(crate) async fn once(plan: &Plan) -> anyhow::Result<()> {
    let mut connection = Connection::open(&plan.authority).await?;
    plan.bounded(&mut connection, Instant::now(), None).await?;
    Ok(())
}

/// So many connections, each sending its next request when the last is answered. Requests that are open at
/// the end are waited for and counted.
pub(crate) async fn closed(plan: &Arc<Plan>, connections: usize, length: Duration) -> Tally {
    let begun = Instant::now();
    let end = begun + length;
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let plan = Arc::clone(plan);
        tasks.spawn(async move {
            let mut tally = Tally::default();
            let mut kept: Option<Connection> = None;
            while Instant::now() < end {
                let mut connection = match kept.take().filter(Connection::is_usable) {
                    Some(connection) => connection,
                    None => match Connection::open(&plan.authority).await {
                        Ok(connection) => connection,
                        Err(error) => {
                            tally.fail(&error);
                            tokio::time::sleep(Duration::from_millis(50)).await;
                            continue;
                        }
                    },
                };
                if tally.count(plan.bounded(&mut connection, Instant::now(), None).await) {
                    kept = Some(connection);
                }
            }
            tally
        });
    }
    let mut tally = Tally::default();
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(done) => tally.absorb(done),
            Err(error) => tally.fail(&error.into()),
        }
    }
    tally.seconds = begun.elapsed().as_secs_f64();
    tally
}

/// So many requests a second, each at its time; latency counts from then.
pub(crate) async fn open(plan: &Arc<Plan>, rate: u32, length: Duration) -> Tally {
    let pool: Arc<Mutex<Vec<Connection>>> = Arc::default();
    let begun = Instant::now();
    let mut dues = ticker(rate, length);
    let mut tally = Tally::default();
    let mut tasks: JoinSet<anyhow::Result<Timing>> = JoinSet::new();
    while let Some(due) = dues.recv().await {
        while let Some(done) = tasks.try_join_next() {
            tally.count(done.unwrap_or_else(|error| Err(error.into())));
        }
        if tasks.len() >= MOST_OPEN {
            tally.fail(&anyhow::anyhow!("{MOST_OPEN} requests are open"));
            continue;
        }
        let (plan, pool) = (Arc::clone(plan), Arc::clone(&pool));
        tasks.spawn(async move { one(&plan, &pool, due).await });
    }
    tally.seconds = begun.elapsed().as_secs_f64();
    while let Some(done) = tasks.join_next().await {
        tally.count(done.unwrap_or_else(|error| Err(error.into())));
    }
    tally
}

/// The times at which requests are due, each told when it has come. They are scattered within their interval
/// and kept by a thread that sleeps: the runtime's timers go by whole milliseconds, and so do the upstream's
/// delays, so that an even beat would favour whoever happens to fall in with it.
fn ticker(rate: u32, length: Duration) -> UnboundedReceiver<Instant> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        let begun = std::time::Instant::now();
        let step = Duration::from_secs(1) / rate;
        let mut state = 1_u32;
        let mut base = Duration::ZERO;
        while base < length {
            // Numerical Recipes' generator: even is all that it must be.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let due = begun + base + step * (state >> 16) / 65_536;
            std::thread::sleep(due.saturating_duration_since(std::time::Instant::now()));
            if sender.send(Instant::from_std(due)).is_err() {
                return;
            }
            base += step;
        }
    });
    receiver
}

async fn one(plan: &Plan, pool: &Mutex<Vec<Connection>>, due: Instant) -> anyhow::Result<Timing> {
    let kept = || {
        let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = pool.pop() {
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    };
    let mut connection = match kept() {
        Some(connection) => connection,
        None => Connection::open(&plan.authority).await?,
    };
    let timing = plan.bounded(&mut connection, due, None).await?;
    pool.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    Ok(timing)
}

/// Streams that are kept open, each followed by the next.
pub(crate) struct Held {
    tasks: JoinSet<Tally>,
    arrivals: Arc<Arrivals>,
}

impl Held {
    /// Opens them one after the other, not at once, and keeps them up for at least `length`.
    ///
    /// # Errors
    /// When the plan is no stream.
    pub(crate) async fn start(plan: &Arc<Plan>, streams: usize, length: Duration) -> anyhow::Result<Self> {
        ensure!(plan.streams, "only streams can be held");
        let arrivals = Arc::new(Arrivals::default());
        let (over, is_over) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for opened in 1..=streams {
            let (plan, arrivals, is_over) = (Arc::clone(plan), Arc::clone(&arrivals), is_over.clone());
            tasks.spawn(async move { hold(&plan, &arrivals, is_over).await });
            if opened % RAMP_STREAMS == 0 {
                tokio::time::sleep(RAMP).await;
            }
        }
        tasks.spawn(async move {
            tokio::time::sleep(length).await;
            // When every stream has ended, nobody listens.
            let _ = over.send(true);
            Tally::default()
        });
        Ok(Self { tasks, arrivals })
    }

    /// Begins a window; the answer is what came before it.
    pub(crate) fn begin(&self) -> u64 {
        self.arrivals.longest_pause.store(0, Ordering::Relaxed);
        self.arrivals.chunks.load(Ordering::Relaxed)
    }

    /// Chunks since `before`, and microseconds of the longest pause within a stream.
    pub(crate) fn since(&self, before: u64) -> (u64, u64) {
        let chunks = self.arrivals.chunks.load(Ordering::Relaxed) - before;
        (chunks, self.arrivals.longest_pause.load(Ordering::Relaxed))
    }

    /// Ends the streams; those that are open do not count.
    pub(crate) async fn stop(mut self) -> Tally {
        let mut tally = Tally::default();
        self.tasks.abort_all();
        while let Some(done) = self.tasks.join_next().await {
            if let Ok(done) = done {
                tally.absorb(done);
            }
        }
        tally
    }

    /// What has ended on its own so far, which is what has failed.
    pub(crate) fn failed(&mut self) -> Tally {
        let mut tally = Tally::default();
        while let Some(done) = self.tasks.try_join_next() {
            if let Ok(done) = done {
                tally.absorb(done);
            }
        }
        tally
    }
}

/// Streams until it is over or one goes wrong.
async fn hold(plan: &Plan, arrivals: &Arrivals, is_over: watch::Receiver<bool>) -> Tally {
    let mut tally = Tally::default();
    let mut connection = match Connection::open(&plan.authority).await {
        Ok(connection) => connection,
        Err(error) => {
            tally.fail(&error);
            return tally;
        }
    };
    while !*is_over.borrow() {
        // A long stream has no deadline here: the window has one.
        let outcome = plan.exchange(&mut connection, Instant::now(), Some(arrivals)).await;
        if !tally.count(outcome) {
            return tally;
        }
    }
    tally
}
