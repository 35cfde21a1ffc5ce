//! The model list, and the choice among a model's endpoints.

use std::sync::Arc;

use anyhow::ensure;
use serde_json::{Value, json};
use testkit::{Dialect, Platform, Provider};

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        the_list_is_long_and_knows_the_classics,
        a_model_is_found_by_filters_and_shows_every_endpoint,
        an_alias_serves_and_names_the_model,
        preferences_choose_among_endpoints,
        floor_takes_the_cheapest,
        cheap_endpoints_lead_more_often,
        a_changed_price_is_charged_within_a_second,
    ]
}

async fn the_list_is_long_and_knows_the_classics(platform: Arc<Platform>) -> anyhow::Result<()> {
    let listed = platform.api().get("/models").await?;
    let rows = listed.body["data"].as_array().ok_or_else(|| anyhow::anyhow!("{listed:?}"))?;
    ensure!(rows.len() >= 290, "only {} models", rows.len());
    for model in [
        "openai/gpt-4o",
        "openai/gpt-4o-mini",
        "anthropic/claude-3.5-sonnet",
        "google/gemini-2.5-flash",
        "meta-llama/llama-3.3-70b-instruct",
        "mistralai/mistral-large",
        "qwen/qwen-2.5-72b-instruct",
    ] {
        ensure!(rows.iter().any(|row| row["id"] == json!(model)), "{model} is not listed");
    }
    Ok(())
}

async fn a_model_is_found_by_filters_and_shows_every_endpoint(platform: Arc<Platform>) -> anyhow::Result<()> {
    let ([cheap, dear], model) = two(&platform, ["1", "2"]).await?;
    let api = platform.api();
    let found =
        api.get(&format!("/models?q={model}&providers={}&min_price=1&max_price=1", dear.slug)).await?;
    ensure!(
        found.body["total_count"] == json!(1) && found.body["data"][0]["id"] == json!(model),
        "{found:?}"
    );
    let missed = api.get(&format!("/models/count?q={model}&min_price=1.1")).await?;
    ensure!(missed.body["data"]["count"] == json!(0), "{missed:?}");
    let shown = api.get(&format!("/models/{model}:nitro/endpoints")).await?;
    let endpoints = shown.body["data"]["endpoints"].as_array().cloned().unwrap_or_default();
    let mut providers: Vec<&Value> = endpoints.iter().map(|endpoint| &endpoint["provider_name"]).collect();
    providers.sort_by_key(|name| name.to_string());
    let mut names = [json!(cheap.name), json!(dear.name)];
    names.sort_by_key(Value::to_string);
    ensure!(providers == names.iter().collect::<Vec<_>>(), "{shown:?}");
    ensure!(endpoints.iter().all(|endpoint| endpoint["status"] == json!(0)), "{shown:?}");
    for path in ["/model/nobody/nothing", "/models/nobody/nothing/endpoints"] {
        let refused = api.get(path).await?;
        ensure!(refused.status == 404 && refused.body["error"]["code"] == json!(404), "{refused:?}");
    }
    let odd = api.get("/models?sort=sideways").await?;
    ensure!(
        odd.status == 400
            && odd.body["error"]["message"].as_str().is_some_and(|said| said.contains("`sort`"))
    );
    Ok(())
}

async fn an_alias_serves_and_names_the_model(platform: Arc<Platform>) -> anyhow::Result<()> {
    let reply = platform.api().ask("anthropic/claude-3-5-sonnet", "Say hello.").await?;
    ensure!(reply.status == 200 && reply.body["model"] == "anthropic/claude-3.5-sonnet", "{reply:?}");
    Ok(())
}

async fn two(platform: &Platform, prices: [&str; 2]) -> anyhow::Result<([Provider; 2], String)> {
    let first = platform.admin.provider(Dialect::OpenAi).await?;
    let second = platform.admin.provider(Dialect::OpenAi).await?;
    let model =
        platform.admin.model(&[(&first, prices[0], prices[0]), (&second, prices[1], prices[1])]).await?;
    Ok(([first, second], model))
}

async fn served_by(platform: &Platform, model: &str, preferences: Value) -> anyhow::Result<Value> {
    let body = json!({
        "model": model,
        "messages": [{"role": "user", "content": "Say hello."}],
        "provider": preferences,
    });
    let reply = platform.api().chat(&body).await?;
    ensure!(reply.status == 200, "{reply:?}");
    Ok(reply.body["provider"].clone())
}

async fn preferences_choose_among_endpoints(platform: Arc<Platform>) -> anyhow::Result<()> {
    let ([cheap, dear], model) = two(&platform, ["1", "2"]).await?;
    for _ in 0..5 {
        let order = json!({"order": [dear.slug, cheap.slug]});
        ensure!(served_by(&platform, &model, order).await? == json!(dear.name), "order is not kept");
        let only = json!({"only": [dear.slug]});
        ensure!(served_by(&platform, &model, only).await? == json!(dear.name), "only is not kept");
        let ignore = json!({"ignore": [cheap.slug]});
        ensure!(served_by(&platform, &model, ignore).await? == json!(dear.name), "ignore is not kept");
        let sort = json!({"sort": "price"});
        ensure!(served_by(&platform, &model, sort).await? == json!(cheap.name), "sort is not kept");
    }
    let body = json!({
        "model": model,
        "messages": [{"role": "user", "content": "x"}],
        "provider": {"ignore": [cheap.slug, dear.slug]},
    });
    let reply = platform.api().chat(&body).await?;
    ensure!(reply.status == 404 && reply.body["error"]["availability"]["code"].is_string(), "{reply:?}");
    Ok(())
}

async fn floor_takes_the_cheapest(platform: Arc<Platform>) -> anyhow::Result<()> {
    let ([dear, cheap], model) = two(&platform, ["2", "1.9"]).await?;
    for _ in 0..8 {
        let reply = platform.api().ask(&format!("{model}:floor"), "Say hello.").await?;
        ensure!(reply.body["provider"] == json!(cheap.name), "{} served: {reply:?}", dear.name);
    }
    let reply = platform.api().ask(&format!("{model}:nitro"), "Say hello.").await?;
    ensure!(reply.status == 200, "{reply:?}");
    Ok(())
}

async fn cheap_endpoints_lead_more_often(platform: Arc<Platform>) -> anyhow::Result<()> {
    let ([cheap, dear], model) = two(&platform, ["1", "3"]).await?;
    let mut first = 0;
    for _ in 0..60 {
        if served_by(&platform, &model, json!({})).await? == json!(cheap.name) {
            first += 1;
        }
    }
    // Nine to one is expected; fewer than 40 of 60 has a chance under one in ten million.
    ensure!(first >= 40, "the cheap endpoint led {first} of 60 times before {}", dear.name);
    Ok(())
}

async fn a_changed_price_is_charged_within_a_second(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
    platform.admin.price(&model, &provider, "2", "2").await?;
    let mut tries = 0;
    loop {
        let reply = platform.api().ask(&model, "Say hello.").await?;
        let charge = platform.ledger.charge(reply.body["id"].as_str().unwrap_or_default()).await?;
        let tokens = i64::try_from(charge.prompt_tokens + charge.completion_tokens)?;
        if charge.nanos == tokens * 2_000 {
            return Ok(());
        }
        ensure!(charge.nanos == tokens * 1_000, "neither the old nor the new price: {charge:?}");
        ensure!(tries < 20, "the new price is never charged: {charge:?}");
        tries += 1;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
