//! The bus between workers and billing.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::Signal;
use testkit::Process;

use super::{Site, all_whole, scaled};

pub(super) async fn killing_nats_again_and_again_changes_no_charge() -> anyhow::Result<()> {
    let site = Site::start(&[]).await?;
    let load = site.load(8);
    for _ in 0..scaled(6) {
        load.progress(20).await;
        let nats = site.instance("nats")?;
        nats.kill();
        load.progress(8).await;
        nats.restart().await?;
    }
    load.progress(20).await;
    let seen = load.stop().await?;
    all_whole(&seen, "a killed NATS")?;
    site.audit(&seen).await
}

pub(super) async fn a_lost_store_of_the_bus_loses_no_charge() -> anyhow::Result<()> {
    let site = Site::start(&[]).await?;
    let load = site.load(8);
    for _ in 0..scaled(3) {
        load.progress(30).await;
        let nats = site.instance("nats")?;
        nats.kill();
        std::fs::remove_dir_all(store(&nats))?;
        load.progress(8).await;
        nats.restart().await?;
    }
    load.progress(30).await;
    let seen = load.stop().await?;
    all_whole(&seen, "a NATS without its store")?;
    site.audit(&seen).await
}

/// The store is copied while accounts wait in it, and comes back when all of them are settled: the bus delivers them
/// again and knows nothing of having done so.
pub(super) async fn an_old_store_of_the_bus_charges_nothing_twice() -> anyhow::Result<()> {
    let site = Site::start(&[]).await?;
    let load = site.load(8);
    load.progress(40).await;
    let billings = site.instances("billing")?;
    let freeze = |signal| billings.iter().for_each(|billing| billing.signal(signal));
    freeze(Signal::SIGSTOP);
    load.progress(16).await;
    let nats = site.instance("nats")?;
    nats.kill();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let old = nats.data_dir.join("old");
    copy(&store(&nats), &old)?;
    nats.restart().await?;
    freeze(Signal::SIGCONT);
    load.progress(40).await;
    let mut seen = load.stop().await?;
    all_whole(&seen, "a frozen billing")?;
    for id in seen.iter().filter_map(crate::load::Seen::delivered) {
        site.platform.ledger.charge(id).await?;
    }
    for _ in 0..scaled(2) {
        let nats = site.instance("nats")?;
        nats.kill();
        tokio::time::sleep(Duration::from_millis(200)).await;
        std::fs::remove_dir_all(store(&nats))?;
        copy(&old, &store(&nats))?;
        let before = delivered(&billings).await?;
        nats.restart().await?;
        // Nobody asks for anything now: whatever comes was settled before.
        replayed(&billings, before).await?;
        let load = site.load(8);
        load.progress(40).await;
        let more = load.stop().await?;
        all_whole(&more, "a NATS with an old store")?;
        seen.extend(more);
    }
    site.audit(&seen).await
}

/// Where NATS keeps its streams.
fn store(nats: &Process) -> std::path::PathBuf {
    nats.data_dir.join("streams")
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Waits until billing took more messages from the bus than before.
async fn replayed(billings: &[Process], before: u64) -> anyhow::Result<()> {
    for _ in 0..600 {
        if delivered(billings).await? > before {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the old store delivers nothing again")
}

/// Messages that billing took from the bus and acknowledged so far.
async fn delivered(billings: &[Process]) -> anyhow::Result<u64> {
    let mut sum = 0;
    for billing in billings {
        let text = billing.metrics().await?;
        let counts =
            text.lines().filter(|line| line.starts_with("patchbay_billing_settlement_lag_seconds_count"));
        let counts = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        sum += counts.sum::<u64>();
    }
    Ok(sum)
}
