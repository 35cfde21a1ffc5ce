//! LiteLLM's proxy from PyPI, at the version that `requirements.txt` pins.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::process::Command;

use super::{free_port, listening, provider_base};
use crate::scenario::Shape;
use crate::target::{Kind, Route, Stop, Target};
use crate::upstream::Upstream;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/requirements.txt");
const KEY: &str = "sk-bench";

pub(super) async fn start(upstream: &Upstream) -> anyhow::Result<Target> {
    let environment = install().await?;
    let directory = tempfile::Builder::new().prefix("patchbay-bench-litellm-").tempdir()?;
    let models: Vec<_> = Shape::ALL
        .into_iter()
        .map(|shape| {
            json!({
                "model_name": shape.name(),
                "litellm_params": {
                    "model": format!("openai/{}", shape.name()),
                    "api_base": provider_base(upstream, shape),
                    "api_key": "none",
                },
            })
        })
        .collect();
    // JSON is YAML.
    let configuration = json!({
        "model_list": models,
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"telemetry": false, "drop_params": true},
    });
    let file = directory.path().join("config.yaml");
    tokio::fs::write(&file, configuration.to_string()).await?;
    let port = free_port()?;
    let log = std::fs::File::create(directory.path().join("log"))?;
    let mut child = Command::new(environment.join("bin/litellm"))
        .arg("--config")
        .arg(&file)
        .args(["--host", "127.0.0.1", "--num_workers", "1", "--port", &port.to_string()])
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_LOG", "ERROR")
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(directory.path())
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log))
        .kill_on_drop(true)
        .spawn()?;
    if let Err(error) = listening(&mut child, port, Duration::from_secs(90)).await {
        let log = std::fs::read_to_string(directory.path().join("log")).unwrap_or_default();
        let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
        return Err(error.context(last));
    }
    let own = vec![child.id().context("LiteLLM has ended")?];
    Ok(Target {
        kind: Kind::Litellm,
        version: version(&environment).await?,
        authority: format!("127.0.0.1:{port}"),
        key: KEY.to_owned(),
        route: Route::Model { path: "/v1/chat/completions".to_owned(), prefix: "" },
        own,
        backing: Vec::new(),
        database_url: None,
        stop: Stop::Child(Box::new(child), vec![directory]),
    })
}

/// The Python environment, made when it is not there.
async fn install() -> anyhow::Result<PathBuf> {
    let environment = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench/litellm");
    let python = environment.join("bin/python");
    if !python.is_file() {
        std::fs::create_dir_all(&environment)?;
        let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).output().await;
        let made = made.context("python3 is not installed")?;
        ensure!(made.status.success(), "python3 -m venv: {}", String::from_utf8_lossy(&made.stdout).trim());
    }
    let installed = Command::new(&python)
        .args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", REQUIREMENTS])
        .output()
        .await?;
    let complaint = String::from_utf8_lossy(&installed.stderr).trim().to_owned();
    ensure!(installed.status.success(), "pip: {}", complaint.lines().last().unwrap_or_default());
    Ok(environment)
}

async fn version(environment: &Path) -> anyhow::Result<String> {
    let shown = Command::new(environment.join("bin/python"))
        .args(["-c", "import importlib.metadata as m; print('litellm', m.version('litellm'))"])
        .output()
        .await?;
    let python = Command::new(environment.join("bin/python")).arg("--version").output().await?;
    let text = |output: &[u8]| String::from_utf8_lossy(output).trim().to_owned();
    Ok(format!("{}, {}", text(&shown.stdout), text(&python.stdout)))
}
