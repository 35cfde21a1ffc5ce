//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use identity::Role;

use crate::config::Config;
use crate::{admin, byok, cluster, dev, route, serve, show_config, spool, tend};

/// One key, one API, every model. Without a command: `dev`.
#[derive(Debug, Parser)]
#[command(name = "patchbay", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Shared {
    /// A TOML file over the defaults, which `config dump` shows
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where data, secrets and dev.json lie [default: .patchbay]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where the public API listens (for `simulate`: the simulator) [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything in one process, with nothing to set up
    Dev,
    /// Several services in one process
    Serve {
        /// edge, router, provider-worker, billing
        #[arg(long, value_delimiter = ',', required = true, value_parser = role)]
        roles: Vec<Role>,
    },
    /// The public HTTP service alone
    Edge,
    /// The catalogue and the choice of providers alone
    Router,
    /// The upstream side alone
    ProviderWorker,
    /// Money alone
    Billing,
    /// Upstream providers that behave like the real ones on the wire
    Simulate,
    /// Brings the database's schema up to date
    Migrate,
    /// Writes the catalogue and the demo organisations into the database
    Seed {
        /// Base URL of a simulator that serves every provider without a credential in the environment
        #[arg(long, value_name = "URL")]
        simulator: Option<String>,
    },
    /// Runs a platform from a shell: organisations, keys, credit, providers, invoices
    Admin(admin::Admin),
    /// The keys that the tenants' own provider credentials are sealed under
    #[command(subcommand)]
    Byok(byok::Command),
    /// What workers have written down and billing has not settled yet
    #[command(subcommand)]
    Spool(spool::Command),
    /// The whole topology on this machine, every service its own processes
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Why requests go where they go, and what other rules would do
    #[command(subcommand)]
    Route(route::Command),
    /// Shows and checks the configuration
    #[command(subcommand)]
    Config(show_config::Command),
}

/// Reads the name of a service.
pub(crate) fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|_| format!("services are {}", Role::ALL.map(Role::as_str).join(", ")))
}

impl Cli {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let shared = &self.shared;
        let alone = |role: Role| Box::pin(serve::serve(shared, vec![role]));
        match self.command.unwrap_or(Command::Dev) {
            Command::Dev => Box::pin(dev::run(shared)).await,
            Command::Serve { roles } => Box::pin(serve::serve(shared, roles)).await,
            Command::Edge => alone(Role::Edge).await,
            Command::Router => alone(Role::Router).await,
            Command::ProviderWorker => alone(Role::ProviderWorker).await,
            Command::Billing => alone(Role::Billing).await,
            Command::Simulate => serve::simulate(shared).await,
            Command::Migrate => tend::migrate(&Config::load(shared)?).await,
            Command::Seed { simulator } => tend::seed(&Config::load(shared)?, simulator.as_deref()).await,
            Command::Admin(admin) => admin.run(shared).await,
            Command::Byok(command) => byok::run(shared, command).await,
            Command::Spool(command) => spool::run(shared, command).await,
            Command::Cluster(command) => Box::pin(cluster::run(shared, command)).await,
            Command::Route(command) => route::run(shared, command).await,
            Command::Config(command) => show_config::run(shared, &command),
        }
    }
}
