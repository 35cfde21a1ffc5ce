//! `patchbay cluster up`.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use backing::HeldPort;
use identity::{MasterKey, OpaqueToken, Role};
use pg::Owner;
use rpc::{Channel, Replicas, ServiceKeys};
use secrecy::{ExposeSecret as _, SecretString};

use super::guard::Guard;
use super::state::{Instance, Program, State};
use super::{Up, down, instance, plan, refuse_if_running, wait};
use crate::cli::Shared;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::manifest::{Facts, Manifest};
use crate::platform::bind_public;
use crate::secrets::Secrets;
use crate::signals::Signals;
use crate::{local_servers, providers, say, tend};

const READY_WITHIN: Duration = Duration::from_secs(90);

/// Starts the cluster; on any failure, or a signal before it is ready, nothing is left running.
pub(super) async fn up(
    shared: &Shared,
    config: &Config,
    data_dir: &DataDir,
    wanted: &Up,
) -> anyhow::Result<()> {
    if [wanted.edges, wanted.routers, wanted.workers, wanted.billings].contains(&0) {
        bail!("at least one of each service is needed");
    }
    let _telemetry = lifecycle::init_telemetry(&quiet(config), "cluster")?;
    let mut signals = Signals::listen()?;
    let _claim = data_dir.claim()?;
    refuse_if_running(data_dir)?;
    let public = public_port(config.edge.listen).await?;
    let first_edge = SocketAddr::new(config.edge.listen.ip(), public.port());
    Manifest::remove(data_dir)?;
    let secrets = Secrets::of(config, data_dir)?;
    let configuration = match &shared.config {
        Some(file) => std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
        None => String::new(),
    };
    let (instances, mut held) = plan::instances(wanted, first_edge, data_dir)?;
    held.push(public);
    let mut state = plan::state(wanted, secrets, webhook_secret(config), configuration, instances);
    let _guard = wanted.foreground.then(|| Guard::post(data_dir)).transpose()?;
    say::line(format_args!("Starting a cluster in {}", data_dir.path().display()));
    let started = tokio::select! {
        started = start(config, data_dir, &mut state, held) => started,
        () = signals.next() => Err(anyhow::anyhow!("interrupted")),
    };
    match started {
        Ok(manifest) => say::line(manifest.greeting(data_dir, &how_to_stop(data_dir, wanted))),
        Err(error) => {
            say::step("stopping what was started");
            down::stop_all(data_dir).await?;
            return Err(error);
        }
    }
    if wanted.foreground {
        signals.next().await;
        down::stop_all(data_dir).await?;
    }
    Ok(())
}

/// What simulated payments are signed with, unless a real processor is configured.
fn webhook_secret(config: &Config) -> Option<String> {
    let is_real = !config.billing.payments.stripe_secret_key.expose_secret().is_empty();
    (!is_real).then(|| OpaqueToken::generate("whsec_").expose().to_owned())
}

/// Holds the port of the first edge; tells the user now, not in a log, when it cannot be had.
async fn public_port(wanted: SocketAddr) -> anyhow::Result<HeldPort> {
    if wanted.port() == 0 {
        return backing::free_ports(1)?.pop().context("a port was asked for");
    }
    Ok(HeldPort::of(bind_public(wanted).await?.into_std()?))
}

fn how_to_stop(data_dir: &DataDir, wanted: &Up) -> String {
    if wanted.foreground {
        return "Ctrl-C stops it; the next start keeps all data.".to_owned();
    }
    format!(
        "Its processes are listed in {}; `patchbay cluster down --data-dir {}` stops them.",
        data_dir.pids().display(),
        data_dir.path().display()
    )
}

/// This process only starts others; its own log would disturb what it says.
fn quiet(config: &Config) -> lifecycle::TelemetryConfig {
    lifecycle::TelemetryConfig {
        log: "warn".to_owned(),
        otlp_endpoint: String::new(),
        ..config.telemetry.clone()
    }
}

async fn start(
    config: &Config,
    data_dir: &DataDir,
    state: &mut State,
    mut held: Vec<HeldPort>,
) -> anyhow::Result<Manifest> {
    say::step("starting PostgreSQL, Redis and NATS");
    for program in [Program::Postgres, Program::Redis, Program::Nats] {
        launch(data_dir, state, &mut held, program).await?;
    }
    let database = pg::Config {
        url: state.url(Program::Postgres).into(),
        max_connections: config.database.max_connections,
    };
    say::step("bringing the schema up to date");
    pg::migrate(&database.url).await?;
    say::step("starting the simulator and writing the catalogue");
    launch(data_dir, state, &mut held, Program::Simulator).await?;
    let simulator = state.simulator();
    let local = local_servers::find().await;
    let sources = providers::sources(Some(&simulator), &local)?;
    let master_key = MasterKey::from_hex(&state.secrets.master_key)?;
    tend::catalogue(&pg::connect(&database, Owner::Catalog)?, &master_key, &sources).await?;

    say::step("starting billing, routers and provider workers");
    for program in [Program::Billing, Program::Router, Program::ProviderWorker] {
        launch(data_dir, state, &mut held, program).await?;
    }
    wait::ready(&state.of(Program::Billing).collect::<Vec<_>>(), READY_WITHIN).await?;
    let keys = ServiceKeys::parse(&SecretString::from(state.secrets.signing_key.clone()))?;
    let routers = Replicas(state.addresses(Program::Router));
    let billings = Replicas(state.addresses(Program::Billing));
    let billing = Channel::remote(&billings, Role::Edge, Role::Billing, keys.clone())?;
    tend::demo(&pg::connect(&database, Owner::Identity)?, &billing, &state.secrets).await?;

    say::step("starting edges");
    launch(data_dir, state, &mut held, Program::Edge).await?;
    wait::ready(&state.instances.iter().collect::<Vec<_>>(), READY_WITHIN).await?;
    tend::local_servers(&Channel::remote(&routers, Role::Edge, Role::Router, keys)?, &local).await;
    write_manifest(data_dir, state)
}

/// Starts every instance of a program, saying so on disk after each, so that whatever happens next all of
/// them can be found.
async fn launch(
    data_dir: &DataDir,
    state: &mut State,
    held: &mut Vec<HeldPort>,
    program: Program,
) -> anyhow::Result<()> {
    for index in 0..state.instances.len() {
        if state.instances[index].program != program {
            continue;
        }
        let mut one = state.instances[index].clone();
        held.retain(|port| port.port() != one.address.port() && Some(port.port()) != one.probe_port());
        instance::start(state, data_dir, &mut one).await?;
        state.instances[index] = one;
        state.save(data_dir)?;
    }
    Ok(())
}

/// Writes `dev.json` for what runs now.
pub(super) fn write_manifest(data_dir: &DataDir, state: &State) -> anyhow::Result<Manifest> {
    let edges: Vec<&Instance> = state.of(Program::Edge).collect();
    let probes = edges.first().and_then(|edge| edge.probe).context("a cluster has an edge")?;
    let facts = Facts {
        topology: "cluster",
        database_url: &state.url(Program::Postgres).into(),
        pids: state.instances.iter().map(|instance| instance.pid).collect(),
        edges: edges.iter().map(|edge| edge.address).collect(),
        simulator: state.simulator(),
        probes,
    };
    let manifest = Manifest::new(&state.secrets, facts);
    manifest.write(data_dir)?;
    Ok(manifest)
}
