//! Limits hold whatever happens at once, and what is charged is what was listed.

use std::sync::Arc;

use anyhow::ensure;
use futures::future::join_all;
use serde_json::json;
use testkit::{Dialect, Platform};

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        a_balance_cannot_be_passed_by_many_at_once,
        a_key_limit_holds_where_the_balance_would_not,
        what_is_listed_is_what_is_charged,
        an_answer_is_clamped_to_what_the_account_affords,
        a_free_model_costs_nothing_and_needs_no_credit,
    ]
}

async fn a_balance_cannot_be_passed_by_many_at_once(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    // $0.1 per request and nothing per token: what is affordable can be counted.
    let model = platform.admin.model_per_request(&provider, "0.1").await?;
    let organisation = platform.admin.organisation("1").await?;
    let bases = platform.api_bases();
    let asked = (0..40).map(|n| {
        let api = testkit::Api::new(&bases[n % bases.len()], &organisation.api_key);
        let model = model.clone();
        async move { api.ask(&model, "hello").await }
    });
    let mut served = 0;
    for reply in join_all(asked).await {
        let reply = reply?;
        match reply.status {
            200 => served += 1,
            402 => {}
            _ => anyhow::bail!("{reply:?}"),
        }
    }
    ensure!(served == 10, "{served} requests of $0.1 were served on a balance of $1");
    ensure!(platform.ledger.settled_balance(&organisation).await? == 0, "the balance is not used up");
    Ok(())
}

async fn a_key_limit_holds_where_the_balance_would_not(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model_per_request(&provider, "0.1").await?;
    let organisation = platform.admin.organisation("5").await?;
    let key = platform.admin.limited_key(&organisation, "0.3").await?;
    let api = platform.api_as(&key);
    let mut statuses = Vec::new();
    for reply in join_all((0..8).map(|_| api.ask(&model, "hello"))).await {
        statuses.push(reply?.status);
    }
    statuses.sort_unstable();
    ensure!(statuses == [200, 200, 200, 402, 402, 402, 402, 402], "{statuses:?}");
    let reply = platform.api_as(&organisation.api_key).ask(&model, "hello").await?;
    ensure!(reply.status == 200, "the limit of one key stops another: {reply:?}");
    let key = api.get("/key").await?;
    ensure!(key.body["data"]["limit"] == json!(0.3), "{key:?}");
    Ok(())
}

async fn what_is_listed_is_what_is_charged(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::Anthropic).await?;
    let model = platform.admin.model(&[(&provider, "3", "15")]).await?;
    let api = platform.api_as(&platform.dev.markup_api_key);
    let listed = api.get("/models").await?;
    let row = listed.body["data"]
        .as_array()
        .and_then(|rows| rows.iter().find(|row| row["id"] == json!(model)))
        .ok_or_else(|| anyhow::anyhow!("{model} is not listed"))?;
    let pricing = &row["pricing"];
    ensure!(pricing["prompt"] == "0.00000315" && pricing["completion"] == "0.00001575", "{pricing}");
    let reply = api.ask(&model, "Say hello.").await?;
    let charge = platform.ledger.charge(reply.body["id"].as_str().unwrap_or_default()).await?;
    let nanos = charge.prompt_tokens * 3_150 + charge.completion_tokens * 15_750;
    ensure!(charge.nanos == i64::try_from(nanos)?, "{charge:?} is not {nanos}");
    let cost = charge.prompt_tokens * 3_000 + charge.completion_tokens * 15_000;
    ensure!(charge.provider_cost_nanos == i64::try_from(cost)?, "{charge:?} is not {cost}");
    Ok(())
}

async fn an_answer_is_clamped_to_what_the_account_affords(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    // $0.0001 a completion token: $0.05 affords fewer than 500.
    let model = platform.admin.model(&[(&provider, "0", "100")]).await?;
    let organisation = platform.admin.organisation("0.05").await?;
    let streamed =
        platform.api_as(&organisation.api_key).stream(&model, "Talk. [[sim: tokens=3000]]").await?;
    ensure!(streamed.finish_reason() == Some("length"), "{streamed:?}");
    let charge = platform.ledger.charge(streamed.id().unwrap_or_default()).await?;
    ensure!(charge.nanos <= 50_000_000 && charge.completion_tokens > 64, "{charge:?}");
    Ok(())
}

async fn a_free_model_costs_nothing_and_needs_no_credit(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::Gemini).await?;
    let model = platform.admin.model(&[(&provider, "0", "0")]).await?;
    let poor = platform.admin.organisation("0").await?;
    let reply = platform.api_as(&poor.api_key).ask(&model, "hello").await?;
    ensure!(reply.status == 200 && reply.body["usage"]["cost"] == json!(0), "{reply:?}");
    let charge = platform.ledger.charge(reply.body["id"].as_str().unwrap_or_default()).await?;
    ensure!(charge.nanos == 0 && charge.completion_tokens > 0, "{charge:?}");
    Ok(())
}
