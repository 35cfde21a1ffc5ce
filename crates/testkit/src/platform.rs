//! A running platform of its own, in a directory of its own, on free ports.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::processes::{self, Process};
use crate::{Admin, Api, Ledger, Simulator};

/// How long a platform may take to be ready on a busy machine.
const READY: Duration = Duration::from_secs(180);
/// How long it may take to drain and end.
const ENDED: Duration = Duration::from_secs(90);

/// How the services are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// Every role in one process, no bus, no Redis.
    OneProcess,
    /// Every service its own process, two of each, over gRPC, NATS and Redis.
    Cluster,
}

impl Topology {
    pub const BOTH: [Self; 2] = [Self::OneProcess, Self::Cluster];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneProcess => "one_process",
            Self::Cluster => "cluster",
        }
    }
}

/// What a platform says of itself in `dev.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct DevFile {
    pub api_base: String,
    pub admin_base: String,
    pub api_key: String,
    pub management_key: String,
    pub markup_api_key: String,
    pub admin_token: String,
    pub admin_email: String,
    pub admin_password: String,
    pub database_url: String,
    pub simulator_base: String,
    /// Addresses of every edge, `http://host:port`.
    pub edges: Vec<String>,
}

impl DevFile {
    /// The base URL of every edge's API.
    fn api_bases(&self) -> Vec<String> {
        self.edges.iter().map(|edge| format!("{}/api/v1", edge.trim_end_matches('/'))).collect()
    }
}

/// A running platform. Stop it with [`Platform::stop`]; dropped, it is killed.
pub struct Platform {
    pub topology: Topology,
    pub dev: DevFile,
    pub admin: Admin,
    pub simulator: Simulator,
    pub ledger: Ledger,
    child: Child,
    pub(crate) directory: PathBuf,
    _temporary: TempDir,
}

impl Platform {
    /// Starts a platform and waits until it is ready. `settings` are environment variables over the
    /// defaults, such as `("PATCHBAY__WORKER__DONE_WAIT_MS", "500")`.
    ///
    /// # Errors
    /// When it does not become ready; the message carries the end of its log.
    pub async fn start(topology: Topology, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        // Open to pass through: as root, the database's user lives below it.
        let open = std::fs::Permissions::from_mode(0o711);
        let temporary = tempfile::Builder::new().prefix("patchbay-test-").permissions(open).tempdir()?;
        let directory = temporary.path().join("data");
        let child = spawn(topology, &directory, settings)?;
        Self::ready(topology, child, directory, temporary).await
    }

    async fn ready(
        topology: Topology,
        mut child: Child,
        directory: PathBuf,
        temporary: TempDir,
    ) -> anyhow::Result<Self> {
        let dev = match tokio::time::timeout(READY, read_dev_file(&mut child, &directory)).await {
            Ok(dev) => dev,
            Err(_) => Err(anyhow::anyhow!("the platform was not ready in {READY:?}")),
        };
        let dev = match dev {
            Ok(dev) => dev,
            Err(error) => {
                end(topology, &mut child, &directory).await;
                return Err(error.context(format!("its log ends: {}", log_tail(&directory))));
            }
        };
        Ok(Self {
            topology,
            admin: Admin::new(&dev),
            simulator: Simulator::new(&dev),
            ledger: Ledger::open(&dev).await?,
            dev,
            child,
            directory,
            _temporary: temporary,
        })
    }

    /// A client of the first edge with the demo organisation's key.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(&self.dev.api_base, &self.dev.api_key)
    }

    /// A client of the first edge with another key.
    #[must_use]
    pub fn api_as(&self, key: &str) -> Api {
        Api::new(&self.dev.api_base, key)
    }

    /// The base URLs of every edge's API.
    #[must_use]
    pub fn api_bases(&self) -> Vec<String> {
        self.dev.api_bases()
    }

    /// The base URLs of every edge's API, as the platform says now.
    ///
    /// # Errors
    /// When it does not say.
    pub fn edges_now(&self) -> anyhow::Result<Vec<String>> {
        let text = std::fs::read_to_string(self.directory.join("dev.json"))?;
        let dev: DevFile = serde_json::from_str(&text)?;
        Ok(dev.api_bases())
    }

    /// The processes of a cluster, as they are now.
    ///
    /// # Errors
    /// When the platform does not say.
    pub fn processes(&self) -> anyhow::Result<Vec<Process>> {
        processes::read(&self.directory)
    }

    /// What a cluster keeps of itself in `run/cluster.json`.
    ///
    /// # Errors
    /// When it is no cluster.
    pub fn kept(&self) -> anyhow::Result<serde_json::Value> {
        processes::kept(&self.directory)
    }

    /// Runs the platform's own command on this cluster, such as `["add", "edge"]`.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn cluster(&self, arguments: &[&str]) -> anyhow::Result<()> {
        cluster(&self.directory, arguments).await
    }

    /// Runs `patchbay admin` on this platform, as an operator at a shell would.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn shell(&self, arguments: &[&str], input: &str) -> anyhow::Result<std::process::Output> {
        let mut child = Command::new(binary()?)
            .arg("admin")
            .args(arguments)
            .arg("--data-dir")
            .arg(&self.directory)
            .env_remove("PATCHBAY_ADMIN_URL")
            .env_remove("PATCHBAY_ADMIN_TOKEN")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        // Whoever reads nothing of it may close it before it is written.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        Ok(tokio::time::timeout(ENDED, child.wait_with_output()).await??)
    }

    /// Asks the platform to stop, as Ctrl-C does, and waits for it.
    ///
    /// # Errors
    /// When it does not end, or not with 0.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.ledger.close().await;
        interrupt(&self.child)?;
        let status = tokio::time::timeout(ENDED, self.child.wait())
            .await
            .with_context(|| format!("the platform did not end in {ENDED:?}"))??;
        if !status.success() {
            bail!("the platform ended with {status}; its log ends: {}", log_tail(&self.directory));
        }
        Ok(())
    }

    /// Stops the platform and starts it again on the same data.
    ///
    /// # Errors
    /// When it does not end well or does not come back.
    pub async fn restart(self) -> anyhow::Result<Self> {
        let (topology, directory) = (self.topology, self.directory.clone());
        let Self { mut child, ledger, _temporary: temporary, .. } = self;
        ledger.close().await;
        interrupt(&child)?;
        let status = tokio::time::timeout(ENDED, child.wait()).await??;
        if !status.success() {
            bail!("the platform ended with {status}");
        }
        let child = spawn(topology, &directory, &[])?;
        Self::ready(topology, child, directory, temporary).await
    }
}

/// The binary under test, beside the test's own.
fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let found =
        own.ancestors().skip(1).take(3).map(|folder| folder.join("patchbay")).find(|path| path.is_file());
    found.context("the `patchbay` binary is not built: run `cargo build --workspace`, or `cargo xtask test`")
}

/// The web console, where it is built: `npm run build` in `console/`, or `cargo xtask test`.
fn console() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console/dist")
}

fn spawn(topology: Topology, directory: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Child> {
    std::fs::create_dir_all(directory)?;
    // What an earlier run said is not what this one says.
    let _ = std::fs::remove_file(directory.join("dev.json"));
    let log = std::fs::File::options().create(true).append(true).open(directory.join("platform.log"))?;
    let arguments: &[&str] = match topology {
        Topology::OneProcess => &["dev"],
        Topology::Cluster => &["cluster", "up", "--foreground"],
    };
    Command::new(binary()?)
        .args(arguments)
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory)
        .env_remove("DATABASE_URL")
        // Without a folder a checkout's would be built.
        .env("PATCHBAY__EDGE__CONSOLE__FOLDER", console())
        // A busy machine's calls take long; who waits for a place, or for a key to be looked up, is not to be turned
        // away.
        .env("PATCHBAY__EDGE__CALLS__WAIT_MS", "60000")
        .env("PATCHBAY__EDGE__AUTH__LOOKUP_TIMEOUT_MS", "20000")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("the platform cannot be started")
}

async fn read_dev_file(child: &mut Child, directory: &Path) -> anyhow::Result<DevFile> {
    loop {
        if let Ok(text) = tokio::fs::read_to_string(directory.join("dev.json")).await
            && let Ok(dev) = serde_json::from_str::<DevFile>(&text)
            && Api::new(&dev.api_base, &dev.api_key).is_up().await
        {
            return Ok(dev);
        }
        if let Some(status) = child.try_wait()? {
            bail!("the platform ended with {status} before it was ready");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn interrupt(child: &Child) -> anyhow::Result<()> {
    let pid = child.id().context("the platform has ended already")?;
    kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGINT)?;
    Ok(())
}

async fn end(topology: Topology, child: &mut Child, directory: &Path) {
    if topology == Topology::Cluster {
        let _ = cluster(directory, &["down"]).await;
    } else if interrupt(child).is_ok() {
        let _ = tokio::time::timeout(ENDED, child.wait()).await;
    }
    let _ = child.kill().await;
}

async fn cluster(directory: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(binary()?)
        .arg("cluster")
        .args(arguments)
        .arg("--data-dir")
        .arg(directory)
        .stdin(Stdio::null())
        .output()
        .await?;
    if !output.status.success() {
        bail!("`cluster {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn log_tail(directory: &Path) -> String {
    let text = std::fs::read_to_string(directory.join("platform.log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// Runs the binary to its end in a directory of its own.
///
/// # Errors
/// When it cannot be run.
pub async fn run_binary(
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> anyhow::Result<std::process::Output> {
    let directory = tempfile::tempdir()?;
    let output = Command::new(binary()?)
        .args(arguments)
        .arg("--data-dir")
        .arg(directory.path())
        .env_remove("DATABASE_URL")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    Ok(tokio::time::timeout(ENDED, output).await??)
}
