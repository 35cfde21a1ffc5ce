//! The tenants' own provider credentials, from the API to the provider that sees them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Dialect, Platform, Reply};

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        an_own_key_reaches_the_provider_and_costs_no_credit,
        a_key_that_is_always_used_is_used_even_when_it_is_refused,
    ]
}

/// Keeps a credential and asks until an answer shows that every edge which is asked knows it.
async fn keep(
    platform: &Platform,
    sent: &Value,
    model: &str,
    dollars: &str,
    shows: impl Fn(&Reply) -> bool,
) -> anyhow::Result<Reply> {
    let organisation = platform.admin.organisation(dollars).await?;
    let made = platform.api_as(&organisation.management_key).post("/byok", sent.to_string()).await?;
    ensure!(made.status == 201 && !made.body.to_string().contains("sk-"), "{made:?}");
    let mut last = None;
    for _ in 0..100 {
        let reply = platform.api_as(&organisation.api_key).ask(model, "Say hello.").await?;
        if shows(&reply) {
            return Ok(reply);
        }
        last = Some(reply);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the credential never comes into use: {last:?}")
}

async fn an_own_key_reaches_the_provider_and_costs_no_credit(platform: Arc<Platform>) -> anyhow::Result<()> {
    // Nobody but the tenant has a key that this provider takes.
    let members = json!({ "credential": "test-invalid-credential" });
    let provider = platform.admin.provider_with(Dialect::OpenAi, &members).await?;
    let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
    let sent = json!({ "provider": provider.slug, "key": "own-0123456789-good", "workspace_id": null });
    let served = keep(&platform, &sent, &model, "1", |reply| reply.status == 200).await?;
    let usage = &served.body["usage"];
    ensure!(usage["is_byok"] == json!(true) && usage["cost"].as_f64() == Some(0.0), "{usage}");
    let asked = usage["cost_details"]["upstream_inference_cost"].as_f64();
    ensure!(asked.context("the provider's price is not told")? > 0.0, "{usage}");
    Ok(())
}

async fn a_key_that_is_always_used_is_used_even_when_it_is_refused(
    platform: Arc<Platform>,
) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
    let sent = json!({ "provider": provider.slug, "key": "own-0123456789-invalid", "is_required": true });
    let refused = keep(&platform, &sent, &model, "1", |reply| reply.status != 200).await?;
    let told = refused.error_message();
    ensure!(told.contains("refuses your own key") && !told.contains("0123456789"), "{refused:?}");
    let beside = platform.admin.organisation("1").await?;
    let served = platform.api_as(&beside.api_key).ask(&model, "Say hello.").await?;
    ensure!(served.status == 200 && served.body["usage"]["is_byok"] == json!(false), "{served:?}");
    Ok(())
}
