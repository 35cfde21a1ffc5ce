//! Drills of exactness: what surrounds the services is killed, emptied, set back or tells the wrong time under paid
//! load, and every answer of a provider is charged once, to the nano.
//!
//! `PATCHBAY_DRILL=long` runs them long.

mod bus;
mod clocks;
mod money;
mod stores;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use testkit::{Dialect, Organisation, Platform, Process, Provider, Sent, Topology};

use crate::business::nanos;
use crate::drills::SHORT_GRACE;
use crate::load::{Load, Seen};
use crate::{Alone, alone};

pub(crate) fn scenarios() -> Vec<(&'static str, Alone)> {
    use bus::*;
    use clocks::*;
    use money::*;
    use stores::*;
    alone![
        killing_nats_again_and_again_changes_no_charge,
        a_lost_store_of_the_bus_loses_no_charge,
        an_old_store_of_the_bus_charges_nothing_twice,
        an_emptied_redis_lets_nobody_overspend,
        a_full_spool_refuses_before_any_provider_is_asked,
        clocks_that_are_an_hour_off_change_no_charge,
        periods_that_close_under_load_add_up,
        one_event_fifty_times_at_once_is_one_credit,
    ]
}

/// Short unless asked for more.
fn scaled(short: usize) -> usize {
    if std::env::var("PATCHBAY_DRILL").is_ok_and(|mode| mode == "long") { short * 20 } else { short }
}

/// Streams that take about a third of a second each.
const TALK: &str = "Talk. [[sim: tokens=30 delay_ms=10]]";

/// A cluster with one tenant, whose model costs $1 and $2 per million tokens.
struct Site {
    platform: Platform,
    organisation: Organisation,
    provider: Provider,
    model: String,
    /// Nano-dollars that the tenant was given.
    credit: i64,
}

impl Site {
    async fn start(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let settings = [&SHORT_GRACE, settings].concat();
        let platform = Platform::start(Topology::Cluster, &settings).await?;
        let provider = platform.admin.patient_provider(Dialect::OpenAi).await?;
        let model = platform.admin.model(&[(&provider, "1", "2")]).await?;
        let organisation = platform.admin.organisation("1000").await?;
        Ok(Self { platform, organisation, provider, model, credit: 1_000_000_000_000 })
    }

    fn load(&self, clients: usize) -> Load {
        Load::start_as(&self.platform, &self.organisation.api_key, &self.model, TALK, clients, usize::MAX)
    }

    fn instances(&self, name: &str) -> anyhow::Result<Vec<Process>> {
        let all = self.platform.processes()?;
        Ok(all.into_iter().filter(|process| process.name == name).collect())
    }

    fn instance(&self, name: &str) -> anyhow::Result<Process> {
        self.instances(name)?.into_iter().next().with_context(|| format!("there is no {name}"))
    }

    /// Every row of the tenant by generation.
    async fn rows(&self) -> anyhow::Result<BTreeMap<String, Value>> {
        let rows = self.platform.admin.usage_rows(&self.organisation).await?;
        let count = rows.len();
        let by_id: BTreeMap<String, Value> =
            rows.into_iter().map(|row| (row["id"].as_str().unwrap_or_default().to_owned(), row)).collect();
        ensure!(by_id.len() == count, "a generation is listed twice");
        Ok(by_id)
    }

    /// Everything is settled; what clients saw, what the provider sent, what was charged and what is left of the
    /// credit are one and the same; every invariant holds.
    async fn audit(self, seen: &[Seen]) -> anyhow::Result<()> {
        let delivered: Vec<&str> = seen.iter().filter_map(Seen::delivered).collect();
        for id in &delivered {
            self.platform.ledger.charge(id).await?;
        }
        self.platform.ledger.settle_down().await?;
        let rows = self.rows().await?;
        for id in delivered {
            ensure!(rows.contains_key(id), "{id} was delivered and not charged");
        }
        let mut charged = 0;
        for (id, row) in &rows {
            let units = |class: &str| row["units"][class].as_i64().unwrap_or_default();
            let due = units("input") * 1_000 + units("output") * 2_000;
            ensure!(nanos(&row["charge"])? == due, "{id} is not {due}: {row}");
            charged += due;
        }
        let billed: BTreeSet<&str> =
            rows.values().filter_map(|row| row["provider_response_id"].as_str()).collect();
        let sent = self.platform.simulator.sent(&self.provider).await?;
        let unbilled: Vec<&Sent> =
            sent.iter().filter(|answer| !billed.contains(answer.response_id.as_str())).collect();
        ensure!(
            unbilled.is_empty(),
            "{} requests, {} answers, {} rows; not billed: {unbilled:?}",
            seen.len(),
            sent.len(),
            rows.len()
        );
        // What was refused has a row as well, without an answer and for nothing.
        ensure!(sent.len() == billed.len(), "{} answers make {} charges", sent.len(), billed.len());
        let free = rows.values().filter(|row| row["provider_response_id"].is_null());
        let free: i64 = free.map(|row| nanos(&row["charge"])).sum::<anyhow::Result<_>>()?;
        ensure!(free == 0, "{free} were charged for no answer");
        let left = self.platform.ledger.settled_balance(&self.organisation).await?;
        ensure!(left == self.credit - charged, "{left} are left of {} after {charged}", self.credit);
        let breaches = self.platform.admin.invariants().await?;
        ensure!(breaches.is_empty(), "{breaches:?}");
        self.platform.stop().await
    }
}

/// No request may suffer.
fn all_whole(seen: &[Seen], what: &str) -> anyhow::Result<()> {
    for one in seen {
        ensure!(one.is_whole(), "{what} lost a request: {one:?}");
    }
    Ok(())
}
