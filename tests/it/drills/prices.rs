//! Prices that change all the time: each generation is charged by the one that it was admitted at.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::chance::Chance;
use super::{Drill, scaled};

pub(super) async fn every_charge_can_be_computed_again_though_prices_change() -> anyhow::Result<()> {
    let drill = Drill::start().await?;
    let mut chance = Chance::new();
    let load = drill.load(16, usize::MAX);
    for _ in 0..scaled(12) {
        // Within a tenfold of each other: a larger jump would have to be forced.
        let (prompt, completion) =
            (chance.within(1_000_000, 5_000_000), chance.within(4_000_000, 20_000_000));
        let per_million = |micros: u64| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        let (prompt, completion) = (per_million(prompt), per_million(completion));
        drill.platform.admin.price(&drill.model, &drill.provider, &prompt, &completion).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let seen = load.stop().await?;
    let settled = drill.platform.ledger.settled_all(&drill.model, seen.len()).await?;
    ensure!(settled.len() == seen.len(), "{} charges for {} requests", settled.len(), seen.len());
    for one in &settled {
        ensure!(one.charge == one.recomputed()? && one.absorbed == 0 && one.waived == 0, "{one:?}");
        ensure!(one.charge > 0 && one.charge <= one.reserved, "{one:?}");
    }
    for one in &seen {
        ensure!(one.is_whole(), "a change of prices lost a request: {one:?}");
        let answer = one.answer.as_ref().context("it is whole")?;
        let told = answer.usage().and_then(|usage| usage["cost"].as_f64()).context("no cost was told")?;
        let charge = drill.platform.ledger.charge(answer.id().unwrap_or_default()).await?;
        ensure!((told * 1e9 - charge.nanos as f64).abs() < 0.5, "told {told}, took {charge:?}");
    }
    let versions: HashSet<_> = settled.iter().map(|one| one.price_version).collect();
    ensure!(versions.len() * 2 > scaled(12), "only {} prices were charged", versions.len());
    eprintln!("{} charges by {} prices, all computed again", settled.len(), versions.len());
    let breaches = drill.platform.admin.invariants().await?;
    ensure!(breaches.is_empty(), "{breaches:?}");
    drill.platform.stop().await
}
