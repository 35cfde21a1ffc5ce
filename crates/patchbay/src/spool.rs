//! `patchbay spool`: bringing home what a worker left behind.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Subcommand;
use identity::Role;
use lifecycle::{Health, Metrics, Tasks};
use provider_worker::{Deps, Service};
use rpc::Channel;

use crate::cli::Shared;
use crate::config::Config;
use crate::{connect, say};

const POLL: Duration = Duration::from_millis(100);
const FLUSH: Duration = Duration::from_secs(10);

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ships a spool whose worker is gone, until billing has settled all of it
    Drain {
        /// The spool directory; refused while a worker holds it
        directory: PathBuf,
        /// Gives up after so many seconds
        #[arg(long, default_value_t = 300, value_name = "SECONDS")]
        limit: u64,
    },
}

pub(crate) async fn run(shared: &Shared, command: Command) -> anyhow::Result<()> {
    let Command::Drain { directory, limit } = command;
    if !directory.is_dir() {
        bail!("{} is no spool directory", directory.display());
    }
    let mut config = Config::load(shared)?;
    config.check(&[Role::ProviderWorker])?;
    let _telemetry = lifecycle::init_telemetry(&config.telemetry, "spool")?;
    config.worker.spool_dir = directory;
    drain(config, Duration::from_secs(limit)).await
}

/// A worker that takes no work: it opens the spool, ends what a crash left open, and ships.
async fn drain(config: Config, limit: Duration) -> anyhow::Result<()> {
    let to = |callee| {
        let addresses = config.services.called(callee).map(|service| service.addresses.clone());
        let keys = config.service_keys()?;
        anyhow::Ok(Channel::remote(&addresses.unwrap_or_default(), Role::ProviderWorker, callee, keys)?)
    };
    let tasks = Tasks::default();
    let deps = Deps {
        billing: to(Role::Billing)?,
        router: to(Role::Router)?,
        bus: connect::bus(&config).await?,
        redis: connect::redis(&config)?,
        master_key: config.master_key()?,
        tasks: tasks.clone(),
        health: Health::default(),
        metrics: Metrics::default(),
    };
    let worker = Service::start(config.worker.clone(), deps).await?;
    say::line(format_args!("{} accounts wait for billing", worker.unsettled()));
    let until = Instant::now() + limit;
    while worker.unsettled() > 0 && Instant::now() < until {
        tokio::time::sleep(POLL).await;
    }
    let left = worker.unsettled();
    tasks.drain(FLUSH).await;
    if left > 0 {
        bail!("{left} accounts are still not settled after {} s", limit.as_secs());
    }
    say::line("the spool is empty");
    Ok(())
}
