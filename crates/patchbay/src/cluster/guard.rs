//! Ends a cluster whose `up --foreground` died before it could.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::down;
use super::state::State;
use crate::data_dir::DataDir;

/// How often the list of processes is read; whoever dies may take the directory along.
const READ_EVERY: Duration = Duration::from_millis(300);

/// A process that outlives this one only to stop the cluster. Dropping it calls it off.
pub(super) struct Guard(Child);

impl Guard {
    /// Posts a guard. It notices our death, whatever the cause, by the end of its input.
    pub(super) fn post(data_dir: &DataDir) -> anyhow::Result<Self> {
        let child = Command::new(std::env::current_exe()?)
            .args(["cluster", "guard", "--data-dir"])
            .arg(data_dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of reach of the Ctrl-C that stops us.
            .process_group(0)
            .spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // It may have gone by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the guard does: waits for the end of its input, then stops what ran.
pub(super) async fn watch(data_dir: &DataDir) -> anyhow::Result<()> {
    let (mut input, mut nothing) = (tokio::io::stdin(), Vec::new());
    let ended = input.read_to_end(&mut nothing);
    tokio::pin!(ended);
    let mut ticks = tokio::time::interval(READ_EVERY);
    let mut last = None;
    loop {
        tokio::select! {
            _ = &mut ended => break,
            _ = ticks.tick() => {}
        }
        last = State::load(data_dir).ok().flatten().or(last);
    }
    let Some(state) = State::load(data_dir).ok().flatten().or(last) else { return Ok(()) };
    down::stop_instances(&state).await;
    if data_dir.pids().exists() {
        State::forget(data_dir)?;
    }
    Ok(())
}
