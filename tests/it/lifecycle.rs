//! Starting, stopping and starting again.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::ensure;
use testkit::{Collector, Platform, Topology};

use crate::{Alone, alone};

pub(crate) fn scenarios() -> Vec<(&'static str, Alone)> {
    alone![
        a_second_start_keeps_keys_balances_and_generations,
        a_wrong_setting_is_named_and_ends_with_64,
        one_request_is_one_trace_across_the_services,
    ]
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

async fn one_request_is_one_trace_across_the_services() -> anyhow::Result<()> {
    let collector = Collector::start().await?;
    let endpoint = collector.endpoint();
    let settings = [
        ("PATCHBAY__TELEMETRY__OTLP_ENDPOINT", endpoint.as_str()),
        ("PATCHBAY__TELEMETRY__TRACE_RATIO", "1.0"),
    ];
    let platform = Platform::start(Topology::Cluster, &settings).await?;
    let reply = platform.api().ask("openai/gpt-4o", "Say hello.").await?;
    ensure!(reply.status == 200, "{reply:?}");
    let services = ["edge", "router", "provider-worker", "billing"];
    let mut tries = 0;
    loop {
        let spans = collector.spans();
        let traces: HashSet<&Vec<u8>> = spans.iter().map(|span| &span.trace).collect();
        let whole = traces.iter().any(|trace| {
            let of_trace: Vec<_> = spans.iter().filter(|span| &span.trace == *trace).collect();
            let touches = |service: &str| of_trace.iter().any(|span| span.instance.starts_with(service));
            // Every span but the first one hangs on another of the same trace.
            let roots = of_trace.iter().filter(|span| !of_trace.iter().any(|other| other.id == span.parent));
            services.iter().all(|service| touches(service)) && roots.count() == 1
        });
        if whole {
            break;
        }
        ensure!(tries < 150, "no trace touches all of {services:?}: {spans:#?}");
        tries += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    platform.stop().await
}
