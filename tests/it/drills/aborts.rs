//! Clients that leave at any time: before an answer begins, in the middle of it, or at its end.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use serde_json::json;
use testkit::{Api, Sent, Settled};

use super::chance::Chance;
use super::{Drill, scaled};

/// Streams at once.
const AT_ONCE: usize = 48;
/// All that ran is settled in this time after the last client left.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// When a client leaves.
#[derive(Debug, Clone, Copy)]
enum Leaves {
    /// Whatever has come.
    After(Duration),
    /// So many events have come.
    Events(usize),
}

pub(super) async fn whoever_leaves_pays_for_what_was_made_and_holds_nothing() -> anyhow::Result<()> {
    let drill = Drill::start().await?;
    let mut chance = Chance::new();
    let leaving: Vec<(usize, Leaves)> = (0..scaled(100))
        .map(|n| match chance.within(0, 3) {
            0 => (n, Leaves::After(Duration::from_millis(chance.within(0, 400)))),
            _ => (n, Leaves::Events(usize::try_from(chance.within(0, 35)).unwrap_or(0))),
        })
        .collect();
    let bases = drill.platform.api_bases();
    let prompt = "Talk. [[sim: tokens=30 delay_ms=10]]";
    let body = json!({"model": drill.model, "stream": true, "max_tokens": 400,
                      "messages": [{"role": "user", "content": prompt}]});
    let left = futures::stream::iter(leaving).map(|(n, leaves)| {
        let api = Api::new(&bases[n % bases.len()], &drill.platform.dev.api_key);
        let body = &body;
        async move {
            match leaves {
                Leaves::After(time) => {
                    tokio::time::timeout(time, api.stream_with(body)).await.ok().and_then(Result::ok)
                }
                Leaves::Events(events) => api.stream_until(body, |chunks| chunks.len() >= events).await.ok(),
            }
        }
    });
    let answers: Vec<_> = left.buffer_unordered(AT_ONCE).collect().await;
    tokio::time::timeout(SETTLED_WITHIN, everything_is_settled(&drill)).await.context("not settled")??;

    let sent = drill.platform.simulator.sent(&drill.provider).await?;
    let settled = drill.platform.ledger.settled(&drill.model).await?;
    let generated: HashMap<&str, &Sent> = sent.iter().map(|sent| (sent.response_id.as_str(), sent)).collect();
    for one in &settled {
        is_fair(one, &generated)?;
    }
    for answer in answers.iter().flatten().filter(|answer| answer.deltas() > 0) {
        let id = answer.id().context("a stream without an id")?;
        let charge = drill.platform.ledger.charge(id).await?;
        ensure!(
            answer.status == 200 && charge.completion_tokens >= answer.deltas(),
            "{charge:?} for {answer:?}"
        );
    }
    eprintln!(
        "{} clients left, {} answers were begun, {} of them were free",
        answers.len(),
        sent.len(),
        settled.iter().filter(|one| one.charge == 0).count()
    );
    drill.audit(&[]).await
}

/// No answer runs any more, and each has its account.
async fn everything_is_settled(drill: &Drill) -> anyhow::Result<()> {
    loop {
        let sent = drill.platform.simulator.sent(&drill.provider).await?;
        let settled = drill.platform.ledger.settled(&drill.model).await?;
        if sent.iter().all(|sent| sent.outcome != "open") && settled.len() >= sent.len() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Charged by its price for no more than was generated, and for nothing when nothing was.
fn is_fair(one: &Settled, generated: &HashMap<&str, &Sent>) -> anyhow::Result<()> {
    ensure!(one.charge == one.recomputed()? && one.absorbed == 0, "{one:?}");
    let sent = one.response_id.as_deref().and_then(|id| generated.get(id));
    let most = sent.map_or(0, |sent| sent.sent_tokens);
    ensure!(u64::try_from(one.completion_tokens)? <= most, "{one:?} is more than {sent:?}");
    ensure!(one.completion_tokens > 0 || one.charge == 0, "{one:?} was charged for nothing");
    Ok(())
}
