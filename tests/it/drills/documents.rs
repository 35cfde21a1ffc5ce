//! Requests made up from the OpenAPI documents that are served, odd and plain ones, by a fixed seed: no answer is a
//! server's error, and each is as its document says. `tests/clients/python/documents_checks.py` makes them up.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Dialect, Platform, Topology};
use tokio::process::Command;

use super::is_long;
use crate::clients::matrix;
use crate::root;

/// A refusal for calling too often would say nothing of the document.
const UNLIMITED: [(&str, &str); 1] =
    [("PATCHBAY__EDGE__LIMITS__ORGANIZATION_MANAGEMENT_REQUESTS_PER_MINUTE", "0")];
const SEED: u32 = 20_261_126;
/// For each operation, beside those that cover what its document says.
const SHORT: u32 = 2;
const LONG: u32 = 100;

pub(super) async fn whatever_is_asked_the_answer_is_as_the_documents_say() -> anyhow::Result<()> {
    let topologies: &[Topology] = if is_long() { &Topology::BOTH } else { &[Topology::OneProcess] };
    for topology in topologies {
        let platform = Platform::start(*topology, &UNLIMITED).await?;
        ask(&platform).await.with_context(|| topology.name())?;
        platform.stop().await?;
    }
    Ok(())
}

async fn ask(platform: &Platform) -> anyhow::Result<()> {
    let interpreter = root().join("target/clients/schemathesis/bin/python");
    ensure!(interpreter.is_file(), "schemathesis is not installed: run `cargo xtask test`");
    let output = Command::new(interpreter)
        .arg(root().join("tests/clients/python/documents_checks.py"))
        .arg(settings(platform).await?.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let outcomes = matrix::read(&said)?;
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && outcomes.len() == 5, "{said}{complained}");
    let failures: Vec<String> = outcomes.iter().filter_map(matrix::Outcome::failure).collect();
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// Who asks, and things that are there to be asked for.
async fn settings(platform: &Platform) -> anyhow::Result<Value> {
    let organisation = platform.admin.organisation("100").await?;
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
    let (author, slug) = model.split_once('/').context("no slug")?;
    let key = json!({ "name": "Asked for" }).to_string();
    let key = platform.api_as(&organisation.management_key).post("/keys", key).await?;
    let guardrail = json!({ "name": "Asked for" }).to_string();
    let guardrail = platform.api_as(&organisation.management_key).post("/guardrails", guardrail).await?;
    let session = platform.sign_in().await?;
    Ok(json!({
        "base": platform.dev.api_base.trim_end_matches("/api/v1"),
        "operator_token": platform.dev.admin_token,
        "management_key": organisation.management_key,
        "api_key": organisation.api_key,
        "cookie": session.cookie,
        "csrf": session.csrf_token,
        "known": {
            "tenant": [organisation.id],
            "tenant_id": [organisation.id],
            "hash": [key.body["data"]["hash"]],
            "id": [guardrail.body["data"]["id"], organisation.workspace],
            "workspace_id": [organisation.workspace],
            "author": [author],
            "slug": [slug, provider.slug],
            "name": [slug],
            "model": [model],
            "interval": ["daily", "monthly"],
        },
        "examples": if is_long() { LONG } else { SHORT },
        "seed": SEED,
    }))
}
