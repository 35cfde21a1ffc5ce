//! The processes of a cluster: to be killed and brought back.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::process::Command;

/// One process of a cluster, as `run/pids.json` lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct Process {
    /// `edge`, `router`, `provider-worker`, `billing`, `postgres`, `redis`, `nats`, `simulator`.
    pub name: String,
    /// `edge-1`
    pub instance: String,
    pub pids: Vec<i32>,
    /// A shell command that brings this instance back.
    pub restart_cmd: String,
    pub data_dir: PathBuf,
    pub log: PathBuf,
    /// Where it listens, `host:port`.
    pub address: String,
    /// Where its probes answer, if it has any.
    pub probe: Option<String>,
}

impl Process {
    /// Sends a signal to every pid; one that is gone already is no error.
    pub fn signal(&self, signal: Signal) {
        for pid in &self.pids {
            let _ = kill(Pid::from_raw(*pid), signal);
        }
    }

    /// Kills the process without a chance to say goodbye.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Kills the process and every process that it has started, at once.
    pub fn kill_with_children(&self) {
        let family: Vec<i32> = self.pids.iter().flat_map(|pid| children(*pid)).collect();
        self.kill();
        for pid in family {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    /// What the process measures of itself, as Prometheus reads it.
    ///
    /// # Errors
    /// When it has no probes or they do not answer.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let probe = self.probe.as_deref().with_context(|| format!("{} has no probes", self.instance))?;
        let response = crate::http::client().get(format!("http://{probe}/metrics")).send().await?;
        Ok(response.error_for_status()?.text().await?)
    }

    /// Brings the instance back.
    ///
    /// # Errors
    /// When its restart command fails.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.restart_with(&[]).await
    }

    /// Brings the instance back with more environment variables than it had.
    ///
    /// # Errors
    /// When its restart command fails.
    pub async fn restart_with(&self, variables: &[(&str, &str)]) -> anyhow::Result<()> {
        let output = Command::new("sh")
            .args(["-c", &self.restart_cmd])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .await
            .context("no shell")?;
        anyhow::ensure!(
            output.status.success(),
            "`{}` failed: {}",
            self.restart_cmd,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

/// What a cluster keeps of itself: its secrets, and how its servers are reached.
pub(crate) fn kept(directory: &Path) -> anyhow::Result<serde_json::Value> {
    let path = directory.join("run/cluster.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

/// The processes that `pid` has started, as Linux lists them.
fn children(pid: i32) -> Vec<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

pub(crate) fn read(directory: &Path) -> anyhow::Result<Vec<Process>> {
    let path = directory.join("run/pids.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}
