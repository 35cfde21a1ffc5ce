//! Patchbay with everything on: key, limits, credit, routing, durable metering, ledger.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use tokio::process::{Child, Command};

use super::provider_base;
use crate::Options;
use crate::patchbay::{self, Operator};
use crate::scenario::Shape;
use crate::target::{Kind, Route, Stop, Target, end};
use crate::upstream::Upstream;

/// A first start makes a database.
const READY: Duration = Duration::from_secs(180);

/// What we need of `dev.json`.
#[derive(Debug, Deserialize)]
struct Manifest {
    api_base: String,
    admin_base: String,
    admin_token: String,
    api_key: String,
    database_url: Option<String>,
}

/// What we need of `run/pids.json`.
#[derive(Debug, Deserialize)]
struct Process {
    name: String,
    pids: Vec<u32>,
}

/// Everything in one process.
pub(super) async fn dev(upstream: &Upstream, options: &Options) -> anyhow::Result<Target> {
    let binary = binary(options)?;
    let (directory, data) = directory()?;
    let log = data.with_extension("log");
    let out = std::fs::File::create(&log)?;
    let mut child = Command::new(&binary)
        .args(["dev", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        // Without a folder the checkout's console would be built while we measure.
        .env("PATCHBAY__EDGE__CONSOLE__FOLDER", directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::from(out.try_clone()?))
        .stderr(Stdio::from(out))
        .kill_on_drop(true)
        .spawn()?;
    let manifest = match written(&data, &mut child).await {
        Ok(manifest) => manifest,
        Err(error) => {
            end(child).await;
            return Err(error.context(last_words(&log)));
        }
    };
    let mut target =
        target(Kind::Dev, &binary, &manifest, Stop::Child(Box::new(child), vec![directory])).await?;
    (target.own, target.backing) = processes(&data)?;
    equipped(target, &manifest, upstream).await
}

/// Every service its own process, two of each.
pub(super) async fn cluster(upstream: &Upstream, options: &Options) -> anyhow::Result<Target> {
    let binary = binary(options)?;
    let (directory, data) = directory()?;
    let log = data.with_extension("log");
    // To a file: what it starts may hold on to its output.
    let out = std::fs::File::create(&log)?;
    let mut up = Command::new(&binary)
        .args(["cluster", "up", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .stdin(Stdio::null())
        .stdout(Stdio::from(out.try_clone()?))
        .stderr(Stdio::from(out))
        .spawn()?;
    let up = tokio::time::timeout(READY, up.wait()).await.context("cluster up does not end")??;
    ensure!(up.success(), "cluster up: {}", last_words(&log));
    let down =
        vec!["cluster".to_owned(), "down".to_owned(), "--data-dir".to_owned(), data.display().to_string()];
    let manifest = read(&data)?;
    let stop = Stop::Command(binary.clone(), down, vec![directory]);
    let mut target = target(Kind::Cluster, &binary, &manifest, stop).await?;
    (target.own, target.backing) = processes(&data)?;
    equipped(target, &manifest, upstream).await
}

fn binary(options: &Options) -> anyhow::Result<PathBuf> {
    let binary = match &options.patchbay {
        Some(binary) => binary.clone(),
        None => std::env::current_exe()?.with_file_name("patchbay"),
    };
    ensure!(binary.is_file(), "{} is not built", binary.display());
    Ok(binary)
}

/// A directory that the database's own user may pass through, and the data directory in it.
fn directory() -> anyhow::Result<(tempfile::TempDir, PathBuf)> {
    use std::os::unix::fs::PermissionsExt as _;
    let open = std::fs::Permissions::from_mode(0o711);
    let directory = tempfile::Builder::new().prefix("patchbay-bench-").permissions(open).tempdir()?;
    let data = directory.path().join("data");
    Ok((directory, data))
}

async fn written(data: &Path, child: &mut Child) -> anyhow::Result<Manifest> {
    let deadline = tokio::time::Instant::now() + READY;
    loop {
        if let Ok(manifest) = read(data) {
            return Ok(manifest);
        }
        if let Some(status) = child.try_wait()? {
            bail!("it ended: {status}");
        }
        if tokio::time::Instant::now() > deadline {
            bail!("it was not ready within {} s", READY.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn read(data: &Path) -> anyhow::Result<Manifest> {
    Ok(serde_json::from_slice(&std::fs::read(data.join("dev.json"))?)?)
}

fn last_words(log: &Path) -> String {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// The pids of the services, and of what they stand on. The platform's own simulator is not used here.
fn processes(data: &Path) -> anyhow::Result<(Vec<u32>, Vec<u32>)> {
    let file = data.join("run/pids.json");
    let listed: Vec<Process> = serde_json::from_slice(&std::fs::read(&file).context("run/pids.json")?)?;
    let pids = |wanted: &dyn Fn(&str) -> bool| {
        listed
            .iter()
            .filter(|process| wanted(&process.name))
            .flat_map(|process| process.pids.clone())
            .collect()
    };
    let backing = |name: &str| matches!(name, "postgres" | "redis" | "nats");
    Ok((pids(&|name| !backing(name) && name != "simulator"), pids(&backing)))
}

async fn target(kind: Kind, binary: &Path, manifest: &Manifest, stop: Stop) -> anyhow::Result<Target> {
    let version = Command::new(binary).arg("--version").output().await?;
    let base = manifest.api_base.trim_start_matches("http://");
    let (authority, path) = base.split_once('/').context("api_base has a path")?;
    Ok(Target {
        kind,
        version: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
        authority: authority.to_owned(),
        key: manifest.api_key.clone(),
        route: Route::Model {
            path: format!("/{}/chat/completions", path.trim_end_matches('/')),
            prefix: "bench/",
        },
        own: Vec::new(),
        backing: Vec::new(),
        database_url: manifest.database_url.clone(),
        stop,
    })
}

/// Gives the platform the upstream's models and an organisation with credit; stops it when that fails.
async fn equipped(mut target: Target, manifest: &Manifest, upstream: &Upstream) -> anyhow::Result<Target> {
    let operator = Operator { base: manifest.admin_base.clone(), token: manifest.admin_token.clone() };
    let equipped = async {
        for shape in Shape::ALL {
            operator.offer(shape, &provider_base(upstream, shape)).await?;
        }
        patchbay::key(&operator).await
    };
    match equipped.await {
        Ok(key) => {
            target.key = key;
            Ok(target)
        }
        Err(error) => {
            target.stop().await;
            Err(error)
        }
    }
}
