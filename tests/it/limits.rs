//! Rate limits.

use std::sync::Arc;

use anyhow::ensure;
use testkit::{Dialect, Platform};

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![a_small_limit_is_exact_across_edges]
}

async fn a_small_limit_is_exact_across_edges(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
    let organisation = platform.admin.organisation("1").await?;
    let key = platform.admin.rate_limited_key(&organisation, 6).await?;
    let bases = platform.api_bases();
    let began = minute()?;
    let (mut served, mut limited) = (0, None);
    for n in 0..12 {
        let reply = testkit::Api::new(&bases[n % bases.len()], &key).ask(&model, "hello").await?;
        match reply.status {
            200 => served += 1,
            429 => limited = Some(reply),
            _ => anyhow::bail!("{reply:?}"),
        }
    }
    // A minute may turn while the requests run, and then more are served.
    let most = if minute()? == began { 6 } else { 12 };
    ensure!((6..=most).contains(&served), "{served} of 12 requests were served at 6 a minute");
    if let Some(reply) = limited {
        ensure!(reply.error_type() == "rate_limit_exceeded", "{reply:?}");
        for header in ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            ensure!(reply.headers.contains_key(header), "no {header}: {reply:?}");
        }
    }
    Ok(())
}

/// Minutes since 1970.
fn minute() -> anyhow::Result<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(now.as_secs() / 60)
}
