//! The platforms that scenarios share: started when first needed, audited at the end.

use std::sync::Arc;

use anyhow::Context as _;
use testkit::{Platform, Topology};
use tokio::sync::OnceCell;

/// A busy machine's Redis is slow, not away: only while it is asked, limits are exact and answers are cached for all
/// edges.
const SETTINGS: [(&str, &str); 2] = [
    ("PATCHBAY__EDGE__LIMITS__REDIS_TIMEOUT_MS", "2000"),
    ("PATCHBAY__EDGE__CACHE__REDIS_TIMEOUT_MS", "2000"),
];

#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<[OnceCell<Arc<Platform>>; 2]>);

impl Shared {
    pub(crate) async fn platform(&self, topology: Topology) -> anyhow::Result<Arc<Platform>> {
        let cell = &self.0[usize::from(topology == Topology::Cluster)];
        let platform =
            cell.get_or_try_init(|| async { Platform::start(topology, &SETTINGS).await.map(Arc::new) });
        Ok(Arc::clone(platform.await?))
    }

    /// Every account of every scenario must add up, and the platforms must end with 0.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        let cells = Arc::into_inner(self.0).context("a scenario still runs")?;
        for cell in cells {
            let Some(platform) = cell.into_inner() else { continue };
            let platform = Arc::into_inner(platform).context("a scenario still runs")?;
            let name = platform.topology.name();
            platform.ledger.settle_down().await.with_context(|| format!("{name} does not settle"))?;
            let breaches = platform.admin.invariants().await?;
            anyhow::ensure!(breaches.is_empty(), "{name} breaks invariants: {breaches:?}");
            platform.stop().await?;
        }
        Ok(())
    }
}
