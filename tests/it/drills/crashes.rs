//! Edges that never come back, and everything that dies at once.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use testkit::Process;

use super::{Drill, SHORT_GRACE, SHORT_TTL, scaled};
use crate::load::{Load, Seen};

/// From an edge's death to its money being free: its leases' time to live, 10 s, and some for a busy machine.
const FREE_WITHIN: Duration = Duration::from_secs(35);
/// Everything that was started again serves in this time.
const SERVES_WITHIN: Duration = Duration::from_secs(60);

/// Grace is as long as the longest request: it is not waited for.
pub(super) async fn the_money_of_a_dead_edge_is_free_soon() -> anyhow::Result<()> {
    let drill = Drill::start_with(&[SHORT_TTL]).await?;
    let load = drill.load(16, usize::MAX);
    load.progress(64).await;
    let victim = drill.instance("edge", 1)?;
    let (open, held) = drill.platform.ledger.held_by(&victim.instance).await?;
    ensure!(open > 0 && held > 0, "the edge held nothing: {open} leases, {held} nano-dollars");
    victim.kill();
    tokio::time::timeout(FREE_WITHIN, is_free(&drill, &victim)).await.context("its money is not free")??;
    let seen = load.stop().await?;
    victim.restart().await?;
    drill.audit(&seen).await
}

async fn is_free(drill: &Drill, victim: &Process) -> anyhow::Result<()> {
    while drill.platform.ledger.held_by(&victim.instance).await? != (0, 0) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// The simulator lives on: it is what tells afterwards what was generated. Where edge and worker die together, the
/// worker's checkpoints are all that is left of a stream, so each delta has one.
pub(super) async fn everything_may_be_killed_at_once() -> anyhow::Result<()> {
    let mut settings = SHORT_GRACE.to_vec();
    settings.push(("PATCHBAY__WORKER__CHECKPOINT_DELTAS", "1"));
    let drill = Drill::start_with(&settings).await?;
    let mut all = Vec::new();
    for _ in 0..scaled(1) {
        let load = drill.load(24, usize::MAX);
        load.progress(96).await;
        let ours = drill.platform.processes()?.into_iter().filter(|process| process.name != "simulator");
        let ours: Vec<Process> = ours.collect();
        // Whoever hands over to a client dies before whoever wrote down that it was handed over.
        for process in ours.iter().rev() {
            process.kill_with_children();
        }
        all.extend(load.stop().await?);
        try_join_all(ours.iter().map(Process::restart)).await?;
        tokio::time::timeout(SERVES_WITHIN, serves(&drill)).await.context("it does not serve again")??;
    }
    let whole = all.iter().filter(|one| one.is_whole()).count();
    ensure!(whole > 0, "nothing was served: {all:?}");
    drill.audit(&all).await
}

/// Every edge serves again.
async fn serves(drill: &Drill) -> anyhow::Result<()> {
    loop {
        let prompt = "Say hello.";
        let seen = Load::start(&drill.platform, &drill.model, prompt, 8, 8).wait().await?;
        if seen.iter().all(Seen::is_whole) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
