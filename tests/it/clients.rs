//! The official client libraries, unchanged but for base URL and key.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use testkit::Platform;
use tokio::process::Command;

use crate::{Scenario, root, scenarios};

/// A listed model of each provider dialect; of Anthropic's one that has structured outputs and one that has none.
const MODELS: [&str; 4] = [
    "openai/gpt-4o",
    "anthropic/claude-3.5-sonnet",
    "anthropic/claude-sonnet-4.5",
    "google/gemini-2.5-flash",
];

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![the_python_client_of_openai, the_node_client_of_openai, the_client_of_openrouter]
}

async fn the_python_client_of_openai(platform: Arc<Platform>) -> anyhow::Result<()> {
    let mut command = Command::new(root().join("target/clients/python/bin/python"));
    command.arg(root().join("tests/clients/python/check.py"));
    command.args([&platform.dev.api_base, &platform.dev.api_key]).args(MODELS);
    run(command).await
}

async fn the_node_client_of_openai(platform: Arc<Platform>) -> anyhow::Result<()> {
    let mut command = node("openai.mjs");
    command.args([&platform.dev.api_base, &platform.dev.api_key]).args(MODELS);
    run(command).await
}

async fn the_client_of_openrouter(platform: Arc<Platform>) -> anyhow::Result<()> {
    for model in MODELS {
        let mut command = node("openrouter.mjs");
        let dev = &platform.dev;
        command.args([&dev.api_base, &dev.api_key, &dev.management_key]).arg(model);
        run(command).await?;
    }
    Ok(())
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(root().join("tests/clients/node").join(script));
    command
}

async fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command
        .kill_on_drop(true)
        .output()
        .await
        .context("the clients are not installed: run `cargo xtask test`")?;
    ensure!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
