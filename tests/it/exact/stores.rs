//! Redis and the workers' spools.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{SHORT_GRACE, Site, TALK, scaled};
use crate::load::{Load, Seen};
use testkit::{Dialect, Platform, Topology};

pub(super) async fn an_emptied_redis_lets_nobody_overspend() -> anyhow::Result<()> {
    let platform = Platform::start(Topology::Cluster, &SHORT_GRACE).await?;
    let provider = platform.admin.patient_provider(Dialect::OpenAi).await?;
    // A cent a request: what is affordable can be counted.
    let model = platform.admin.model_per_request(&provider, "0.01").await?;
    let affordable = scaled(150);
    let credit = format!("{}.{:02}", affordable / 100, affordable % 100);
    let organisation = platform.admin.organisation(&credit).await?;
    let load = Load::start_as(&platform, &organisation.api_key, &model, TALK, 16, affordable * 2);
    let mut emptied = 0;
    while !load.is_over() {
        empty_redis(&platform).await?;
        emptied += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let seen = load.wait().await?;
    ensure!(emptied > 2, "Redis was emptied only {emptied} times");
    let served = seen.iter().filter(|one| one.is_whole()).count();
    let refused = seen.iter().filter(|one| one.answer.as_ref().is_some_and(|answer| answer.status == 402));
    ensure!(served + refused.count() == seen.len(), "neither served nor refused: {seen:?}");
    ensure!(served == affordable, "{served} requests of a cent were served on ${credit}");
    platform.ledger.settle_down().await?;
    let left = platform.ledger.settled_balance(&organisation).await?;
    ensure!(left == 0, "{left} are left");
    let breaches = platform.admin.invariants().await?;
    ensure!(breaches.is_empty(), "{breaches:?}");
    platform.stop().await
}

async fn empty_redis(platform: &Platform) -> anyhow::Result<()> {
    let kept = platform.kept()?;
    let instances = kept["instances"].as_array().cloned().unwrap_or_default();
    let url = instances.iter().find(|one| one["program"] == "redis").and_then(|one| one["url"].as_str());
    let (who, rest) = url.and_then(|url| url.split_once('@')).context("no Redis")?;
    let password = who.rsplit(':').next().unwrap_or_default();
    let address = rest.split('/').next().unwrap_or_default();
    let mut redis = TcpStream::connect(address).await?;
    redis.write_all(format!("AUTH {password}\r\nFLUSHALL\r\n").as_bytes()).await?;
    let mut said = Vec::new();
    while said.len() < "+OK\r\n+OK\r\n".len() {
        let read = redis.read_buf(&mut said).await?;
        ensure!(read > 0, "Redis hung up");
    }
    ensure!(said == b"+OK\r\n+OK\r\n", "{}", String::from_utf8_lossy(&said));
    Ok(())
}

/// Billing stands still, so accounts stay in the spools until these are full.
pub(super) async fn a_full_spool_refuses_before_any_provider_is_asked() -> anyhow::Result<()> {
    let settings =
        [("PATCHBAY__WORKER__SPOOL_MAX_BYTES", "60000"), ("PATCHBAY__WORKER__SPOOL_SEGMENT_BYTES", "8192")];
    let site = Site::start(&settings).await?;
    let load = site.load(8);
    load.progress(40).await;
    let billings = site.instances("billing")?;
    billings.iter().for_each(|billing| billing.signal(Signal::SIGSTOP));
    load.progress(80).await;
    let begun = site.platform.simulator.sent(&site.provider).await?.len();
    load.progress(16).await;
    let full = site.platform.simulator.sent(&site.provider).await?.len();
    billings.iter().for_each(|billing| billing.signal(Signal::SIGCONT));
    load.progress(40).await;
    let seen = load.stop().await?;
    let says_why = |one: &&Seen| {
        let answer = one.answer.as_ref().filter(|answer| answer.status == 503);
        answer.is_some_and(|answer| answer.body.to_string().contains("Usage cannot be recorded"))
    };
    let refused = seen.iter().filter(says_why).count();
    ensure!(refused >= 16 && begun == full, "{refused} of {} refused, {begun} then {full} asked", seen.len());
    for one in &seen {
        ensure!(one.is_whole() || one.is_refused_for_a_while(), "neither whole nor refused: {one:?}");
    }
    // Whoever was refused was refused before a provider was asked: the audit counts answers and charges alike.
    let whole = seen.iter().filter(|one| one.is_whole()).count();
    let calls = site.platform.simulator.calls(&site.provider).await?;
    ensure!(calls == whole, "{calls} calls for {whole} answers");
    site.audit(&seen).await
}
