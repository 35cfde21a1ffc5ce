//! Answers that are given again: nobody pays for them twice.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use testkit::{Api, Dialect, Platform};

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        a_cached_answer_is_free_at_every_edge,
        a_cached_stream_reads_like_the_first,
        every_dialect_of_conversations_is_cached,
        a_named_request_is_made_and_charged_once,
        a_client_that_left_comes_back_for_the_answer_it_paid,
    ]
}

const STATUS: &str = "x-openrouter-cache-status";

/// Clients of two edges, where there are two.
fn two_edges(platform: &Platform, name: &'static str, value: &str) -> [Api; 2] {
    let bases = platform.api_bases();
    let api = |base: &str| Api::new(base, &platform.dev.api_key).with_header(name, value);
    [api(&bases[0]), api(bases.last().unwrap_or(&bases[0]))]
}

/// Whether every number in it is 0.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(values) => values.iter().all(is_zero),
        Value::Object(members) => members.values().all(is_zero),
        _ => true,
    }
}

async fn a_cached_answer_is_free_at_every_edge(platform: Arc<Platform>) -> anyhow::Result<()> {
    for dialect in Dialect::ALL {
        let provider = platform.admin.provider(dialect).await?;
        let model = platform.admin.model(&[(&provider, "3", "15")]).await?;
        let [one, other] = two_edges(&platform, "x-openrouter-cache", "true");
        let miss = one.ask(&model, "Say hello.").await?;
        ensure!(miss.status == 200 && miss.header(STATUS) == "MISS", "{miss:?}");
        let hit = other.ask(&model, "Say hello.").await?;
        ensure!(hit.status == 200 && hit.header(STATUS) == "HIT", "{hit:?}");
        let source = miss.body["id"].as_str().unwrap_or_default();
        ensure!(hit.header("x-openrouter-cache-source-id") == source, "{hit:?}");
        ensure!(hit.body["id"] == json!(hit.header("x-generation-id")), "{hit:?}");
        ensure!(hit.text() == miss.text() && hit.body["id"] != miss.body["id"], "{hit:?} is not {miss:?}");
        ensure!(is_zero(&hit.body["usage"]) && hit.body["usage"]["cost"] == json!(0), "{hit:?}");
        ensure!(platform.simulator.sent(&provider).await?.len() == 1, "{dialect:?}: made more than once");
        ensure!(platform.ledger.charge(source).await?.nanos > 0, "the first one was free");
        let row = one.get(&format!("/generation?id={}", hit.body["id"].as_str().unwrap_or_default())).await?;
        ensure!(row.status == 404, "a hit has an account: {row:?}");
    }
    Ok(())
}

async fn a_cached_stream_reads_like_the_first(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "3", "15")]).await?;
    let [one, other] = two_edges(&platform, "x-openrouter-cache", "true");
    let miss = one.stream(&model, "Count to twenty. [[sim: tokens=40]]").await?;
    let hit = other.stream(&model, "Count to twenty. [[sim: tokens=40]]").await?;
    ensure!(miss.header(STATUS) == "MISS" && hit.header(STATUS) == "HIT", "{miss:?} {hit:?}");
    ensure!(hit.is_done() && hit.text() == miss.text() && hit.deltas() == miss.deltas(), "{hit:?}");
    ensure!(hit.finish_reason() == Some("stop") && hit.usage().is_some_and(is_zero), "{hit:?}");
    ensure!(platform.simulator.sent(&provider).await?.len() == 1, "made more than once");
    Ok(())
}

async fn every_dialect_of_conversations_is_cached(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "3", "15")]).await?;
    let [api, _] = two_edges(&platform, "x-openrouter-cache", "true");
    for (path, body) in [
        ("/completions", json!({"model": model, "prompt": "Say hello."})),
        ("/responses", json!({"model": model, "input": "Say hello."})),
        (
            "/messages",
            json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "Say hello."}]}),
        ),
    ] {
        let miss = api.post(path, body.to_string()).await?;
        let mut hit = api.post(path, body.to_string()).await?;
        ensure!(miss.header(STATUS) == "MISS" && hit.header(STATUS) == "HIT", "{path}: {miss:?} {hit:?}");
        ensure!(is_zero(&hit.body["usage"]) && hit.body["id"] != miss.body["id"], "{path}: {hit:?}");
        for own in ["id", "created", "created_at", "usage"] {
            if let Some(value) = hit.body.get_mut(own) {
                *value = miss.body[own].clone();
            }
        }
        ensure!(hit.body == miss.body, "{path}: {} is not {}", hit.body, miss.body);
    }
    Ok(())
}

async fn a_named_request_is_made_and_charged_once(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::Anthropic).await?;
    let model = platform.admin.model(&[(&provider, "3", "15")]).await?;
    let edges = two_edges(&platform, "idempotency-key", &format!("named-{model}"));
    let prompt = "Count to thirty. [[sim: tokens=60]]";
    let all = edges.iter().cycle().take(100).map(|edge| edge.stream(&model, prompt));
    let answers = try_join_all(all).await?;
    let first = answers.first().context("there are answers")?;
    for answer in &answers {
        ensure!(answer.status == 200 && answer.is_done() && answer.id() == first.id(), "{answer:?}");
        ensure!(
            answer.text() == first.text() && answer.usage() == first.usage(),
            "{answer:?} is not {first:?}"
        );
    }
    let made = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_empty());
    ensure!(made.count() == 1, "{answers:?}");
    ensure!(platform.simulator.sent(&provider).await?.len() == 1, "made more than once");
    ensure!(platform.ledger.charge(first.id().unwrap_or_default()).await?.nanos > 0, "it was free");
    let other = edges[0].ask(&model, prompt).await?;
    ensure!(other.status == 422, "another request under the same name: {other:?}");
    Ok(())
}

async fn a_client_that_left_comes_back_for_the_answer_it_paid(platform: Arc<Platform>) -> anyhow::Result<()> {
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "3", "15")]).await?;
    let [one, other] = two_edges(&platform, "idempotency-key", &format!("left-{model}"));
    let body = json!({
        "model": model,
        "stream": true,
        "messages": [{"role": "user", "content": "Count to forty. [[sim: tokens=80]]"}],
    });
    let left = one.stream_until(&body, |chunks| chunks.len() > 2).await?;
    ensure!(!left.is_done(), "it was too quick to be left: {left:?}");
    let back = other.stream_with(&body).await?;
    ensure!(back.is_done() && back.id() == left.id(), "{back:?} is not the answer of {left:?}");
    ensure!(platform.simulator.sent(&provider).await?.len() == 1, "made more than once");
    let cost = back.usage().map(|usage| usage["cost"].as_f64().unwrap_or_default()).unwrap_or_default();
    let charge = platform.ledger.charge(back.id().unwrap_or_default()).await?;
    ensure!((cost * 1e9 - charge.nanos as f64).abs() < 0.5, "{back:?} is not {charge:?}");
    Ok(())
}
