//! A key that is revoked while it is used.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use testkit::Api;
use tokio::time::Instant;

use super::Site;
use crate::drills::is_long;
use crate::load::Load;

/// Many times the second that is documented: a busy machine is no fault.
const SOON: Duration = Duration::from_secs(20);
/// The same for the five seconds that it is where Redis and NATS are away.
const LATER: Duration = Duration::from_secs(40);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How often a key that is refused has to be refused again.
const AGAIN: usize = 5;

pub(super) async fn a_revoked_key_is_refused(site: &Site) -> anyhow::Result<()> {
    for _ in 0..rounds() {
        let took = revoke_under_load(site, SOON).await?;
        eprintln!("refused by every edge {took:?} after it was revoked");
    }
    Ok(())
}

pub(super) async fn even_without_redis_and_nats(site: &Site) -> anyhow::Result<()> {
    let processes = site.platform.processes()?.into_iter();
    let servers: Vec<_> = processes.filter(|one| matches!(one.name.as_str(), "redis" | "nats")).collect();
    ensure!(servers.len() == 2, "{servers:?}");
    for server in &servers {
        server.kill();
    }
    for _ in 0..rounds() {
        let took = revoke_under_load(site, LATER).await?;
        eprintln!("refused by every edge {took:?} after it was revoked, without Redis and NATS");
    }
    for server in &servers {
        server.restart().await?;
    }
    Ok(())
}

fn rounds() -> usize {
    if is_long() { 10 } else { 1 }
}

/// How long it takes until every edge refuses a key that is in use on all of them.
async fn revoke_under_load(site: &Site, patience: Duration) -> anyhow::Result<Duration> {
    let (platform, model) = (&site.platform, &site.model);
    let clients = if is_long() { 16 } else { 6 };
    let organisation = platform.admin.organisation("10").await?;
    let key = &organisation.api_key;
    let load = Load::start_as(platform, key, model, "Say hello. [[sim: delay_ms=2]]", clients, usize::MAX);
    load.progress(4 * clients).await;
    platform.admin.revoke(&organisation.api_key_hash).await?;
    let began = Instant::now();
    for base in platform.api_bases() {
        let api = Api::new(&base, key);
        let refused = tokio::time::timeout(patience, until_refused(&api, model));
        refused.await.with_context(|| format!("{base} still serves it"))??;
    }
    let took = began.elapsed();
    for base in platform.api_bases() {
        for _ in 0..AGAIN {
            let reply = Api::new(&base, key).ask(model, "Say hello.").await?;
            ensure!(matches!(reply.status, 401 | 503), "refused, and served again: {reply:?}");
        }
    }
    let seen = load.stop().await?;
    for one in seen.iter().filter(|one| !one.is_whole()) {
        // What ran when it was revoked may run to its end; nothing new begins, and nobody sees anything else.
        let is_refused = one.answer.as_ref().is_some_and(|answer| answer.status == 401);
        ensure!(is_refused || one.is_refused_for_a_while(), "{one:?}");
    }
    Ok(took)
}

async fn until_refused(api: &Api, model: &str) -> anyhow::Result<()> {
    loop {
        let reply = api.ask(model, "Say hello.").await?;
        match reply.status {
            401 => return Ok(()),
            // A busy machine, and the loss of a server, may also refuse for a while.
            200 | 503 => tokio::time::sleep(LOOK_AGAIN).await,
            _ => anyhow::bail!("{reply:?}"),
        }
    }
}
