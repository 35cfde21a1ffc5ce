//! The run: targets up, rounds over all of them, targets down, report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::check::Expected;
use crate::cpu::Meter;
use crate::load::{self, Held, Plan};
use crate::sample::{Sample, Tally};
use crate::scenario::{Drive, Id};
use crate::settlement::Settlement;
use crate::target::{Kind, Target};
use crate::upstream::Upstream;
use crate::{Options, machine, peers, report};

/// How long a target may take until a new model answers.
const ROUTABLE: Duration = Duration::from_secs(30);
/// Files that a process opens besides.
const SPARE_FILES: usize = 1000;
/// Between two loads, so that what is still done for the first does not count for the second.
const PAUSE: Duration = Duration::from_millis(500);
/// Rates of the curve, and how long each lasts.
const RATES: [u32; 12] = [250, 500, 1000, 2000, 3000, 4000, 6000, 8000, 12_000, 16_000, 24_000, 32_000];
const STEP: Duration = Duration::from_secs(2);
/// Bounds of the curve in milliseconds of p99.
pub(crate) const BOUNDS: [u64; 5] = [1, 5, 10, 50, 100];

/// Everything that the report is made of.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Vec<String>,
    pub(crate) load_before: String,
    pub(crate) load_after: String,
    pub(crate) versions: BTreeMap<Kind, String>,
    /// Targets that were not measured, and why; and other things to know.
    pub(crate) notes: Vec<String>,
    /// By scenario and target, one per round.
    #[serde(serialize_with = "pairs")]
    pub(crate) samples: BTreeMap<(Id, Kind), Vec<Sample>>,
    /// Memory before the first request, in bytes.
    pub(crate) idle: BTreeMap<Kind, u64>,
}

/// JSON has no keys of two parts.
fn pairs<S: serde::Serializer>(
    samples: &BTreeMap<(Id, Kind), Vec<Sample>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(samples.iter().map(|((id, kind), samples)| (id, kind, samples)))
}

struct Run<'a> {
    options: &'a Options,
    meter: Meter,
    upstream: Upstream,
    targets: Vec<Target>,
    results: Results,
}

/// Runs everything and writes the report.
///
/// # Errors
/// When not even the upstream can be measured, or the report cannot be written.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.rounds > 0 && options.seconds > 0, "at least one round of one second is needed");
    let upstream = Upstream::start().await?;
    let results =
        Results { machine: machine::describe(), load_before: machine::load_average(), ..Results::default() };
    let mut run = Run { options, meter: Meter::new()?, upstream, targets: Vec::new(), results };
    let mut terminated = signal(SignalKind::terminate())?;
    let outcome = tokio::select! {
        outcome = run.all() => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        _ = terminated.recv() => Err(anyhow::anyhow!("terminated")),
    };
    // Whatever happened, nothing is left running.
    for target in run.targets.drain(..) {
        target.stop().await;
    }
    outcome?;
    run.results.load_after = machine::load_average();
    report::write(&run.results, options)
}

impl Run<'_> {
    async fn all(&mut self) -> anyhow::Result<()> {
        self.start().await?;
        self.rounds().await;
        Ok(())
    }

    async fn start(&mut self) -> anyhow::Result<()> {
        let mut wanted = self.options.targets.clone();
        wanted.push(Kind::Direct);
        wanted.sort_unstable();
        wanted.dedup();
        for kind in wanted {
            eprintln!("starting {}", kind.title());
            match self.ready(kind).await {
                Ok(target) => {
                    self.results.versions.insert(kind, target.version.clone());
                    self.results.idle.insert(kind, self.meter.memory_bytes(&target.own));
                    self.targets.push(target);
                }
                Err(error) if kind == Kind::Direct => return Err(error),
                Err(error) => {
                    let note = format!("{} was not measured: {error:#}", kind.title());
                    eprintln!("{note}");
                    self.results.notes.push(note);
                }
            }
        }
        Ok(())
    }

    /// Starts a target and waits until each model answers rightly.
    async fn ready(&self, kind: Kind) -> anyhow::Result<Target> {
        let target = peers::start(kind, &self.upstream, self.options).await?;
        let mut models = JoinSet::new();
        for id in Id::ALL {
            models.spawn(answers(plan(&target, id), id));
        }
        while let Some(model) = models.join_next().await {
            if let Err(error) = model.map_err(anyhow::Error::from).flatten() {
                target.stop().await;
                return Err(error);
            }
        }
        Ok(target)
    }

    /// How many streams a crowd is: a gateway has two sockets for each.
    fn crowd(&mut self, wanted: usize) -> usize {
        let most = machine::open_files().saturating_sub(SPARE_FILES) / 2;
        if most < wanted {
            let note = format!("The crowd is {most} streams: a process may have no more files open here");
            if !self.results.notes.contains(&note) {
                self.results.notes.push(note);
            }
        }
        most.min(wanted)
    }

    async fn rounds(&mut self) {
        for round in 1..=self.options.rounds {
            for id in self.options.scenarios.clone() {
                if id.is_long() && round > 1 {
                    continue;
                }
                let streams = match id.drive() {
                    Drive::Held(Some(wanted)) => self.crowd(wanted),
                    _ => self.options.streams,
                };
                for target in &self.targets {
                    eprintln!("round {round}/{}: {id:?} on {}", self.options.rounds, target.kind.title());
                    let sample = self.sample(target, id, streams).await;
                    self.results.samples.entry((id, target.kind)).or_default().push(sample);
                    sleep(PAUSE).await;
                }
                // What comes first in one round comes last in the next.
                self.targets.rotate_left(1);
            }
        }
    }

    async fn sample(&self, target: &Target, id: Id, streams: usize) -> Sample {
        let plan = Arc::new(plan(target, id));
        let length = Duration::from_secs(self.options.seconds);
        let sample = match id.drive() {
            Drive::Closed(connections) => {
                let settlement = self.settlement(target, id).await;
                let (mut sample, good) = self.metered(target, load::closed(&plan, connections, length)).await;
                if let Some((settlement, before)) = settlement {
                    self.settle(&mut sample, &settlement, before + good).await;
                }
                Ok(sample)
            }
            Drive::Open(rate) => Ok(self.metered(target, load::open(&plan, rate, length)).await.0),
            Drive::Held(_) => self.held(target, &plan, streams, length).await,
            Drive::Curve => Ok(curve(&plan).await),
        };
        sample.unwrap_or_else(|error| Sample {
            failed: 1,
            complaint: Some(format!("{error:#}")),
            ..Sample::default()
        })
    }

    /// Runs a load and reads the CPU time that it took; the answer also says how many requests went well.
    async fn metered(&self, target: &Target, load: impl Future<Output = Tally>) -> (Sample, u64) {
        let before = self.cpu(target);
        let tally = load.await;
        let after = self.cpu(target);
        let good = tally.good;
        let mut sample = Sample::of(tally);
        spent(&mut sample, before, after);
        (sample, good)
    }

    /// CPU of the target's own processes, of all of them, of this process, and of the upstream.
    fn cpu(&self, target: &Target) -> [u64; 4] {
        let own = self.meter.cpu_micros(&target.own);
        let all = own + self.meter.cpu_micros(&target.backing);
        let upstream = self.meter.cpu_micros(&[self.upstream.pid]);
        // Every target that runs as our child is in our tree.
        let me = self.meter.cpu_of(std::process::id());
        [own, all, me, upstream]
    }

    async fn settlement(&self, target: &Target, id: Id) -> Option<(Settlement, u64)> {
        let url = target.database_url.as_ref().filter(|_| id == Id::S1)?;
        let settlement = Settlement::of(url).await.ok()?;
        let before = settlement.count().await.ok()?;
        Some((settlement, before))
    }

    async fn settle(&self, sample: &mut Sample, settlement: &Settlement, wanted: u64) {
        match settlement.reach(wanted).await {
            Ok(seconds) => sample.settled_after = Some(seconds),
            Err(error) => sample.complaint = Some(format!("{error:#}")),
        }
    }

    async fn held(
        &self,
        target: &Target,
        plan: &Arc<Plan>,
        streams: usize,
        length: Duration,
    ) -> anyhow::Result<Sample> {
        let everything = target.everything();
        let memory_before = self.meter.memory_bytes(&everything);
        let mut held = Held::start(plan, streams, length * 4).await?;
        let (before, chunks, begun) = (self.cpu(target), held.begin(), Instant::now());
        sleep(length / 2).await;
        let memory_during = self.meter.memory_bytes(&everything);
        sleep(length - length / 2).await;
        let after = self.cpu(target);
        let (chunks, longest_pause) = held.since(chunks);
        let seconds = begun.elapsed().as_secs_f64();
        let mut tally = held.failed();
        tally.absorb(held.stop().await);
        let mut sample = Sample::of(tally);
        sample.chunks = chunks;
        sample.longest_pause = Some(longest_pause);
        // Streams that are still open have done nothing wrong.
        sample.good = streams as u64 - sample.failed.min(streams as u64);
        sample.seconds = seconds;
        (sample.memory_before, sample.memory_during, sample.streams) =
            (memory_before, memory_during, streams as u64);
        spent(&mut sample, before, after);
        Ok(sample)
    }
}

fn spent(sample: &mut Sample, before: [u64; 4], after: [u64; 4]) {
    let spent = |at: usize| after[at].saturating_sub(before[at]);
    (sample.cpu_own, sample.cpu_all, sample.cpu_client, sample.cpu_upstream) =
        (spent(0), spent(1), spent(2), spent(3));
}

fn plan(target: &Target, id: Id) -> Plan {
    let shape = id.shape();
    Plan {
        authority: target.authority.clone(),
        path: target.path(shape),
        key: target.key.clone(),
        body: id.body(&target.model(shape)),
        streams: shape.streams(),
        expected: Expected::of(shape.tokens()),
    }
}

/// Waits until a model answers rightly.
async fn answers(plan: Plan, id: Id) -> anyhow::Result<()> {
    let deadline = Instant::now() + ROUTABLE;
    while let Err(error) = load::once(&plan).await {
        if Instant::now() > deadline {
            return Err(error.context(format!("{} does not answer", id.shape().name())));
        }
        sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}

/// The highest rate within each bound; rising rates until the last bound is passed.
async fn curve(plan: &Arc<Plan>) -> Sample {
    let mut best: BTreeMap<u64, u32> = BOUNDS.into_iter().map(|bound| (bound, 0)).collect();
    let mut total = Sample::default();
    for rate in RATES {
        let sample = Sample::of(load::open(plan, rate, STEP).await);
        total.good += sample.good;
        total.failed += sample.failed;
        let Some(p99) = sample.p99.filter(|_| !sample.is_spoiled()) else { break };
        for (bound, rate_within) in &mut best {
            if p99 <= bound * 1000 {
                *rate_within = rate;
            }
        }
        if p99 > 100_000 {
            break;
        }
        sleep(PAUSE).await;
    }
    total.curve = best.into_iter().collect();
    total
}

/// Writes a file with its folder.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn save(file: &std::path::Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, text).with_context(|| file.display().to_string())
}
