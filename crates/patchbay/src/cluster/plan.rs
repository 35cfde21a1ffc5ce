//! The configuration of each process of a cluster.

use std::net::SocketAddr;

use backing::HeldPort;
use secrecy::ExposeSecret as _;
use toml::{Table, Value};

use super::Up;
use super::state::{Instance, Program, State};
use crate::console;
use crate::data_dir::DataDir;
use crate::manifest;
use crate::secrets::Secrets;

/// Everything that is to run, not started, with ports that are held for it.
pub(super) fn instances(
    wanted: &Up,
    first_edge: SocketAddr,
    data_dir: &DataDir,
) -> anyhow::Result<(Vec<Instance>, Vec<HeldPort>)> {
    let ours = |given: &Option<secrecy::SecretString>| usize::from(given.is_none());
    let counts = [
        (Program::Postgres, ours(&wanted.database_url)),
        (Program::Redis, ours(&wanted.redis_url)),
        (Program::Nats, ours(&wanted.nats_url)),
        (Program::Simulator, 1),
        (Program::Billing, wanted.billings.into()),
        (Program::Router, wanted.routers.into()),
        (Program::ProviderWorker, wanted.workers.into()),
        (Program::Edge, wanted.edges.into()),
    ];
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let held = backing::free_ports(total * 2)?;
    let mut addresses = held.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], port.port())));
    let mut instances = Vec::with_capacity(total);
    for (program, count) in counts {
        for number in 0..count {
            let Some((address, probe)) = addresses.next().zip(addresses.next()) else { break };
            let address = if (program, number) == (Program::Edge, 0) { first_edge } else { address };
            instances.push(instance(program, number, address, probe, data_dir));
        }
    }
    Ok((instances, held))
}

pub(super) fn instance(
    program: Program,
    number: usize,
    address: SocketAddr,
    probe: SocketAddr,
    data_dir: &DataDir,
) -> Instance {
    let own = match program {
        Program::Postgres => data_dir.postgres(),
        Program::Redis | Program::Nats => data_dir.path().join(program.as_str()),
        Program::ProviderWorker => data_dir.spool(number),
        _ => data_dir.path().to_owned(),
    };
    let log = match program {
        Program::Postgres | Program::Redis | Program::Nats => own.join("log"),
        _ => data_dir.run(&format!("{program}-{number}.log")),
    };
    Instance {
        program,
        number,
        address,
        probe: (program > Program::Simulator).then_some(probe),
        url: None,
        pid: 0,
        started: None,
        data_dir: own,
        log,
    }
}

/// The configuration file of one instance.
pub(super) fn configuration(
    state: &State,
    data_dir: &DataDir,
    instance: &Instance,
) -> anyhow::Result<String> {
    let mut table: Table = state.configuration.parse()?;
    set(&mut table, "data_dir", text(data_dir.path().display()));
    set(&mut table, "database.url", text(state.url(Program::Postgres)));
    set(&mut table, "redis.url", text(state.url(Program::Redis)));
    set(&mut table, "nats.url", text(state.url(Program::Nats)));
    set(&mut table, "services.signing_key", text(&state.secrets.signing_key));
    set(&mut table, "services.master_key", text(&state.secrets.master_key));
    for program in [Program::Billing, Program::Router, Program::ProviderWorker] {
        let addresses = state.addresses(program).into_iter().map(Value::String).collect();
        set(&mut table, &format!("{}.addresses", section(program)), Value::Array(addresses));
    }
    match instance.program {
        Program::Edge => {
            set(&mut table, "edge.id", text(instance.name()));
            // Where people reach all of them, and where mail is read, unless the configuration says.
            set_missing(&mut table, "edge.public_url", text(first_edge(state)));
            set_missing(&mut table, "edge.mail.folder", text(data_dir.mail().display()));
            if let Some(console) = console::built_here() {
                set_missing(&mut table, "edge.console.folder", text(console.display()));
            }
        }
        Program::Router => {
            let path = data_dir.snapshot(instance.number);
            set(&mut table, "router.snapshot_path", text(path.display()));
        }
        Program::ProviderWorker => {
            set(&mut table, "worker.spool_dir", text(instance.data_dir.display()));
        }
        Program::Billing | Program::Simulator => take_payments(&mut table, state, instance.program),
        _ => {}
    }
    if let Some(probe) = instance.probe {
        set(&mut table, &format!("{}.probe_listen", section(instance.program)), text(probe));
        if instance.program != Program::Edge {
            set(&mut table, &format!("{}.grpc_listen", section(instance.program)), text(instance.address));
        }
    }
    Ok(toml::to_string(&table)?)
}

/// Where the first edge is reached.
fn first_edge(state: &State) -> String {
    state.of(Program::Edge).next().map(|edge| manifest::base(edge.address)).unwrap_or_default()
}

/// The simulator takes payments, unless a real processor is configured, and tells the first edge of them.
fn take_payments(table: &mut Table, state: &State, program: Program) {
    let Some(secret) = &state.webhook_secret else { return };
    let edge = first_edge(state);
    if program == Program::Simulator {
        set(table, "simulator.stripe.webhook_url", text(format_args!("{edge}/webhooks/stripe")));
        set(table, "simulator.stripe.webhook_secret", text(secret));
        return;
    }
    set(table, "billing.payments.stripe_secret_key", text("sk_test_simulated"));
    set(table, "billing.payments.stripe_webhook_secret", text(secret));
    set(table, "billing.payments.stripe_url", text(state.simulator()));
    set(table, "billing.payments.return_url", text(format_args!("{edge}/")));
}

/// A service's section among the shared parts.
fn section(program: Program) -> String {
    format!("services.{}", program.as_str().replace('-', "_"))
}

fn text(value: impl std::fmt::Display) -> Value {
    Value::String(value.to_string())
}

/// Sets a dotted key, making the tables above it.
fn set(table: &mut Table, key: &str, value: Value) {
    let Some((first, rest)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return;
    };
    let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(inner) = inner {
        set(inner, rest, value);
    }
}

/// Sets what the configuration leaves open.
fn set_missing(table: &mut Table, key: &str, value: Value) {
    if !is_given(table, key) {
        set(table, key, value);
    }
}

fn is_given(table: &Table, key: &str) -> bool {
    match key.split_once('.') {
        Some((first, rest)) => {
            table.get(first).and_then(Value::as_table).is_some_and(|inner| is_given(inner, rest))
        }
        None => table.contains_key(key),
    }
}

/// Whether a variable would override, for all processes alike, what the cluster sets for each.
fn is_set_here(variable: &str) -> bool {
    let key = variable.to_ascii_lowercase().replacen("patchbay__", "", 1).replace("__", ".");
    let keys = [
        "data_dir",
        "database.url",
        "redis.url",
        "nats.url",
        "edge.id",
        "edge.listen",
        "router.snapshot_path",
        "worker.id",
        "worker.spool_dir",
        "simulator.listen",
        "services.signing_key",
        "services.master_key",
    ];
    let sections = ["services.billing.", "services.router.", "services.provider_worker.", "services.edge."];
    keys.contains(&key.as_str()) || sections.iter().any(|section| key.starts_with(section))
}

/// Keeps what was given on the command line.
pub(super) fn state(
    wanted: &Up,
    secrets: Secrets,
    webhook_secret: Option<String>,
    configuration: String,
    instances: Vec<Instance>,
) -> State {
    let given = |url: &Option<secrecy::SecretString>| url.as_ref().map(|url| url.expose_secret().to_owned());
    State {
        secrets,
        webhook_secret,
        database_url: given(&wanted.database_url),
        redis_url: given(&wanted.redis_url),
        nats_url: given(&wanted.nats_url),
        configuration,
        variables: lifecycle::our_variables().into_iter().filter(|(name, _)| !is_set_here(name)).collect(),
        instances,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_cannot_give_every_process_the_same_port() {
        assert!(
            is_set_here("PATCHBAY__EDGE__LISTEN") && is_set_here("PATCHBAY__SERVICES__ROUTER__GRPC_LISTEN")
        );
        assert!(
            !is_set_here("PATCHBAY__BILLING__GRACE_MS") && !is_set_here("PATCHBAY__SERVICES__DRAIN_SECONDS")
        );
    }

    fn wanted() -> Up {
        Up {
            edges: 2,
            routers: 2,
            workers: 3,
            billings: 2,
            database_url: None,
            redis_url: None,
            nats_url: Some("nats://elsewhere:4222".to_owned().into()),
            foreground: false,
        }
    }

    #[test]
    fn every_instance_has_ports_of_its_own_and_a_valid_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        let secrets = Secrets::load_or_make(&data_dir.secrets()).unwrap();
        let first = "0.0.0.0:8080".parse().unwrap();
        let (planned, _held) = instances(&wanted(), first, &data_dir).unwrap();
        assert_eq!(planned.len(), 2 + 1 + 2 + 2 + 3 + 2);
        let state = state(
            &wanted(),
            secrets,
            Some("whsec_1".to_owned()),
            "[edge]\nid = 'x'\n[database]\nmax_connections = 3".to_owned(),
            planned,
        );
        assert_eq!(state.of(Program::Edge).next().unwrap().address, first);
        let mut ports: Vec<_> =
            state.instances.iter().flat_map(|one| [Some(one.address), one.probe]).flatten().collect();
        let count = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), count);
        for instance in state.instances.iter().filter(|one| one.probe.is_some()) {
            let file = data_dir.run("test.toml");
            std::fs::write(&file, configuration(&state, &data_dir, instance).unwrap()).unwrap();
            let shared = crate::cli::Shared { config: Some(file.clone()), ..Default::default() };
            let config = crate::config::Config::load(&shared).unwrap();
            assert_eq!(config.nats.get(), Some("nats://elsewhere:4222"));
            assert_eq!(config.database.max_connections, 3);
            assert_eq!(config.services.provider_worker.addresses.0.len(), 3);
            if instance.program == Program::Edge {
                assert_eq!(config.edge.id, instance.name());
            }
            let secret = config.billing.payments.stripe_webhook_secret.expose_secret();
            assert_eq!(secret == "whsec_1", instance.program == Program::Billing);
        }
    }
}
