//! Bad input gets a clear error of the right kind, and costs nothing.

use std::sync::Arc;

use anyhow::ensure;
use serde_json::json;
use testkit::{Api, Platform};

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        a_bad_body_is_refused_and_says_where,
        a_bad_key_is_refused_the_same_way_whatever_is_wrong_with_it,
        an_empty_account_is_refused_before_any_provider_is_called,
        an_unknown_path_or_method_is_named,
        a_body_that_is_too_large_is_refused,
    ]
}

async fn a_bad_body_is_refused_and_says_where(platform: Arc<Platform>) -> anyhow::Result<()> {
    let organisation = platform.admin.organisation("1").await?;
    let api = platform.api_as(&organisation.api_key);
    let user = json!([{"role": "user", "content": "hello"}]);
    let deep = format!(
        r#"{{"model":"openai/gpt-4o","messages":[{{"role":"user","content":"x"}}],"metadata":{}1{}}}"#,
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    let cases: Vec<(String, &str)> = vec![
        ("{".to_owned(), ""),
        (String::new(), ""),
        ("[]".to_owned(), ""),
        ("\u{0}\u{1}".to_owned(), ""),
        (deep, ""),
        (json!({"messages": user}).to_string(), "model"),
        (json!({"model": 7, "messages": user}).to_string(), "model"),
        (json!({"model": "openai/gpt-4o"}).to_string(), "messages"),
        (json!({"model": "openai/gpt-4o", "messages": []}).to_string(), "messages"),
        (json!({"model": "openai/gpt-4o", "messages": "hello"}).to_string(), "messages"),
        (
            json!({"model": "openai/gpt-4o", "messages": [{"role": "wizard", "content": "x"}]}).to_string(),
            "role",
        ),
        (json!({"model": "openai/gpt-4o", "messages": user, "max_tokens": "many"}).to_string(), "max_tokens"),
        (json!({"model": "openai/gpt-4o", "messages": user, "stream": "yes"}).to_string(), "stream"),
        (json!({"model": "openai/gpt-4o", "messages": user, "provider": {"order": 3}}).to_string(), "order"),
        (json!({"model": "no/such-model", "messages": user}).to_string(), "is not a valid model ID"),
    ];
    for (body, named) in cases {
        let shown = body.chars().take(80).collect::<String>();
        let reply = api.post("/chat/completions", body).await?;
        ensure!(reply.status == 400, "{shown}: {reply:?}");
        ensure!(reply.body["error"]["code"] == json!(400), "{shown}: {reply:?}");
        ensure!(reply.error_message().contains(named), "{shown}: does not name `{named}`: {reply:?}");
    }
    ensure!(platform.ledger.usage_of(&organisation).await?.is_empty(), "a refused request was recorded");
    Ok(())
}

async fn a_bad_key_is_refused_the_same_way_whatever_is_wrong_with_it(
    platform: Arc<Platform>,
) -> anyhow::Result<()> {
    let revoked = platform.admin.organisation("1").await?;
    let api = platform.api_as(&revoked.api_key);
    ensure!(api.ask("openai/gpt-4o", "hello").await?.status == 200, "the key does not work at all");
    platform.admin.revoke(&revoked.api_key_hash).await?;
    let mut tries = 0;
    let gone = loop {
        let reply = api.ask("openai/gpt-4o", "hello").await?;
        if reply.status != 200 || tries == 100 {
            break reply;
        }
        tries += 1;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    ensure!(gone.status == 401 && gone.error_type() == "authentication", "{gone:?}");
    let unknown = "sk-pb-v1-00000000000000000000000000000000000000000000000000";
    for key in [unknown, "sk-pb-v1-short", "sk-or-v1-0123", "", "'; drop table identity.api_key; --"] {
        let reply = platform.api_as(key).ask("openai/gpt-4o", "hello").await?;
        ensure!(reply.status == 401 && reply.error_type() == "authentication", "{key}: {reply:?}");
    }
    Ok(())
}

async fn an_empty_account_is_refused_before_any_provider_is_called(
    platform: Arc<Platform>,
) -> anyhow::Result<()> {
    let provider = platform.admin.provider(testkit::Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
    let poor = platform.admin.organisation("0").await?;
    let reply = platform.api_as(&poor.api_key).ask(&model, "hello").await?;
    ensure!(reply.status == 402 && reply.error_type() == "payment_required", "{reply:?}");
    ensure!(platform.simulator.calls(&provider).await? == 0, "a provider was called for nothing");
    Ok(())
}

async fn an_unknown_path_or_method_is_named(platform: Arc<Platform>) -> anyhow::Result<()> {
    let reply = platform.api().get("/no/such/path").await?;
    ensure!(reply.status == 404 && reply.body["error"]["code"] == json!(404), "{reply:?}");
    let reply = platform.api().get("/chat/completions").await?;
    ensure!(reply.status == 405 && reply.body["error"]["code"] == json!(405), "{reply:?}");
    Ok(())
}

async fn a_body_that_is_too_large_is_refused(platform: Arc<Platform>) -> anyhow::Result<()> {
    let body = json!({
        "model": "openai/gpt-4o",
        "messages": [{"role": "user", "content": "x".repeat(30 * 1024 * 1024)}],
    });
    match platform.api().chat(&body).await {
        Ok(reply) => ensure!(reply.status == 413 && reply.error_type() == "payload_too_large", "{reply:?}"),
        // The server may close before it has read what it will not take; then nothing else is to be seen.
        Err(error) => ensure!(error.to_string().contains("error sending request"), "{error:?}"),
    }
    ensure!(Api::new(&platform.dev.api_base, &platform.dev.api_key).get("/key").await?.status == 200, "gone");
    Ok(())
}
