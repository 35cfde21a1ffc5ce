//! What is measured.

use std::path::PathBuf;

use clap::ValueEnum;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;
use tokio::process::Child;

use crate::scenario::Shape;

/// A kind of target, in the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// The upstream itself
    Direct,
    /// nginx as a plain proxy
    Nginx,
    /// LiteLLM's proxy, one worker, no database
    Litellm,
    /// Patchbay in one process, everything on
    Dev,
    /// Patchbay as a cluster, every service its own process
    Cluster,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Direct, Self::Nginx, Self::Litellm, Self::Dev, Self::Cluster];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx (plain proxy)",
            Self::Litellm => "LiteLLM, 1 worker, no DB",
            Self::Dev => "Patchbay, one process",
            Self::Cluster => "Patchbay, cluster",
        }
    }
}

/// How requests reach a target.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// The upstream's own paths, which name the shape.
    Path,
    /// One path; the model names the shape, after this prefix.
    Model { path: String, prefix: &'static str },
}

/// A running target.
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) version: String,
    pub(crate) authority: String,
    pub(crate) key: String,
    pub(crate) route: Route,
    /// Roots of its own process trees.
    pub(crate) own: Vec<u32>,
    /// Roots of its databases and buses.
    pub(crate) backing: Vec<u32>,
    /// Where its usage is settled.
    pub(crate) database_url: Option<String>,
    pub(crate) stop: Stop,
}

/// How it is ended.
pub(crate) enum Stop {
    /// It is somebody else's.
    Nothing,
    Child(Box<Child>, Vec<tempfile::TempDir>),
    /// By a command with arguments, then the child.
    Command(PathBuf, Vec<String>, Vec<tempfile::TempDir>),
}

impl Target {
    pub(crate) fn path(&self, shape: Shape) -> String {
        match &self.route {
            Route::Path => format!("/p/{}/openai/v1/chat/completions", shape.name()),
            Route::Model { path, .. } => path.clone(),
        }
    }

    pub(crate) fn model(&self, shape: Shape) -> String {
        let prefix = if let Route::Model { prefix, .. } = &self.route { prefix } else { "" };
        format!("{prefix}{}", shape.name())
    }

    pub(crate) fn everything(&self) -> Vec<u32> {
        self.own.iter().chain(&self.backing).copied().collect()
    }

    /// Ends the target and waits for it.
    pub(crate) async fn stop(self) {
        match self.stop {
            Stop::Nothing => {}
            Stop::Child(child, _directories) => end(*child).await,
            Stop::Command(program, arguments, _directories) => {
                let ended = tokio::process::Command::new(program).args(arguments).output().await;
                if let Err(error) = ended {
                    eprintln!("{} did not stop: {error}", self.kind.title());
                }
            }
        }
    }
}

/// Asks a process to end; kills it when it does not.
pub(crate) async fn end(mut child: Child) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        // It may have ended by itself.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    if tokio::time::timeout(std::time::Duration::from_secs(20), child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
