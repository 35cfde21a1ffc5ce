//! Starting, stopping and starting again.

use anyhow::ensure;
use testkit::{Platform, Topology};

use crate::{Alone, alone};

pub(crate) fn scenarios() -> Vec<(&'static str, Alone)> {
    alone![a_second_start_keeps_keys_balances_and_generations, a_wrong_setting_is_named_and_ends_with_64]
}

async fn a_second_start_keeps_keys_balances_and_generations() -> anyhow::Result<()> {
    let platform = Platform::start(Topology::OneProcess, &[]).await?;
    let reply = platform.api().ask("openai/gpt-4o", "Say hello.").await?;
    let id = reply.body["id"].as_str().unwrap_or_default().to_owned();
    let (key, before) = (platform.dev.api_key.clone(), platform.ledger.charge(&id).await?);
    let platform = platform.restart().await?;
    ensure!(platform.dev.api_key == key, "the key changed");
    ensure!(platform.ledger.charge(&id).await? == before, "the charge changed");
    let reply = platform.api().ask("openai/gpt-4o", "Say hello again.").await?;
    ensure!(reply.status == 200, "{reply:?}");
    platform.stop().await
}

async fn a_wrong_setting_is_named_and_ends_with_64() -> anyhow::Result<()> {
    for (key, value, named) in [
        ("PATCHBAY__EDGE__NO_SUCH_KEY", "1", "no_such_key"),
        ("PATCHBAY__TELEMETRY__TRACE_RATIO", "much", "trace_ratio"),
    ] {
        let output = testkit::run_binary(&["dev"], &[(key, value)]).await?;
        ensure!(output.status.code() == Some(64), "{key}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(said.contains(named), "{key} is not named: {said}");
    }
    Ok(())
}
