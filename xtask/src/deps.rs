//! Which crate may use which: the direction of dependencies, and purity.

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::shell::cargo;

/// Rules without I/O: no runtime, no network, no database.
const PURE: [&str; 5] = ["pricing", "identity", "invoice", "dialect", "content-filter"];
const IMPURE: [&str; 9] =
    ["tokio", "axum", "tonic", "sqlx", "reqwest", "hyper", "hyper-util", "redis", "async-nats"];

/// A service reaches another only through `rpc`.
const SERVICES: [&str; 5] = ["edge", "router", "provider-worker", "billing", "simulator"];

/// Fails when a crate uses what it may not.
pub(crate) fn check() -> anyhow::Result<()> {
    let output = cargo(&["metadata", "--format-version=1", "--no-deps", "--locked"])
        .output()
        .context("cargo metadata cannot be run")?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let used = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str());
        for dependency in used {
            if let Some(rule) = forbidden(name, dependency) {
                wrong.push(format!("{name} uses {dependency}: {rule}"));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

fn forbidden(name: &str, dependency: &str) -> Option<&'static str> {
    if PURE.contains(&name) && IMPURE.contains(&dependency) {
        return Some("pure crates do no I/O");
    }
    if SERVICES.contains(&name) && SERVICES.contains(&dependency) {
        return Some("services speak through rpc");
    }
    if name == "provider-worker" && matches!(dependency, "sqlx" | "pg") {
        return Some("the worker has no database");
    }
    None
}
