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
    let (mut served, mut limited) = (0, None);
    for n in 0..12 {
        let reply = testkit::Api::new(&bases[n % bases.len()], &key).ask(&model, "hello").await?;
        match reply.status {
            200 => served += 1,
            429 => limited = Some(reply),
            _ => anyhow::bail!("{reply:?}"),
        }
    }
    // A minute may turn while the requests run.
    ensure!(served == 6 || served == 12, "{served} of 12 requests were served at 6 a minute");
    if let Some(reply) = limited {
        ensure!(reply.error_type() == "rate_limit_exceeded", "{reply:?}");
        for header in ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            ensure!(reply.headers.contains_key(header), "no {header}: {reply:?}");
        }
    }
    Ok(())
}
