//! `patchbay dev`: everything in one process, with nothing to set up.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use backing::{Postgres, PostgresOptions, Progress};
use identity::{OpaqueToken, Role};
use lifecycle::Tasks;
use pg::Owner;
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tokio::net::TcpListener;
use toml::Table;

use crate::cli::Shared;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::local_servers::{self, LocalServer};
use crate::manifest::{self, Facts, Manifest, RunningProcess, quoted, shell_command, write_pids};
use crate::platform::{Platform, Sockets, bind_public};
use crate::secrets::Secrets;
use crate::signals::Signals;
use crate::{cluster, connect, console, providers, say, tend};

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP: &str = "Ctrl-C stops it; the next start keeps all data.";

/// Runs the platform until a signal.
pub(crate) async fn run(shared: &Shared) -> anyhow::Result<()> {
    let data_dir = DataDir::open(&Config::load(shared)?.data_dir)?;
    let mut config = Config::load_with(shared, &defaults(&data_dir)?)?;
    let _telemetry = lifecycle::init_telemetry(&config.telemetry, "dev")?;
    let mut signals = Signals::listen()?;
    let _claim = data_dir.claim()?;
    cluster::refuse_if_running(&data_dir)?;
    let secrets = Secrets::of(&config, &data_dir)?;
    config.services.signing_key = secrets.signing_key.clone().into();
    config.services.master_key = secrets.master_key.clone().into();
    let public = bind_public(config.edge.listen).await?;
    // Scripts wait for it: it must not speak of an earlier run.
    Manifest::remove(&data_dir)?;

    say::line(format_args!("Preparing Patchbay in {}", data_dir.path().display()));
    let private = tokio::select! {
        private = database(&mut config, &data_dir) => private?,
        // What it started is adopted by the next start.
        () = signals.next() => bail!("interrupted"),
    };
    let served = serve(config, &data_dir, &secrets, public, private.as_ref(), &mut signals);
    let outcome = Box::pin(served).await;
    let stopped = match private {
        Some(postgres) => postgres.stop().await,
        None => Ok(()),
    };
    write_pids(&data_dir, &[])?;
    Manifest::remove(&data_dir)?;
    outcome?;
    stopped?;
    say::line("Patchbay has stopped.");
    Ok(())
}

/// What differs here from the defaults of a service in a cluster. The environment overrides it.
fn defaults(data_dir: &DataDir) -> anyhow::Result<String> {
    let mut worker = Table::new();
    worker.insert("spool_dir".to_owned(), data_dir.spool(0).display().to_string().into());
    let mut router = Table::new();
    router.insert("snapshot_path".to_owned(), data_dir.snapshot(0).display().to_string().into());
    // Nobody balances load to us, so nobody must notice first that we stop.
    let mut http = Table::new();
    http.insert("linger_ms".to_owned(), 0.into());
    let mut edge = Table::new();
    edge.insert("id".to_owned(), "edge-0".into());
    edge.insert("http".to_owned(), http.into());
    // Nobody has a mail server on a laptop: mail is read in files.
    let mut mail = Table::new();
    mail.insert("folder".to_owned(), data_dir.mail().display().to_string().into());
    edge.insert("mail".to_owned(), mail.into());
    let mut telemetry = Table::new();
    telemetry.insert("log".to_owned(), "warn".into());
    let mut table = Table::new();
    table.insert("worker".to_owned(), worker.into());
    table.insert("router".to_owned(), router.into());
    table.insert("edge".to_owned(), edge.into());
    table.insert("telemetry".to_owned(), telemetry.into());
    Ok(toml::to_string(&table)?)
}

/// The database that is configured, else `DATABASE_URL`, else a private one, which is the answer.
async fn database(config: &mut Config, data_dir: &DataDir) -> anyhow::Result<Option<Postgres>> {
    if !config.database.url.expose_secret().is_empty() {
        say::step("using the configured database");
        return Ok(None);
    }
    if let Some(url) = lifecycle::foreign_variable("DATABASE_URL") {
        say::step("using the database of DATABASE_URL");
        config.database.url = url;
        return Ok(None);
    }
    let postgres = private_postgres(data_dir, None).await?;
    config.database.url = postgres.url();
    Ok(Some(postgres))
}

/// The private PostgreSQL of a data directory.
pub(crate) async fn private_postgres(data_dir: &DataDir, port: Option<u16>) -> anyhow::Result<Postgres> {
    let options = PostgresOptions {
        directory: data_dir.postgres(),
        port,
        database: "patchbay".to_owned(),
        durable: true,
        progress: Progress::new(|step| say::step(step)),
    };
    Postgres::start(&options).await.context("no database")
}

/// Prepares the database, runs the services until a signal, and ends them.
async fn serve(
    config: Config,
    data_dir: &DataDir,
    secrets: &Secrets,
    public: TcpListener,
    private: Option<&Postgres>,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    // The simulator, and what is built while the platform runs.
    let beside = Tasks::default();
    let started = tokio::select! {
        started = start(config, data_dir, secrets, public, private, &beside) => started?,
        () = signals.next() => return Ok(()),
    };
    say::line(started.manifest.greeting(data_dir, STOP));
    if let Some(console) = started.console {
        beside.spawn(console.run(beside.shutdown().clone()));
    }
    let outcome = started.platform.run(signals).await;
    say::step("stopping");
    beside.drain(Duration::from_secs(1)).await;
    outcome
}

struct Started {
    platform: Platform,
    manifest: Manifest,
    console: Option<console::Build>,
}

async fn start(
    config: Config,
    data_dir: &DataDir,
    secrets: &Secrets,
    public: TcpListener,
    private: Option<&Postgres>,
    beside: &Tasks,
) -> anyhow::Result<Started> {
    say::step("bringing the schema up to date");
    let database_url = config.database_url()?.clone();
    pg::migrate(&database_url).await?;

    let mut config = config;
    if config.edge.public_url.is_empty() {
        config.edge.public_url = manifest::base(public.local_addr()?);
    }
    let simulator = simulator_socket(data_dir).await?;
    let simulator_base = simulate(&mut config, simulator, public.local_addr()?, beside)?;
    say::step("writing the catalogue");
    let local = local_servers::find().await;
    let sources = providers::sources(Some(&simulator_base), &local)?;
    let master_key = config.master_key()?;
    tend::catalogue(&connect::pool(&config, Owner::Catalog)?, &master_key, &sources).await?;
    for real in &sources.real {
        say::step(format_args!("real provider: {real}"));
    }
    say::step(format_args!("{} providers without a key here are simulated", sources.simulated));

    say::step("starting the services");
    let listen = public.local_addr()?;
    let probes = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let probe = probes.local_addr()?;
    let sockets = Sockets { edge: Some(public), probes: vec![probes], ..Sockets::default() };
    let identity = connect::pool(&config, Owner::Identity)?;
    let site = console::built_in()?;
    // A folder that is configured is served as it is.
    let console = match config.edge.console.folder.as_os_str().is_empty() {
        true => console::of_checkout(&site, config.edge.public_url.clone(), data_dir.run("console.log")),
        false => None,
    };
    let platform = Platform::start(config, &Role::ALL, sockets, site).await?;
    if let Err(error) = complete(&platform, &identity, secrets, &local).await {
        platform.drain().await;
        return Err(error);
    }

    let mut pids = vec![std::process::id()];
    pids.extend(private.map(Postgres::pid));
    let facts = Facts {
        topology: "dev",
        database_url: &database_url,
        pids,
        edges: vec![listen],
        simulator: simulator_base,
        probes: probe,
    };
    let manifest = Manifest::new(secrets, facts);
    manifest.write(data_dir)?;
    write_pids(data_dir, &processes(data_dir, listen, probe, private)?)?;
    Ok(Started { platform, manifest, console })
}

/// Opens the demo organisations, adds the local servers and waits until every service is ready.
async fn complete(
    platform: &Platform,
    identity: &PgPool,
    secrets: &Secrets,
    local: &[LocalServer],
) -> anyhow::Result<()> {
    let billing = platform.channel(Role::Edge, Role::Billing)?;
    tend::demo(identity, &billing, secrets).await?;
    if !platform.ready(READY_WITHIN).await {
        bail!("not ready after {} s: {}", READY_WITHIN.as_secs(), platform.health.report().trim());
    }
    tend::local_servers(&platform.channel(Role::Edge, Role::Router)?, local).await;
    Ok(())
}

/// Where the simulator listens: where it did before, if that is free, so that the catalogue that a router kept from then
/// still leads there.
async fn simulator_socket(data_dir: &DataDir) -> anyhow::Result<TcpListener> {
    let path = data_dir.run("simulator.port");
    let before = fs::read_to_string(&path).ok().and_then(|port| port.parse().ok()).unwrap_or(0);
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, before)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
    };
    let port = listener.local_addr()?.port();
    fs::write(&path, port.to_string()).with_context(|| path.display().to_string())?;
    Ok(listener)
}

/// Starts the simulator; the answer is its base URL. It takes payments too, unless a real processor is configured.
fn simulate(
    config: &mut Config,
    listener: TcpListener,
    edge: SocketAddr,
    tasks: &Tasks,
) -> anyhow::Result<String> {
    let base = format!("http://{}", listener.local_addr()?);
    let payments = &mut config.billing.payments;
    if payments.stripe_secret_key.expose_secret().is_empty() {
        let secret = OpaqueToken::generate("whsec_").expose().to_owned();
        payments.stripe_secret_key = "sk_test_simulated".into();
        payments.stripe_webhook_secret = secret.clone().into();
        payments.stripe_url.clone_from(&base);
        let edge = manifest::base(edge);
        payments.return_url = format!("{edge}/");
        config.simulator.stripe.webhook_url = format!("{edge}/webhooks/stripe");
        config.simulator.stripe.webhook_secret = secret;
        say::step("payments are simulated");
    }
    let (config, shutdown) = (config.simulator.clone(), tasks.shutdown().clone());
    tasks.spawn(async move {
        if let Err(error) = simulator::serve(listener, config, shutdown).await {
            tracing::error!(%error, "the simulator failed");
        }
    });
    Ok(base)
}

/// What runs, for `run/pids.json`: this process, and PostgreSQL when it is ours.
fn processes(
    data_dir: &DataDir,
    listen: SocketAddr,
    probe: SocketAddr,
    private: Option<&Postgres>,
) -> anyhow::Result<Vec<RunningProcess>> {
    let log = data_dir.run("dev.log");
    let restart = shell_command(&["dev", "--listen", &listen.to_string()], data_dir)?;
    let restart = format!("nohup {restart} >> {} 2>&1 &", quoted(&log));
    let mut processes = vec![RunningProcess {
        name: "dev".to_owned(),
        instance: "dev-0".to_owned(),
        pids: vec![std::process::id()],
        restart_cmd: restart,
        data_dir: data_dir.path().to_owned(),
        log,
        address: listen.to_string(),
        probe: Some(probe.to_string()),
    }];
    if let Some(postgres) = private {
        processes.push(RunningProcess {
            name: "postgres".to_owned(),
            instance: "postgres-0".to_owned(),
            pids: vec![postgres.pid()],
            restart_cmd: shell_command(&["cluster", "restart", "postgres-0"], data_dir)?,
            data_dir: postgres.directory().to_owned(),
            log: postgres.log(),
            address: format!("127.0.0.1:{}", postgres.port()),
            probe: None,
        });
    }
    Ok(processes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_simulator_is_where_it_was_unless_somebody_else_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        let first = simulator_socket(&data_dir).await.unwrap();
        let port = first.local_addr().unwrap().port();
        drop(first);
        let second = simulator_socket(&data_dir).await.unwrap();
        assert_eq!(second.local_addr().unwrap().port(), port);
        let third = simulator_socket(&data_dir).await.unwrap();
        assert_ne!(third.local_addr().unwrap().port(), port);
    }
}
