//! The console in a real browser: `tests/browser/` drives Chromium over a platform of one process, which it furnishes
//! as a team's.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::json;
use testkit::{Platform, Topology};
use tokio::process::Command;

use crate::{Alone, alone, root};

/// Drafts come soon after a period was closed.
const PROMPT: [(&str, &str); 2] =
    [("PATCHBAY__BILLING__CHECK_EVERY_MS", "1000"), ("PATCHBAY__BILLING__INVOICES__EVERY_MS", "500")];

pub(crate) fn scenarios() -> Vec<(&'static str, Alone)> {
    alone![people_work_with_the_console]
}

async fn people_work_with_the_console() -> anyhow::Result<()> {
    let platform = Platform::start(Topology::OneProcess, &PROMPT).await?;
    let told = json!({
        "api_base": platform.dev.api_base,
        "admin_base": platform.dev.admin_base,
        "api_key": platform.dev.api_key,
        "management_key": platform.dev.management_key,
        "admin_token": platform.dev.admin_token,
        "admin_email": platform.dev.admin_email,
        "admin_password": platform.dev.admin_password,
    });
    let mut command = Command::new("node");
    command
        .arg(root().join("tests/browser/run.mjs"))
        .arg(told.to_string())
        .arg(root().join("target/browser"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.context("node cannot be run")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "trials failed, with pictures and consoles in target/browser:\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    platform.ledger.settle_down().await?;
    let breaches = platform.admin.invariants().await?;
    ensure!(breaches.is_empty(), "what was done in the console breaks invariants: {breaches:?}");
    platform.stop().await
}
