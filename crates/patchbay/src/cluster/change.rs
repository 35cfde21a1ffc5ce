//! Changing a running cluster: one instance started again, one more edge.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use backing::HeldPort;

use super::state::{Instance, Program, State};
use super::{instance, plan, up, wait};
use crate::data_dir::DataDir;
use crate::manifest::RunningProcess;
use crate::platform::bind_public;
use crate::{dev, manifest, say};

const READY_WITHIN: Duration = Duration::from_secs(60);
/// Whoever restarts one instance may be about to restart what it needs.
const RESTARTED_WITHIN: Duration = Duration::from_secs(15);

/// Stops the instance if it runs, and starts it on its ports.
pub(super) async fn restart(data_dir: &DataDir, name: &str) -> anyhow::Result<()> {
    let lock = data_dir.lock_run()?;
    let Some(mut state) = State::load(data_dir)? else { return restart_of_dev(data_dir, name).await };
    let mut one = state.find(name)?.clone();
    if !instance::stop(&one).await {
        bail!("{name} (pid {}) did not stop", one.pid);
    }
    instance::start(&state, data_dir, &mut one).await?;
    *state.find(name)? = one.clone();
    state.save(data_dir)?;
    up::write_manifest(data_dir, &state)?;
    drop(lock);
    match wait::ready(&[&one], RESTARTED_WITHIN).await {
        Ok(()) => say::line(format_args!("{name} runs again (pid {})", one.pid)),
        Err(error) => say::line(format_args!("{name} was started (pid {}); {error}", one.pid)),
    }
    Ok(())
}

/// The private PostgreSQL of `dev`, after it was killed.
async fn restart_of_dev(data_dir: &DataDir, name: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(data_dir.pids()).unwrap_or_else(|_| "[]".to_owned());
    let mut processes: Vec<RunningProcess> = serde_json::from_str(&text)?;
    let postgres = processes
        .iter_mut()
        .find(|process| process.instance == name && process.name == Program::Postgres.as_str())
        .with_context(|| format!("nothing called {name} was started on {}", data_dir.path().display()))?;
    let address: SocketAddr = postgres.address.parse()?;
    let started = dev::private_postgres(data_dir, Some(address.port())).await?;
    postgres.pids = vec![started.pid()];
    manifest::write_pids(data_dir, &processes)?;
    say::line(format_args!("{name} runs again (pid {})", started.pid()));
    Ok(())
}

/// Starts one more edge beside those that run, on `listen` or a free port.
pub(super) async fn add_edge(data_dir: &DataDir, listen: Option<SocketAddr>) -> anyhow::Result<()> {
    let lock = data_dir.lock_run()?;
    let Some(mut state) = State::load(data_dir)? else {
        bail!("no cluster runs on {}", data_dir.path().display());
    };
    let (one, held) = new_edge(&state, data_dir, listen).await?;
    state.instances.push(one);
    let mut one = state.instances.last().cloned().context("just added")?;
    drop(held);
    instance::start(&state, data_dir, &mut one).await?;
    *state.find(&one.name())? = one.clone();
    state.save(data_dir)?;
    wait::ready(&[&one], READY_WITHIN).await?;
    up::write_manifest(data_dir, &state)?;
    drop(lock);
    say::line(format_args!("{} serves on http://{} (pid {})", one.name(), one.address, one.pid));
    Ok(())
}

async fn new_edge(
    state: &State,
    data_dir: &DataDir,
    listen: Option<SocketAddr>,
) -> anyhow::Result<(Instance, Vec<HeldPort>)> {
    let held = backing::free_ports(2)?;
    let mut ports = held.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], port.port())));
    let (free, probe) = ports.next().zip(ports.next()).context("two ports were asked for")?;
    if let Some(wanted) = listen {
        drop(bind_public(wanted).await?);
    }
    let address = listen.unwrap_or(free);
    let number = state.of(Program::Edge).map(|edge| edge.number + 1).max().unwrap_or(0);
    Ok((plan::instance(Program::Edge, number, address, probe, data_dir), held))
}
