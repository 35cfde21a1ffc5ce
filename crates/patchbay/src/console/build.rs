//! Building the console of a checkout, beside a platform that runs already.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use edge::{Files, Site};
use lifecycle::Shutdown;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::process::Command;

use super::checkout::Checkout;
use crate::say;

/// How often it is looked whether another platform has built it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A console that is to be served once it is what its sources say.
pub(crate) struct Build {
    checkout: Checkout,
    site: Site,
    /// What npm says.
    log: PathBuf,
    /// Where the console will be.
    url: String,
}

/// What `scripts/state.mjs` says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    is_current: bool,
    has_packages: bool,
}

/// Why there is no current console.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{0} is not installed. Install Node.js 20.19 or newer with npm, then start again")]
    Missing(&'static str),
    #[error("`{command}` failed, see {log}. Run `cd console && npm ci && npm run build`, then start again")]
    Failed { command: String, log: String },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Build {
    pub(super) fn new(checkout: Checkout, site: Site, log: PathBuf, url: String) -> Self {
        site.set_being_built();
        Self { checkout, site, log, url }
    }

    /// Builds the console unless it is current, and serves it; gives up when the stop begins. Whatever goes wrong is
    /// told at the terminal, and what was built before is served.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let former = Files::read(&self.checkout.dist());
        let built = tokio::select! {
            built = self.files() => built,
            () = shutdown.begun() => return,
        };
        match (built, former) {
            (Ok(files), _) => self.site.put(files),
            (Err(problem), Ok(former)) => {
                say::step(format_args!("console: the one that was built before is served: {problem}"));
                self.site.put(former);
            }
            (Err(problem), Err(_)) => {
                say::step(format_args!("console: there is none, the API runs without: {problem}"));
                self.site.set_absent();
            }
        }
    }

    async fn files(&self) -> Result<Files, Problem> {
        if !self.state().await?.is_current {
            let _claim = self.claim().await?;
            // Whoever had the claim may have built it.
            let state = self.state().await?;
            if !state.is_current {
                self.build(&state).await?;
            }
        }
        Ok(Files::read(&self.checkout.dist())?)
    }

    async fn build(&self, state: &State) -> Result<(), Problem> {
        let console = self.checkout.console();
        say::step(format_args!("console: building {} with npm", console.display()));
        if !state.has_packages {
            self.npm(&["ci", "--include=dev", "--no-audit", "--no-fund"]).await?;
        }
        self.npm(&["run", "build"]).await?;
        say::step(format_args!("console: built, at {}", self.url));
        Ok(())
    }

    /// Whether the console is current; the sources themselves know what it is built from.
    async fn state(&self) -> Result<State, Problem> {
        let output = Command::new("node")
            .arg("scripts/state.mjs")
            .current_dir(self.checkout.console())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = output.await.map_err(|error| Problem::of("Node.js", error))?;
        serde_json::from_slice(&output.stdout).map_err(|_| {
            // The reason is not worth more than a line, and where it is kept.
            let _ = std::fs::write(&self.log, &output.stderr);
            self.failed("node scripts/state.mjs")
        })
    }

    /// Waits until no other platform builds the console of this checkout.
    async fn claim(&self) -> io::Result<File> {
        let path = self.checkout.console().join("dist.lock");
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK_AGAIN).await,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    async fn npm(&self, arguments: &[&str]) -> Result<(), Problem> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = std::process::Command::new("npm");
        command.args(arguments).current_dir(self.checkout.console()).stdin(Stdio::null());
        // npm starts others; a group of its own is ended as a whole.
        command.stdout(log.try_clone()?).stderr(log).process_group(0);
        let mut child = Command::from(command).spawn().map_err(|error| Problem::of("npm", error))?;
        let mut group = Group(child.id());
        let status = child.wait().await?;
        group.0 = None;
        if status.success() { Ok(()) } else { Err(self.failed(&format!("npm {}", arguments.join(" ")))) }
    }

    fn failed(&self, command: &str) -> Problem {
        Problem::Failed { command: command.to_owned(), log: self.log.display().to_string() }
    }
}

impl Problem {
    fn of(program: &'static str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(program),
            _ => Self::Io(error),
        }
    }
}

/// A process group that ends when nobody waits for it any more.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0.and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGTERM);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A checkout whose build is `build` and whose sources say whether the console is current.
    fn checkout(build: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("crates/patchbay/Cargo.toml", "");
        write("console/package.json", &serde_json::json!({ "scripts": { "build": build } }).to_string());
        let state = "const isCurrent = (await import('fs')).existsSync('current'); \
                     console.log(JSON.stringify({ isCurrent, hasPackages: true }));";
        write("console/scripts/state.mjs", state);
        folder
    }

    async fn run(folder: &Path) -> (Site, String) {
        let (site, log) = (Site::default(), folder.join("log"));
        let checkout = Checkout::above(folder).unwrap();
        Build::new(checkout, site.clone(), log.clone(), String::new()).run(Shutdown::default()).await;
        (site, std::fs::read_to_string(log).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_console_is_built_once_and_served() {
        let folder = checkout("mkdir dist && echo page > dist/index.html && touch current && echo built it");
        let (site, log) = run(folder.path()).await;
        assert!(site.is_there() && log.contains("built it"), "{log}");
        // Its build would fail now: the folder exists.
        let (site, again) = run(folder.path()).await;
        assert!(site.is_there() && again == log, "{again}");
    }

    #[tokio::test]
    async fn a_build_that_fails_leaves_what_was_there() {
        let folder = checkout("rm -rf dist && echo does not work && false");
        let (site, log) = run(folder.path()).await;
        assert!(!site.is_there() && log.contains("does not work"), "{log}");
        std::fs::create_dir(folder.path().join("console/dist")).unwrap();
        std::fs::write(folder.path().join("console/dist/index.html"), "page").unwrap();
        assert!(run(folder.path()).await.0.is_there());
    }
}
