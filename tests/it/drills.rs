//! Drills: processes die under paid load, and nothing is lost, doubled or left open; and whatever is asked, the
//! answer is as the documents say.
//!
//! `PATCHBAY_DRILL=long` runs them long.

mod aborts;
pub(crate) mod chance;
mod crashes;
mod documents;
mod limits;
mod prices;

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use testkit::{Api, Dialect, Platform, Process, Provider, Sent, Streamed, Topology};

use crate::load::{Load, Seen};
use crate::{Alone, alone};
use aborts::whoever_leaves_pays_for_what_was_made_and_holds_nothing;
use crashes::{everything_may_be_killed_at_once, the_money_of_a_dead_edge_is_free_soon};
use documents::whatever_is_asked_the_answer_is_as_the_documents_say;
use limits::limits_hold_to_the_nano_over_three_edges;
use prices::every_charge_can_be_computed_again_though_prices_change;

pub(crate) fn scenarios() -> Vec<(&'static str, Alone)> {
    alone![
        every_delivered_generation_is_charged_once_though_billing_and_workers_are_killed,
        killing_any_one_router_or_billing_loses_no_request,
        killing_any_one_worker_loses_no_request_without_content,
        a_killed_edge_leaves_no_hold_behind,
        a_third_edge_joins_under_load,
        redis_and_nats_may_be_gone,
        postgres_may_be_killed,
        limits_hold_to_the_nano_over_three_edges,
        whoever_leaves_pays_for_what_was_made_and_holds_nothing,
        every_charge_can_be_computed_again_though_prices_change,
        the_money_of_a_dead_edge_is_free_soon,
        everything_may_be_killed_at_once,
        whatever_is_asked_the_answer_is_as_the_documents_say,
    ]
}

pub(crate) fn is_long() -> bool {
    std::env::var("PATCHBAY_DRILL").is_ok_and(|mode| mode == "long")
}

/// Short unless asked for more.
fn scaled(short: usize) -> usize {
    if is_long() { short * 20 } else { short }
}

const SHORT_TTL: (&str, &str) = ("PATCHBAY__BILLING__LEASE_TTL_MS", "15000");
/// So that expired leases are freed while the drill watches. What a killed billing had taken from the bus is there
/// again well before that, or the edge's word would be all that is known of it.
pub(crate) const SHORT_GRACE: [(&str, &str); 3] =
    [SHORT_TTL, ("PATCHBAY__BILLING__GRACE_MS", "15000"), ("PATCHBAY__BILLING__BUS__ACK_WAIT_SECONDS", "3")];

struct Drill {
    platform: Platform,
    model: String,
    provider: Provider,
}

impl Drill {
    async fn start() -> anyhow::Result<Self> {
        Self::start_with(&SHORT_GRACE).await
    }

    async fn start_with(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let platform = Platform::start(Topology::Cluster, settings).await?;
        let provider = platform.admin.patient_provider(Dialect::OpenAi).await?;
        let model = platform.admin.model(&[(&provider, "1", "2")]).await?;
        platform.admin.credit_demo("1000").await?;
        Ok(Self { platform, model, provider })
    }

    /// Streams that take about a third of a second each.
    fn load(&self, clients: usize, requests: usize) -> Load {
        let prompt = "Talk. [[sim: tokens=30 delay_ms=10]]";
        Load::start(&self.platform, &self.model, prompt, clients, requests)
    }

    fn instance(&self, name: &str, n: usize) -> anyhow::Result<Process> {
        self.platform
            .processes()?
            .into_iter()
            .filter(|process| process.name == name)
            .nth(n)
            .ok_or_else(|| anyhow::anyhow!("no {name} number {n}"))
    }

    /// Everything is settled, every hold is closed, every invariant holds, and every generation that a
    /// client saw was charged once, at its price, for no less than it saw and no more than was generated.
    async fn audit(self, seen: &[Seen]) -> anyhow::Result<()> {
        self.platform.ledger.settle_down().await?;
        let sent = self.platform.simulator.sent(&self.provider).await?;
        let sent: HashMap<&str, &Sent> = sent.iter().map(|sent| (sent.response_id.as_str(), sent)).collect();
        for one in seen {
            let Some(id) = one.delivered() else { continue };
            let charge = self.platform.ledger.charge(id).await?;
            let nanos = charge.prompt_tokens * 1_000 + charge.completion_tokens * 2_000;
            ensure!(charge.nanos == i64::try_from(nanos)?, "{id}: {charge:?} is not {nanos}");
            let delivered = one.answer.as_ref().map_or(0, Streamed::deltas);
            let generated = charge.response_id.as_deref().and_then(|id| sent.get(id));
            let generated = generated.with_context(|| format!("{id} is of no answer: {charge:?}"))?;
            ensure!(
                (delivered..=generated.sent_tokens).contains(&charge.completion_tokens),
                "{id}: saw {delivered} tokens, took {charge:?} of {generated:?}"
            );
            if let Some(cost) =
                one.answer.as_ref().and_then(|answer| answer.usage()).and_then(|usage| usage["cost"].as_f64())
                && one.is_whole()
            {
                ensure!((cost * 1e9 - charge.nanos as f64).abs() < 0.5, "{id}: told {cost}, took {charge:?}");
            }
        }
        let breaches = self.platform.admin.invariants().await?;
        ensure!(breaches.is_empty(), "{breaches:?}");
        self.platform.stop().await
    }
}

async fn every_delivered_generation_is_charged_once_though_billing_and_workers_are_killed()
-> anyhow::Result<()> {
    let drill = Drill::start().await?;
    let load = drill.load(24, scaled(400));
    for round in 0..scaled(6) {
        load.progress(scaled(400) / (scaled(6) + 1)).await;
        let victim = drill.instance(["provider-worker", "billing"][round % 2], (round / 2) % 2)?;
        victim.kill();
        victim.restart().await?;
    }
    let seen = load.wait().await?;
    let whole = seen.iter().filter(|one| one.is_whole()).count();
    ensure!(whole * 2 > seen.len(), "only {whole} of {} streams came to a good end", seen.len());
    for one in &seen {
        ensure!(
            one.is_whole() || one.is_typed_error_after_content(),
            "neither whole nor a typed error: {one:?}"
        );
    }
    drill.audit(&seen).await
}

async fn killing_any_one_router_or_billing_loses_no_request() -> anyhow::Result<()> {
    let drill = Drill::start().await?;
    let mut all = Vec::new();
    for name in ["router", "billing"] {
        for n in 0..2 {
            let load = drill.load(8, usize::MAX);
            load.progress(8).await;
            let victim = drill.instance(name, n)?;
            victim.kill();
            load.progress(scaled(40)).await;
            victim.restart().await?;
            load.progress(8).await;
            let seen = load.stop().await?;
            for one in &seen {
                ensure!(one.is_whole(), "killing {} lost a request: {one:?}", victim.instance);
            }
            all.extend(seen);
        }
    }
    drill.audit(&all).await
}

async fn killing_any_one_worker_loses_no_request_without_content() -> anyhow::Result<()> {
    let drill = Drill::start().await?;
    let mut all = Vec::new();
    for n in 0..2 {
        let load = drill.load(8, usize::MAX);
        load.progress(8).await;
        let victim = drill.instance("provider-worker", n)?;
        victim.kill();
        load.progress(scaled(40)).await;
        victim.restart().await?;
        load.progress(8).await;
        let seen = load.stop().await?;
        for one in &seen {
            ensure!(
                one.is_whole() || one.is_typed_error_after_content(),
                "killing {} lost a request without content: {one:?}",
                victim.instance
            );
        }
        all.extend(seen);
    }
    drill.audit(&all).await
}

async fn a_killed_edge_leaves_no_hold_behind() -> anyhow::Result<()> {
    let drill = Drill::start().await?;
    let load = drill.load(16, usize::MAX);
    load.progress(32).await;
    let victim = drill.instance("edge", 1)?;
    victim.kill();
    load.progress(16).await;
    victim.restart().await?;
    load.progress(scaled(16)).await;
    let seen = load.stop().await?;
    drill.audit(&seen).await
}

async fn a_third_edge_joins_under_load() -> anyhow::Result<()> {
    let drill = Drill::start().await?;
    let load = drill.load(8, usize::MAX);
    load.progress(8).await;
    drill.platform.cluster(&["add", "edge"]).await?;
    let edges = drill.platform.edges_now()?;
    ensure!(edges.len() == 3, "{edges:?}");
    let joined = Api::new(&edges[2], &drill.platform.dev.api_key);
    for _ in 0..5 {
        let streamed = joined.stream(&drill.model, "Say hello.").await?;
        ensure!(streamed.is_done() && !streamed.text().is_empty(), "{streamed:?}");
    }
    load.progress(16).await;
    let seen = load.stop().await?;
    for one in &seen {
        ensure!(one.is_whole(), "a request was lost while an edge joined: {one:?}");
    }
    drill.audit(&seen).await
}

async fn redis_and_nats_may_be_gone() -> anyhow::Result<()> {
    let drill = Drill::start().await?;
    let load = drill.load(8, usize::MAX);
    load.progress(8).await;
    let (redis, nats) = (drill.instance("redis", 0)?, drill.instance("nats", 0)?);
    redis.kill();
    nats.kill();
    load.progress(scaled(40)).await;
    redis.restart().await?;
    nats.restart().await?;
    load.progress(8).await;
    let seen = load.stop().await?;
    for one in &seen {
        ensure!(one.is_whole(), "a request was lost without Redis and NATS: {one:?}");
    }
    drill.audit(&seen).await
}

async fn postgres_may_be_killed() -> anyhow::Result<()> {
    let drill = Drill::start().await?;
    let load = drill.load(8, usize::MAX);
    load.progress(8).await;
    for _ in 0..scaled(2) {
        let victim = drill.instance("postgres", 0)?;
        victim.kill_with_children();
        load.progress(8).await;
        victim.restart().await?;
        load.progress(scaled(40)).await;
    }
    let seen = load.stop().await?;
    for one in &seen {
        ensure!(one.is_whole() || one.is_refused_for_a_while(), "neither whole nor refused: {one:?}");
    }
    let whole = seen.iter().filter(|one| one.is_whole()).count();
    ensure!(whole > scaled(2) * 8, "only {whole} of {} streams were served", seen.len());
    drill.audit(&seen).await
}
