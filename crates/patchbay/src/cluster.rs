//! `patchbay cluster`: the whole topology on one machine, every service its own processes.

mod change;
mod down;
mod guard;
mod instance;
mod plan;
mod state;
mod status;
mod up;
mod wait;

use anyhow::bail;
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};

use self::state::State;
use crate::cli::Shared;
use crate::config::Config;
use crate::data_dir::DataDir;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts everything and answers when it is ready
    Up(Up),
    /// Stops everything; the data stays
    Down,
    /// Shows every process; exits 1 unless all are ready
    Status,
    /// Starts one instance again, on its ports
    Restart {
        /// Its name in run/pids.json, such as `edge-0`
        instance: String,
    },
    /// Adds an instance to a running cluster
    Add {
        #[arg(value_enum)]
        what: Addable,
    },
    /// Stops the cluster when whoever started this ends
    #[command(hide = true)]
    Guard,
}

/// What to start.
#[derive(Debug, Clone, Args)]
pub(crate) struct Up {
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) edges: u16,
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) routers: u16,
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) workers: u16,
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) billings: u16,
    /// A database to use instead of a private PostgreSQL
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<SecretString>,
    /// A Redis to use instead of a private one
    #[arg(long, value_name = "URL")]
    pub(crate) redis_url: Option<SecretString>,
    /// A NATS with JetStream to use instead of a private one
    #[arg(long, value_name = "URL")]
    pub(crate) nats_url: Option<SecretString>,
    /// Stays until Ctrl-C, then stops everything
    #[arg(long)]
    pub(crate) foreground: bool,
}

impl Up {
    /// Servers that the configuration names are used as if they were named by flags.
    fn with_servers_of(&self, config: &Config) -> Self {
        let or = |flag: &Option<SecretString>, configured: &SecretString| {
            let configured = Some(configured).filter(|url| !url.expose_secret().is_empty());
            flag.as_ref().or(configured).cloned()
        };
        Self {
            database_url: or(&self.database_url, &config.database.url),
            redis_url: or(&self.redis_url, &config.redis.url),
            nats_url: or(&self.nats_url, &config.nats.url),
            ..self.clone()
        }
    }
}

/// What may join a running cluster: what nobody else must know of.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Addable {
    Edge,
}

pub(crate) async fn run(shared: &Shared, command: Command) -> anyhow::Result<()> {
    let config = Config::load(shared)?;
    let data_dir = DataDir::open(&config.data_dir)?;
    match command {
        Command::Up(wanted) => up::up(shared, &config, &data_dir, &wanted.with_servers_of(&config)).await,
        Command::Down => down::down(&data_dir).await,
        Command::Status => status::status(&data_dir).await,
        Command::Restart { instance } => change::restart(&data_dir, &instance).await,
        Command::Guard => guard::watch(&data_dir).await,
        Command::Add { what: Addable::Edge } => change::add_edge(&data_dir, shared.listen).await,
    }
}

/// Refuses when processes of a cluster run on the directory.
pub(crate) fn refuse_if_running(data_dir: &DataDir) -> anyhow::Result<()> {
    let running =
        State::load(data_dir)?.is_some_and(|state| state.instances.iter().any(|one| one.is_alive()));
    if running {
        bail!(
            "a cluster runs on {0}: stop it with `patchbay cluster down --data-dir {0}`, or choose another \
             folder with --data-dir",
            data_dir.path().display()
        );
    }
    Ok(())
}
