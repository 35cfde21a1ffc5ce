//! Presets: what a request takes over by naming one, as the provider gets it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Api, Chunk, Dialect, Platform};

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![a_preset_reaches_the_provider_and_its_next_version_after_it]
}

async fn a_preset_reaches_the_provider_and_its_next_version_after_it(
    platform: Arc<Platform>,
) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
    let key = platform.admin.organisation("1").await?.api_key;
    let api = platform.api_as(&key);
    let first = json!({
        "model": model, "temperature": 0.25,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Never sent."}]
    });
    let made = api.post("/presets/kind/chat/completions", first.to_string()).await?;
    ensure!(made.status == 200 && made.body["data"]["designated_version"]["version"] == json!(1), "{made:?}");
    let sent = sent(&api).await?;
    let turns = json!([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Say hello."}]);
    ensure!(sent["messages"] == turns && sent["temperature"] == json!(0.25), "{sent}");

    let second = json!({"model": model, "instructions": "Be brief.", "temperature": 0.75});
    let made = api.post("/presets/kind/responses", second.to_string()).await?;
    ensure!(made.status == 200, "{made:?}");
    for base in platform.api_bases() {
        let api = Api::new(&base, &key);
        let shown = api.get("/presets/kind").await?;
        ensure!(shown.body["data"]["designated_version"]["version"] == json!(2), "{shown:?}");
        is_in_force(&api, &json!(0.75)).await?;
    }
    let refused = api.ask("@preset/nobody", "Say hello.").await?;
    ensure!(refused.status == 404 && refused.error_message().contains("`nobody`"), "{refused:?}");
    let others = platform.api().ask("@preset/kind", "Say hello.").await?;
    ensure!(others.status == 404, "{others:?}");
    Ok(())
}

/// Waits until an edge that did not write the version has heard of it, which takes seconds.
async fn is_in_force(api: &Api, temperature: &Value) -> anyhow::Result<()> {
    for _ in 0..100 {
        if sent(api).await?["temperature"] == *temperature {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    anyhow::bail!("the version never comes into force")
}

/// What goes to the provider for a request that leaves all to the preset.
async fn sent(api: &Api) -> anyhow::Result<Value> {
    let body = json!({
        "model": "@preset/kind", "messages": [{"role": "user", "content": "Say hello."}], "stream": true,
        "debug": {"echo_upstream_body": true}
    });
    let streamed = api.stream_with(&body).await?;
    let echo = streamed.chunks.iter().find_map(|chunk| match chunk {
        Chunk::Data(data) => data["debug"].get("echo_upstream_body"),
        Chunk::Comment | Chunk::Done => None,
    });
    echo.cloned().with_context(|| format!("nothing was sent: {streamed:?}"))
}
