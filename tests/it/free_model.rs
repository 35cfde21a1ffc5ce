//! A listed model that costs nothing, made to cost a little: few may be asked of a free one in a minute.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::Platform;

const MODEL: &str = "ollama/qwen3";
/// Dollars per token.
const PRICE: &str = "0.000001";

/// Prices it, where nobody has, and waits until every router knows: asked often enough, each is asked.
///
/// # Errors
/// When the platform refuses, or the price does not arrive.
pub(crate) async fn price(platform: &Platform) -> anyhow::Result<()> {
    let known = endpoint(platform).await?;
    if is_free(&known) {
        let book = json!({"base": {"input": PRICE, "output": PRICE}});
        let price = json!({"endpoint_id": known["id"], "price": book, "force": true});
        platform.admin.post("/prices", price).await?;
    }
    let mut priced = 0;
    for _ in 0..400 {
        priced = if is_free(&endpoint(platform).await?) { 0 } else { priced + 1 };
        if priced == 12 {
            return Ok(());
        }
        if priced == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    }
    anyhow::bail!("{MODEL} does not get its price")
}

async fn endpoint(platform: &Platform) -> anyhow::Result<Value> {
    let reply = platform.admin.call("GET", &format!("/catalogue?model={MODEL}"), None).await?;
    ensure!(reply.status == 200, "{reply:?}");
    let endpoint = reply.body["models"][0]["endpoints"].get(0).cloned();
    endpoint.with_context(|| format!("{MODEL} has no endpoint: {reply:?}"))
}

fn is_free(endpoint: &Value) -> bool {
    endpoint["price"]["base"]["output"].as_str().is_none_or(|price| price.parse() == Ok(0.0))
}
