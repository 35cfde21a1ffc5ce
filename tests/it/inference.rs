//! What a client gets for its money, and that it is what the provider said and the ledger took.

use std::sync::Arc;

use anyhow::ensure;
use serde_json::json;
use testkit::{Dialect, Platform};

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        a_whole_answer_costs_what_the_provider_counted,
        a_streamed_answer_costs_what_the_provider_counted,
        the_listed_models_answer_in_all_three_dialects,
        tools_and_schemas_work_in_every_dialect,
        a_client_that_leaves_pays_for_what_was_delivered,
        a_generation_can_be_looked_up,
        what_a_key_may_know_of_itself,
    ]
}

async fn a_whole_answer_costs_what_the_provider_counted(platform: Arc<Platform>) -> anyhow::Result<()> {
    for dialect in Dialect::ALL {
        let provider = platform.admin.provider(dialect).await?;
        let model = platform.admin.model(&[(&provider, "3", "15")]).await?;
        let reply = platform.api().ask(&model, "Say hello.").await?;
        ensure!(reply.status == 200 && !reply.text().is_empty(), "{dialect:?}: {reply:?}");
        ensure!(
            reply.body["model"] == json!(model) && reply.body["provider"] == json!(provider.name),
            "{reply:?}"
        );
        let id = reply.body["id"].as_str().unwrap_or_default();
        ensure!(reply.headers["x-generation-id"] == id, "{reply:?}");

        let [sent] = &platform.simulator.sent(&provider).await?[..] else {
            anyhow::bail!("{dialect:?}: not exactly one upstream call")
        };
        let usage = &reply.body["usage"];
        ensure!(usage["prompt_tokens"] == json!(sent.prompt_tokens), "{usage} is not {sent:?}");
        ensure!(usage["completion_tokens"] == json!(sent.completion_tokens), "{usage} is not {sent:?}");
        let nanos = sent.prompt_tokens * 3_000 + sent.completion_tokens * 15_000;
        let charge = platform.ledger.charge(id).await?;
        ensure!(charge.nanos == i64::try_from(nanos)?, "{charge:?} is not {nanos}");
        let cost = usage["cost"].as_f64().unwrap_or_default();
        ensure!((cost * 1e9 - charge.nanos as f64).abs() < 0.5, "{usage} is not {charge:?}");
    }
    Ok(())
}

async fn a_streamed_answer_costs_what_the_provider_counted(platform: Arc<Platform>) -> anyhow::Result<()> {
    for dialect in Dialect::ALL {
        let provider = platform.admin.provider(dialect).await?;
        let model = platform.admin.model(&[(&provider, "0.15", "0.6")]).await?;
        let streamed = platform.api().stream(&model, "Count to twenty. [[sim: tokens=40]]").await?;
        ensure!(streamed.is_done() && !streamed.text().is_empty(), "{dialect:?}: {streamed:?}");
        ensure!(streamed.finish_reason() == Some("stop"), "{dialect:?}: {streamed:?}");
        let [sent] = &platform.simulator.sent(&provider).await?[..] else {
            anyhow::bail!("{dialect:?}: not exactly one upstream call")
        };
        let usage = streamed.usage().ok_or_else(|| anyhow::anyhow!("{dialect:?}: no usage"))?;
        ensure!(usage["completion_tokens"] == json!(sent.completion_tokens), "{usage} is not {sent:?}");
        let id = streamed.id().unwrap_or_default();
        let picos = sent.prompt_tokens * 150_000 + sent.completion_tokens * 600_000;
        let charge = platform.ledger.charge(id).await?;
        ensure!(
            (charge.nanos * 1_000 - i64::try_from(picos)?).abs() <= 500,
            "{charge:?} is not {picos} picos"
        );
    }
    Ok(())
}

async fn the_listed_models_answer_in_all_three_dialects(platform: Arc<Platform>) -> anyhow::Result<()> {
    for model in ["openai/gpt-4o", "anthropic/claude-3.5-sonnet", "google/gemini-2.5-flash"] {
        let reply = platform.api().ask(model, "Say hello.").await?;
        ensure!(reply.status == 200 && !reply.text().is_empty(), "{model}: {reply:?}");
        ensure!(reply.body["simulated"] == json!(true), "{model} hides that it is simulated: {reply:?}");
        ensure!(reply.headers.contains_key("x-patchbay-simulated"), "{model}: {reply:?}");
    }
    Ok(())
}

async fn tools_and_schemas_work_in_every_dialect(platform: Arc<Platform>) -> anyhow::Result<()> {
    for dialect in Dialect::ALL {
        let provider = platform.admin.provider(dialect).await?;
        let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                            "additionalProperties": false});
        let body = json!({
            "model": model,
            "messages": [{"role": "user", "content": "Weather in Paris? Use the tool."}],
            "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": schema}}],
            "tool_choice": "required",
        });
        let reply = platform.api().chat(&body).await?;
        let call = &reply.body["choices"][0]["message"]["tool_calls"][0]["function"];
        let arguments = call["arguments"].as_str().unwrap_or_default();
        let arguments: serde_json::Value = serde_json::from_str(arguments)?;
        ensure!(call["name"] == "get_weather" && arguments["city"].is_string(), "{dialect:?}: {reply:?}");

        let body = json!({
            "model": model,
            "messages": [{"role": "user", "content": "Name a city."}],
            "response_format": {"type": "json_schema",
                                "json_schema": {"name": "city", "strict": true, "schema": schema}},
        });
        let reply = platform.api().chat(&body).await?;
        let answer: serde_json::Value = serde_json::from_str(reply.text())?;
        ensure!(answer["city"].is_string(), "{dialect:?}: {reply:?}");
    }
    Ok(())
}

async fn a_client_that_leaves_pays_for_what_was_delivered(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "1", "10")]).await?;
    let body = json!({
        "model": model,
        "stream": true,
        "messages": [{"role": "user", "content": "Talk. [[sim: tokens=2000 delay_ms=20]]"}],
    });
    let left = platform.api().stream_until(&body, |chunks| chunks.len() >= 8).await?;
    let id = left.id().unwrap_or_default().to_owned();
    let charge = platform.ledger.charge(&id).await?;
    let sent = platform.simulator.ended(&provider).await?;
    ensure!(sent.disconnected, "the upstream was not stopped: {sent:?}");
    ensure!(sent.sent_tokens < 1_000, "the upstream ran on: {sent:?}");
    ensure!(charge.cancelled && charge.nanos > 0, "{charge:?}");
    ensure!(
        charge.completion_tokens <= sent.sent_tokens + 1,
        "billed more than was generated: {charge:?}, {sent:?}"
    );
    Ok(())
}

async fn a_generation_can_be_looked_up(platform: Arc<Platform>) -> anyhow::Result<()> {
    let api = platform.api();
    let streamed = api.stream("openai/gpt-4o-mini", "Say hello.").await?;
    let id = streamed.id().unwrap_or_default();
    platform.ledger.charge(id).await?;
    let reply = api.get(&format!("/generation?id={id}")).await?;
    let data = &reply.body["data"];
    ensure!(reply.status == 200 && data["id"] == json!(id), "{reply:?}");
    ensure!(
        data["total_cost"] == streamed.usage().map_or(json!(null), |usage| usage["cost"].clone()),
        "{data}"
    );
    ensure!(data["streamed"] == json!(true) && data["model"] == "openai/gpt-4o-mini", "{data}");
    let stranger = platform.admin.organisation("1").await?;
    let foreign = platform.api_as(&stranger.api_key).get(&format!("/generation?id={id}")).await?;
    ensure!(foreign.status == 404, "another tenant's generation is shown: {foreign:?}");
    Ok(())
}

async fn what_a_key_may_know_of_itself(platform: Arc<Platform>) -> anyhow::Result<()> {
    let organisation = platform.admin.organisation("2.5").await?;
    let api = platform.api_as(&organisation.api_key);
    let reply = api.ask("openai/gpt-4o", "Say hello.").await?;
    let id = reply.body["id"].as_str().unwrap_or_default();
    let charge = platform.ledger.charge(id).await?;
    let key = api.get("/key").await?;
    let usage = key.body["data"]["usage"].as_f64().unwrap_or_default();
    ensure!((usage * 1e9 - charge.nanos as f64).abs() < 0.5, "{key:?} is not {charge:?}");
    let manager = platform.api_as(&organisation.management_key);
    let credits = manager.get("/credits").await?;
    ensure!(credits.body["data"]["total_credits"].as_f64() == Some(2.5), "{credits:?}");
    let refused = manager.ask("openai/gpt-4o", "Say hello.").await?;
    ensure!(refused.status == 403, "a management key may infer: {refused:?}");
    Ok(())
}
