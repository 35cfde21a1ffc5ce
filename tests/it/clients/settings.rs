//! What a script of checks is told: where the platform is, an account of its own, and the models.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::Platform;

use crate::root;

/// Dear models reserve much for long answers.
const CREDIT: &str = "100000";
/// It is free as it is listed, and few may be asked of a free model in a minute.
const FREE_MODEL: &str = "ollama/qwen3";
/// Dollars per token.
const PRICE: &str = "0.000001";

/// # Errors
/// When the platform refuses to make the account.
pub(super) async fn of(platform: &Platform) -> anyhow::Result<Value> {
    price_the_free_model(platform).await?;
    let targets = std::fs::read_to_string(root().join("tests/clients/targets.json"))?;
    let targets: Value = serde_json::from_str(&targets)?;
    let organisation = platform.admin.organisation(CREDIT).await?;
    let api_base = platform.dev.api_base.trim_end_matches('/');
    Ok(json!({
        "api_base": api_base,
        "anthropic_base": api_base.trim_end_matches("/v1"),
        "api_key": organisation.api_key,
        "management_key": organisation.management_key,
        "targets": targets,
    }))
}

/// Prices it, once, and waits until every router knows.
async fn price_the_free_model(platform: &Platform) -> anyhow::Result<()> {
    let endpoint = endpoint(platform).await?;
    if is_free(&endpoint) {
        let price = json!({"endpoint_id": endpoint["id"], "price": {"base": {"input": PRICE, "output": PRICE}}, "force": true});
        platform.admin.post("/prices", price).await?;
    }
    let mut priced = 0;
    for _ in 0..400 {
        priced = if is_free(&self::endpoint(platform).await?) { 0 } else { priced + 1 };
        if priced == 12 {
            return Ok(());
        }
        if priced == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    }
    anyhow::bail!("{FREE_MODEL} does not get its price")
}

async fn endpoint(platform: &Platform) -> anyhow::Result<Value> {
    let reply = platform.admin.call("GET", &format!("/catalogue?model={FREE_MODEL}"), None).await?;
    ensure!(reply.status == 200, "{reply:?}");
    let endpoint = reply.body["models"][0]["endpoints"].get(0).cloned();
    endpoint.with_context(|| format!("{FREE_MODEL} has no endpoint: {reply:?}"))
}

fn is_free(endpoint: &Value) -> bool {
    endpoint["price"]["base"]["output"].as_str().is_none_or(|price| price.parse() == Ok(0.0))
}
