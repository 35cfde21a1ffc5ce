//! One server process: started by us or found running, in a process group of its own.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Error;

const POLL: Duration = Duration::from_millis(20);
/// How much of a log is shown when its server did not start.
const TAIL: usize = 12;

/// A running server. Dropping it leaves the server running.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    /// Present when we are its parent and so must reap it.
    child: Option<Child>,
}

impl Process {
    /// Starts `command` with nothing to read, its output appended to `log`, and out of reach of the
    /// terminal's signals.
    ///
    /// # Errors
    /// [`Error::Io`] when the log cannot be written, [`Error::Run`] when the program cannot be run.
    pub fn spawn(command: &mut Command, log: &Path) -> Result<Self, Error> {
        let output = File::options().create(true).append(true).open(log).map_err(Error::io(log))?;
        let errors = output.try_clone().map_err(Error::io(log))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Run { program: command.get_program().into(), source })?;
        Ok(Self { pid: child.id(), child: Some(child) })
    }

    /// A process that somebody else started.
    #[must_use]
    pub const fn adopt(pid: u32) -> Self {
        Self { pid, child: None }
    }

    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => is_alive(self.pid),
        }
    }

    /// Waits at most `limit`. Whether it ended.
    pub async fn ended(&mut self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while self.is_alive() {
            if Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        true
    }

    /// Sends each signal in turn and gives it that long to work. Whether the process ended.
    pub async fn stop(&mut self, steps: &[(Signal, Duration)]) -> bool {
        for (signal, limit) in steps {
            self.signal(*signal);
            if self.ended(*limit).await {
                return true;
            }
        }
        !self.is_alive()
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.is_alive()
            && let Ok(pid) = i32::try_from(self.pid)
        {
            // It may end between the question and the signal, which is what the signal is for.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Stops it without a runtime, for destructors. Gives up after a few seconds.
    pub(crate) fn stop_blocking(&mut self, signal: Signal) {
        self.signal(signal);
        let until = Instant::now() + Duration::from_secs(5);
        while self.is_alive() && Instant::now() < until {
            std::thread::sleep(POLL);
        }
        self.signal(Signal::SIGKILL);
        if let Some(child) = &mut self.child {
            let _ = child.wait();
        }
    }
}

/// Whether a process runs; one that ended and was not reaped does not.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    match Path::new("/proc/self/stat").exists() {
        true => {
            stat(pid).is_some_and(|fields| !matches!(fields.first().map(String::as_str), Some("Z" | "X")))
        }
        false => ps(pid, "stat=").is_some_and(|state| !state.starts_with('Z')),
    }
}

/// When a process started, in the system's own words: together with the pid it names one process for ever.
#[must_use]
pub fn started_at(pid: u32) -> Option<String> {
    match Path::new("/proc/self/stat").exists() {
        true => stat(pid).and_then(|fields| fields.get(19).cloned()),
        false => ps(pid, "lstart="),
    }
}

/// The name of the program that a process runs.
pub(crate) fn program(pid: u32) -> Option<String> {
    match Path::new("/proc/self/stat").exists() {
        true => std::fs::read_to_string(format!("/proc/{pid}/comm")).ok().map(|name| name.trim().to_owned()),
        false => ps(pid, "comm="),
    }
}

/// The fields of `/proc/<pid>/stat` after the program's name, the state first.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn ps(pid: u32, field: &str) -> Option<String> {
    let output = Command::new("ps").args(["-o", field, "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The last lines of a log, empty when it cannot be read.
#[must_use]
pub fn log_tail(log: &Path) -> String {
    let text =
        std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_adopted_process_is_known_alive_until_it_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut ours = Process::spawn(Command::new("sleep").arg("600"), &log).unwrap();
        let mut adopted = Process::adopt(ours.pid());
        assert!(adopted.is_alive());
        assert_eq!(started_at(ours.pid()), started_at(adopted.pid()));
        assert!(started_at(ours.pid()).is_some());
        // Nobody reaps it yet, and it counts as ended all the same.
        assert!(adopted.stop(&[(Signal::SIGTERM, Duration::from_secs(10))]).await);
        assert!(ours.ended(Duration::from_secs(10)).await);
        assert!(!is_alive(ours.pid()));
    }

    #[tokio::test]
    async fn a_deaf_process_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let script = "trap '' TERM; echo deaf; while :; do sleep 0.1; done";
        let mut deaf = Process::spawn(Command::new("sh").args(["-c", script]), &log).unwrap();
        while log_tail(&log) != "deaf" {
            tokio::time::sleep(POLL).await;
        }
        let steps =
            [(Signal::SIGTERM, Duration::from_millis(100)), (Signal::SIGKILL, Duration::from_secs(10))];
        assert!(deaf.stop(&steps).await);
    }
}
