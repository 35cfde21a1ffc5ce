//! Fault schedules: endpoints fail and heal under steady traffic. What is promised of them are rates and spans
//! between events, read from the times in the simulator's log.

mod traffic;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Dialect, Platform, Provider, Sent, Topology, provider_model};

use crate::{Alone, alone};
use traffic::{Traffic, now_ms};

pub(crate) fn scenarios() -> Vec<(&'static str, Alone)> {
    alone![failing_endpoints_in_one_process, failing_endpoints_in_a_cluster]
}

/// The log holds every request, and nothing of its body.
const SETTINGS: [(&str, &str); 2] =
    [("PATCHBAY__SIMULATOR__LOG_CAPACITY", "100000"), ("PATCHBAY__SIMULATOR__LOG_BODY_BYTES", "0")];
/// Longer than an endpoint is left alone, so that a probe falls into it.
const OUTAGE: Duration = Duration::from_secs(17);
/// From the first failure to the last request that is no probe.
const EJECTED_WITHIN_MS: u64 = 2_000;
/// Probes of one endpoint are this far apart, less what rounding takes.
const PROBES_APART_MS: u64 = 14_000;
/// From healing to the first answer.
const HEALED_WITHIN_MS: u64 = 40_000;
/// All endpoints fail for this long.
const TOTAL_OUTAGE: Duration = Duration::from_secs(12);
/// What a retry budget earns in a second, and what it saves up, in each worker.
const RETRIES_A_SECOND: u64 = 10;
const RETRIES_SAVED: u64 = 100;

async fn failing_endpoints_in_one_process() -> anyhow::Result<()> {
    schedules(Topology::OneProcess).await
}

async fn failing_endpoints_in_a_cluster() -> anyhow::Result<()> {
    schedules(Topology::Cluster).await
}

async fn schedules(topology: Topology) -> anyhow::Result<()> {
    let platform = Platform::start(topology, &SETTINGS).await?;
    one_of_three_fails(&platform).await.context("one of three endpoints fails")?;
    all_of_three_fail(&platform).await.context("all of three endpoints fail")?;
    let breaches = platform.admin.invariants().await?;
    ensure!(breaches.is_empty(), "{breaches:?}");
    platform.stop().await
}

/// A model with three endpoints of one price.
struct Trio {
    model: String,
    providers: Vec<Provider>,
}

impl Trio {
    async fn of(platform: &Platform) -> anyhow::Result<Self> {
        let mut providers = Vec::new();
        for _ in 0..3 {
            providers.push(platform.admin.provider(Dialect::OpenAi).await?);
        }
        let offers: Vec<_> = providers.iter().map(|provider| (provider, "1", "1")).collect();
        let model = platform.admin.model(&offers).await?;
        Ok(Self { model, providers })
    }

    async fn suffer(&self, platform: &Platform, n: usize, script: Value) -> anyhow::Result<()> {
        platform.simulator.fault_model(&self.providers[n], &provider_model(&self.model), &script).await
    }

    async fn asked(&self, platform: &Platform, n: usize) -> anyhow::Result<Vec<Sent>> {
        platform.simulator.asked(&self.providers[n], &provider_model(&self.model)).await
    }
}

/// Routers and workers that keep health of their own.
fn judges(platform: &Platform) -> u64 {
    if platform.topology == Topology::Cluster { 2 } else { 1 }
}

async fn one_of_three_fails(platform: &Platform) -> anyhow::Result<()> {
    let trio = Trio::of(platform).await?;
    let traffic = Traffic::start(platform, &trio.model).await?;
    traffic.progress(300).await;
    trio.suffer(platform, 0, json!({"status": 500})).await?;
    tokio::time::sleep(OUTAGE).await;
    trio.suffer(platform, 0, json!({})).await?;
    let healed_ms = now_ms();
    let has_share = regains_its_share(platform, &trio, &traffic, healed_ms).await?;
    let seen = traffic.stop().await?;
    let bad = trio.asked(platform, 0).await?;

    let good = seen.iter().filter(|one| one.status == 200).count();
    let failed = seen.iter().find(|one| one.status != 200);
    ensure!(good * 1_000 >= seen.len() * 999, "{good} of {} requests succeeded: {failed:?}", seen.len());

    let failures: Vec<u64> = bad.iter().filter(|sent| sent.status == 500).map(|sent| sent.at_ms).collect();
    let began_ms = *failures.first().context("nobody noticed the outage")?;
    let last_ms = last_regular(&failures);
    ensure!(last_ms - began_ms <= EJECTED_WITHIN_MS, "ejected after {} ms", last_ms - began_ms);

    let later = failures.iter().filter(|at| **at > last_ms).count();
    let of_all = seen.iter().filter(|one| (last_ms..healed_ms).contains(&one.at_ms)).count();
    ensure!(later * 100 <= of_all, "{later} of {of_all} later requests went to the failing endpoint");

    let revived = bad.iter().find(|sent| sent.at_ms >= healed_ms && sent.status == 200);
    let revived_ms = revived.context("it never served again")?.at_ms;
    ensure!(revived_ms - healed_ms <= HEALED_WITHIN_MS, "served after {} ms", revived_ms - healed_ms);
    ensure!(has_share, "it did not regain its share within {HEALED_WITHIN_MS} ms");
    eprintln!(
        "{}: {good} of {} succeeded; ejected {} ms after its first failure; {later} of {of_all} later requests \
         were probes of it; it served {} ms after it healed",
        platform.topology.name(),
        seen.len(),
        last_ms - began_ms,
        revived_ms - healed_ms
    );
    Ok(())
}

/// The last of these times that is followed by a silence as long as that between two probes.
fn last_regular(failures: &[u64]) -> u64 {
    let mut last = failures.first().copied().unwrap_or(0);
    for at in failures {
        if at - last >= PROBES_APART_MS / 2 {
            break;
        }
        last = *at;
    }
    last
}

/// Whether a healed endpoint has at least half of its third again, in time.
async fn regains_its_share(
    platform: &Platform,
    trio: &Trio,
    traffic: &Traffic,
    healed_ms: u64,
) -> anyhow::Result<bool> {
    const SPAN_MS: u64 = 3_000;
    while now_ms() < healed_ms + HEALED_WITHIN_MS {
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        let since = now_ms() - SPAN_MS;
        let served = trio.asked(platform, 0).await?.iter().filter(|sent| sent.at_ms >= since).count();
        let all = traffic.since(since);
        if all > 0 && served * 6 >= all {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn all_of_three_fail(platform: &Platform) -> anyhow::Result<()> {
    let trio = Trio::of(platform).await?;
    for n in 0..3 {
        trio.suffer(platform, n, json!({"status": 503, "retry_after": 3})).await?;
    }
    let began_ms = now_ms();
    let traffic = Traffic::start(platform, &trio.model).await?;
    tokio::time::sleep(TOTAL_OUTAGE).await;
    let seen = traffic.stop().await?;
    let took_ms = now_ms() - began_ms;
    let mut calls = 0;
    for n in 0..3 {
        calls += trio.asked(platform, n).await?.len() as u64;
    }
    for one in &seen {
        ensure!(
            one.status == 503 && one.code == "temporarily_unavailable" && one.retry_after == "3",
            "a client was told otherwise: {one:?}"
        );
    }
    let requests = seen.len() as u64;
    let per_worker = RETRIES_SAVED + RETRIES_A_SECOND * took_ms.div_ceil(1_000);
    let allowed = requests * 12 / 10 + judges(platform) * per_worker;
    eprintln!("{}: {calls} calls for {requests} requests", platform.topology.name());
    ensure!(calls >= requests, "{calls} calls for {requests} requests: first attempts were not made");
    ensure!(calls <= allowed, "{calls} calls for {requests} requests, and {allowed} are allowed");
    // Otherwise the bound shows nothing.
    ensure!(allowed < requests * 3, "{requests} requests are too few");
    Ok(())
}
