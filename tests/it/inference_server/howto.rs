//! The commands of `docs/howto/add-a-provider.md`, as they stand there.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use testkit::Platform;
use tokio::process::Command;

use super::server::Server;
use crate::root;

/// The page's commands in order, with a real server in the place of its example.
pub(super) fn commands(server: &Server) -> anyhow::Result<Vec<String>> {
    let page = std::fs::read_to_string(root().join("docs/howto/add-a-provider.md"))?;
    let mut page = page.replace("\r\n", "\n");
    for (example, real) in [("https://api.acme.example/v1", &server.base_url), ("sk-acme", &server.key)] {
        ensure!(page.contains(example), "the page does not say {example}");
        page = page.replace(example, real);
    }
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    Ok(blocks.map(|(command, _)| command.to_owned()).collect())
}

/// What a command answers. It fails where the platform refuses.
pub(super) async fn run(platform: &Platform, command: &str) -> anyhow::Result<Value> {
    let dev = &platform.dev;
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c"])
        .arg(format!("curl() {{ command curl -sS --fail-with-body \"$@\"; }}\n{command}"))
        .envs([("ADMIN", &dev.admin_base), ("TOKEN", &dev.admin_token)])
        .envs([("API", &dev.api_base), ("KEY", &dev.api_key)])
        .kill_on_drop(true)
        .output()
        .await?;
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command}\n{said}\n{complained}");
    serde_json::from_str(&said).with_context(|| format!("{command}\n{said}"))
}
