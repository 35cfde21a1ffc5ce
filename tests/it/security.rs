//! What hostile clients, tenants and networks try, against a whole platform: docs/reference/security.md says which
//! threat each part stands for.
//!
//! `PATCHBAY_DRILL=long` runs them long.

mod addresses;
mod canaries;
mod corpus;
mod damage;
mod heavy;
mod injection;
mod malformed;
mod operations;
mod own_keys;
mod revocation;
mod secrets;
mod slow;

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::FutureExt as _;
use testkit::{Api, Dialect, Organisation, Platform, Reply, Topology, Wiretap};

use crate::{Alone, alone};
use addresses::Traps;
use secrets::Seeded;

pub(crate) fn scenarios() -> Vec<(&'static str, Alone)> {
    alone![hostile_clients_against_a_cluster, hostile_clients_against_one_process]
}

/// Everything is said, what is slow is cut off soon, what nobody uses is given back soon, and no attack is refused for
/// its number alone.
const SETTINGS: [(&str, &str); 6] = [
    ("PATCHBAY__TELEMETRY__LOG", "debug"),
    ("PATCHBAY__EDGE__HTTP__HEADER_TIMEOUT_MS", "4000"),
    ("PATCHBAY__EDGE__HTTP__BODY_TIMEOUT_MS", "4000"),
    ("PATCHBAY__EDGE__LEASES__IDLE_MS", "2000"),
    ("PATCHBAY__EDGE__LIMITS__ORGANIZATION_MANAGEMENT_REQUESTS_PER_MINUTE", "0"),
    ("PATCHBAY__SIMULATOR__LOG_BODY_BYTES", "0"),
];
/// How often what cannot be served right now is sent, and after which pause.
const PATIENCE: usize = 20;
const AGAIN: Duration = Duration::from_millis(500);
/// What is written when a thread or a handler panics.
const PANICS: [&str; 2] = ["panicked at", "a handler panicked"];

/// A platform under attack.
struct Site {
    platform: Platform,
    /// Whom attacks come from.
    tenant: Organisation,
    /// Whose ids are in the paths.
    other: Organisation,
    /// What everybody asks.
    model: String,
    /// What operators' calls name.
    victim: String,
    /// One for each edge, without a key.
    clients: Vec<Api>,
}

impl Site {
    async fn start(topology: Topology) -> anyhow::Result<Self> {
        let platform = Platform::start(topology, &SETTINGS).await?;
        let provider = platform.admin.provider(Dialect::OpenAi).await?;
        let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
        let victim = platform.admin.model(&[(&provider, "1", "1")]).await?;
        let tenant = platform.admin.organisation("100").await?;
        let other = platform.admin.organisation("1").await?;
        let edges = platform.dev.edges.iter();
        let clients = edges.map(|edge| Api::new(edge, "")).collect();
        Ok(Self { platform, tenant, other, model, victim, clients })
    }

    /// Where each edge answers, `http://host:port`.
    fn edges(&self) -> Vec<String> {
        self.platform.dev.edges.iter().map(|edge| edge.trim_end_matches('/').to_owned()).collect()
    }

    /// A client of each edge with this key.
    fn clients_of(&self, key: &str) -> Vec<Api> {
        self.platform.api_bases().iter().map(|base| Api::new(base, key)).collect()
    }

    /// Whoever means well is still served.
    async fn serves(&self) -> anyhow::Result<()> {
        let api = self.platform.api();
        let reply = patiently(|| api.ask(&self.model, "Say hello.")).await?;
        ensure!(reply.status == 200, "{reply:?}");
        Ok(())
    }
}

/// What is not 503, if it ever comes: on a busy machine it is not what is sent that cannot be served.
async fn patiently<F>(send: impl Fn() -> F + Send) -> anyhow::Result<Reply>
where
    F: Future<Output = anyhow::Result<Reply>> + Send,
{
    for _ in 1..PATIENCE {
        let reply = send().await?;
        if reply.status != 503 {
            return Ok(reply);
        }
        tokio::time::sleep(AGAIN).await;
    }
    send().await
}

/// The name of a part that failed: each is looked at though another failed.
async fn part(
    what: &'static str,
    attack: impl Future<Output = anyhow::Result<()>> + Send,
) -> Option<&'static str> {
    let began = Instant::now();
    let outcome = attack.boxed().await;
    // Said at once: what comes later takes its time.
    eprintln!("{what}: {:.1} s", began.elapsed().as_secs_f64());
    let error = outcome.err()?;
    eprintln!("{what}: {error:?}");
    Some(what)
}

async fn hostile_clients_against_a_cluster() -> anyhow::Result<()> {
    let site = Site::start(Topology::Cluster).await?;
    let tap = Wiretap::start(&site.platform).boxed().await?;
    let traps = Traps::set().await?;
    let mut seeded = Seeded::new(&site).boxed().await?;
    // None of these disturbs another.
    let together = futures::join!(
        part("seeding", seeded.are_used(&site)),
        part("canaries", canaries::nobody_hears_anothers(&site)),
        part("addresses", addresses::nothing_private_is_called(&site, &traps)),
        part("malformed", malformed::bodies_are_refused(&site)),
        part("injection", injection::statements_stay_texts(&site)),
        part("own keys", own_keys::a_credential_in_anothers_row_is_refused(&site)),
        part("slow", slow::connections_are_cut_off_while_others_are_served(&site)),
    );
    let mut wrong: Vec<Option<&str>> = <[_; 7]>::from(together).into();
    // Memory is counted while nobody else asks for any; the last kills servers.
    wrong.push(part("heavy", heavy::too_much_is_refused_in_bounded_memory(&site)).await);
    wrong.push(part("revocation", revocation::a_revoked_key_is_refused(&site)).await);
    wrong.push(part("without servers", revocation::even_without_redis_and_nats(&site)).await);
    wrong.push(part("traps", async { traps.are_untouched() }).await);
    finish(site, &seeded, &tap, wrong).await
}

/// What goes another way where no message leaves the process: the rest is the same code.
async fn hostile_clients_against_one_process() -> anyhow::Result<()> {
    let site = Site::start(Topology::OneProcess).await?;
    let tap = Wiretap::start(&site.platform).boxed().await?;
    let mut seeded = Seeded::new(&site).boxed().await?;
    let (seeding, canaries) = futures::join!(
        part("seeding", seeded.are_used(&site)),
        part("canaries", canaries::nobody_hears_anothers(&site)),
    );
    let revocation = part("revocation", revocation::a_revoked_key_is_refused(&site)).await;
    finish(site, &seeded, &tap, vec![seeding, canaries, revocation]).await
}

/// Nothing leaked, nothing panicked, and the books are right.
async fn finish(
    site: Site,
    seeded: &Seeded,
    tap: &Wiretap,
    mut wrong: Vec<Option<&str>>,
) -> anyhow::Result<()> {
    wrong.push(part("serves", site.serves()).await);
    wrong.push(part("secrets", seeded.is_nowhere(&site, tap)).await);
    wrong.push(part("panics", async { no_panics(&site.platform) }).await);
    let wrong: Vec<&str> = wrong.into_iter().flatten().collect();
    let breaches = site.platform.admin.invariants().await?;
    ensure!(wrong.is_empty() && breaches.is_empty(), "{}\n{breaches:?}", wrong.join(", "));
    site.platform.stop().await
}

/// No log says that something panicked.
fn no_panics(platform: &Platform) -> anyhow::Result<()> {
    for (path, bytes) in platform.files(&["postgres"])? {
        if path.extension().is_some_and(|ending| ending == "log") {
            let text = String::from_utf8_lossy(&bytes);
            let found = text.lines().find(|line| PANICS.iter().any(|panic| line.contains(panic)));
            ensure!(found.is_none(), "{}: {found:?}", path.display());
        }
    }
    Ok(())
}
