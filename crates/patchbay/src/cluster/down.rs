//! `patchbay cluster down`.

use anyhow::bail;

use super::instance;
use super::state::{Program, State};
use crate::data_dir::DataDir;
use crate::manifest::Manifest;
use crate::say;

/// Callers end before those they call, and servers last; those of one line end together.
const ORDER: [&[Program]; 5] = [
    &[Program::Edge],
    &[Program::ProviderWorker],
    &[Program::Router, Program::Simulator],
    &[Program::Billing],
    &[Program::Postgres, Program::Redis, Program::Nats],
];

pub(super) async fn down(data_dir: &DataDir) -> anyhow::Result<()> {
    if State::load(data_dir)?.is_none() {
        say::line(format_args!("no cluster runs on {}", data_dir.path().display()));
        return Ok(());
    }
    stop_all(data_dir).await?;
    say::line("the cluster has stopped");
    Ok(())
}

/// Stops every process of the cluster and forgets it; the data stays.
pub(super) async fn stop_all(data_dir: &DataDir) -> anyhow::Result<()> {
    let _lock = data_dir.lock_run()?;
    let Some(state) = State::load(data_dir)? else { return Ok(()) };
    let left = stop_instances(&state).await;
    if !left.is_empty() {
        bail!("these did not stop: {}", left.join(", "));
    }
    State::forget(data_dir)?;
    Manifest::remove(data_dir)
}

/// Stops every process, callers first; the names of those that outlived it.
pub(super) async fn stop_instances(state: &State) -> Vec<String> {
    let mut left = Vec::new();
    for programs in ORDER {
        let group: Vec<_> =
            state.instances.iter().filter(|instance| programs.contains(&instance.program)).collect();
        let names: Vec<String> = group.iter().filter(|one| one.is_alive()).map(|one| one.name()).collect();
        if !names.is_empty() {
            say::step(format_args!("stopping {}", names.join(", ")));
        }
        let stops = group.into_iter().map(|one| async move { (one.name(), instance::stop(one).await) });
        let outcomes = futures::future::join_all(stops).await;
        left.extend(outcomes.into_iter().filter(|(_, ended)| !ended).map(|(name, _)| name));
    }
    left
}
