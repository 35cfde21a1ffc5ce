//! A provider that fails is replaced before the client notices, or named once it has.

use std::sync::Arc;

use anyhow::ensure;
use serde_json::{Value, json};
use testkit::{Dialect, Platform, Provider};

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        what_fails_before_the_first_token_is_replaced,
        a_stream_that_is_cut_ends_with_a_typed_error,
        all_endpoints_failing_is_one_clear_error,
        without_fallbacks_the_providers_error_is_shown,
        the_next_model_serves_when_the_first_one_fails,
        a_failing_endpoint_is_left_alone_for_a_while,
        every_dialect_fails_over_to_every_other,
    ]
}

/// A preferred cheap endpoint and a dear one behind it.
struct Pair {
    first: Provider,
    second: Provider,
    model: String,
}

async fn pair(platform: &Platform, first: Dialect, second: Dialect) -> anyhow::Result<Pair> {
    let first = platform.admin.provider(first).await?;
    let second = platform.admin.provider(second).await?;
    let model = platform.admin.model(&[(&first, "1", "1"), (&second, "50", "50")]).await?;
    Ok(Pair { first, second, model })
}

/// A streamed request that prefers the first of a pair.
fn preferring(pair: &Pair, prompt: &str) -> Value {
    json!({
        "model": pair.model,
        "stream": true,
        "messages": [{"role": "user", "content": prompt}],
        "provider": {"order": [pair.first.slug, pair.second.slug]},
    })
}

async fn what_fails_before_the_first_token_is_replaced(platform: Arc<Platform>) -> anyhow::Result<()> {
    let faults = [
        json!({"status": 500}),
        json!({"status": 429, "retry_after": 7}),
        json!({"status": 503}),
        json!({"hang": true}),
        json!({"cut_after_tokens": 0}),
        json!({"garbage": true}),
    ];
    for fault in faults {
        let pair = pair(&platform, Dialect::OpenAi, Dialect::OpenAi).await?;
        platform.simulator.fault(&pair.first, &fault).await?;
        let streamed = platform.api().stream_with(&preferring(&pair, "Say hello.")).await?;
        ensure!(streamed.status == 200 && streamed.error().is_none(), "{fault}: {streamed:?}");
        ensure!(streamed.is_done() && !streamed.text().is_empty(), "{fault}: {streamed:?}");
        ensure!(streamed.provider() == Some(&pair.second.name), "{fault}: {streamed:?}");
        // Charged once, at the price of the endpoint that served.
        let charge = platform.ledger.charge(streamed.id().unwrap_or_default()).await?;
        let tokens = i64::try_from(charge.prompt_tokens + charge.completion_tokens)?;
        ensure!(charge.nanos == tokens * 50_000, "{fault}: {charge:?}");

        let body = json!({
            "model": pair.model,
            "messages": [{"role": "user", "content": "Say hello."}],
            "provider": {"order": [pair.first.slug, pair.second.slug]},
        });
        let reply = platform.api().chat(&body).await?;
        ensure!(reply.status == 200 && !reply.text().is_empty(), "{fault}: {reply:?}");
    }
    Ok(())
}

async fn a_stream_that_is_cut_ends_with_a_typed_error(platform: Arc<Platform>) -> anyhow::Result<()> {
    for dialect in Dialect::ALL {
        let pair = pair(&platform, dialect, Dialect::OpenAi).await?;
        platform.simulator.fault(&pair.first, &json!({"cut_after_tokens": 5})).await?;
        let streamed =
            platform.api().stream_with(&preferring(&pair, "Talk. [[sim: tokens=50 delay_ms=5]]")).await?;
        ensure!(streamed.status == 200 && !streamed.broken, "{dialect:?}: {streamed:?}");
        ensure!(!streamed.text().is_empty(), "{dialect:?}: {streamed:?}");
        let error = streamed.error().ok_or_else(|| anyhow::anyhow!("{dialect:?}: {streamed:?}"))?;
        ensure!(error["code"].is_u64() && error["metadata"]["error_type"].is_string(), "{error}");
        ensure!(streamed.finish_reason() == Some("error"), "{dialect:?}: {streamed:?}");
        ensure!(platform.simulator.sent(&pair.second).await?.is_empty(), "restarted after content went out");
        platform.ledger.charge(streamed.id().unwrap_or_default()).await?;
    }
    Ok(())
}

async fn all_endpoints_failing_is_one_clear_error(platform: Arc<Platform>) -> anyhow::Result<()> {
    let pair = pair(&platform, Dialect::OpenAi, Dialect::Anthropic).await?;
    for provider in [&pair.first, &pair.second] {
        platform.simulator.fault(provider, &json!({"status": 429, "retry_after": 7})).await?;
    }
    let reply = platform.api().ask(&pair.model, "Say hello.").await?;
    ensure!(reply.status == 429 && reply.error_type() == "rate_limit_exceeded", "{reply:?}");
    ensure!(reply.headers.get("retry-after").is_some_and(|seconds| seconds == "7"), "{reply:?}");
    let charge = platform.ledger.charge(reply.headers["x-generation-id"].to_str()?).await?;
    ensure!(charge.nanos == 0, "{charge:?}");
    Ok(())
}

async fn without_fallbacks_the_providers_error_is_shown(platform: Arc<Platform>) -> anyhow::Result<()> {
    let pair = pair(&platform, Dialect::OpenAi, Dialect::OpenAi).await?;
    platform.simulator.fault(&pair.first, &json!({"status": 503})).await?;
    let body = json!({
        "model": pair.model,
        "messages": [{"role": "user", "content": "Say hello."}],
        "provider": {"order": [pair.first.slug], "allow_fallbacks": false},
    });
    let reply = platform.api().chat(&body).await?;
    ensure!(reply.status >= 500 && !reply.error_message().is_empty(), "{reply:?}");
    ensure!(platform.simulator.sent(&pair.second).await?.is_empty(), "fell back all the same");
    Ok(())
}

async fn the_next_model_serves_when_the_first_one_fails(platform: Arc<Platform>) -> anyhow::Result<()> {
    let (dead, live) =
        (platform.admin.provider(Dialect::OpenAi).await?, platform.admin.provider(Dialect::Gemini).await?);
    let first = platform.admin.model(&[(&dead, "1", "1")]).await?;
    let second = platform.admin.model(&[(&live, "2", "2")]).await?;
    platform.simulator.fault(&dead, &json!({"status": 500})).await?;
    let body = json!({
        "models": [first, second],
        "messages": [{"role": "user", "content": "Say hello."}],
    });
    let reply = platform.api().chat(&body).await?;
    ensure!(reply.status == 200 && reply.body["model"] == json!(second), "{reply:?}");
    Ok(())
}

async fn a_failing_endpoint_is_left_alone_for_a_while(platform: Arc<Platform>) -> anyhow::Result<()> {
    let pair = pair(&platform, Dialect::OpenAi, Dialect::OpenAi).await?;
    platform.simulator.fault(&pair.first, &json!({"status": 500})).await?;
    for _ in 0..40 {
        let streamed = platform.api().stream_with(&preferring(&pair, "Say hello.")).await?;
        ensure!(streamed.provider() == Some(&pair.second.name), "{streamed:?}");
    }
    let tried = platform.simulator.calls(&pair.first).await?;
    ensure!(tried < 30, "the failing endpoint was tried {tried} times in 40 requests");
    Ok(())
}

async fn every_dialect_fails_over_to_every_other(platform: Arc<Platform>) -> anyhow::Result<()> {
    for first in Dialect::ALL {
        for second in Dialect::ALL {
            let pair = pair(&platform, first, second).await?;
            platform.simulator.fault(&pair.first, &json!({"status": 500})).await?;
            let streamed = platform.api().stream_with(&preferring(&pair, "Say hello.")).await?;
            ensure!(streamed.provider() == Some(&pair.second.name), "{first:?} {second:?}: {streamed:?}");
            ensure!(!streamed.text().is_empty() && streamed.is_done(), "{first:?} {second:?}: {streamed:?}");
        }
    }
    Ok(())
}
