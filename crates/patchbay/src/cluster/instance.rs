//! Starting and stopping one process of a cluster.

use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use backing::{Kind, Process, Server, ServerOptions};
use nix::sys::signal::Signal;

use super::plan;
use super::state::{Instance, Program, State};
use crate::data_dir::DataDir;
use crate::dev;

/// A service that drains may take as long as its configuration lets it, and is given a little more.
const DRAIN: Duration = Duration::from_secs(60);
const KILL: Duration = Duration::from_secs(10);

/// Starts an instance on its ports. Servers answer when they are ready, services at once.
pub(super) async fn start(state: &State, data_dir: &DataDir, instance: &mut Instance) -> anyhow::Result<()> {
    let name = instance.name();
    let pid = match instance.program {
        Program::Postgres => {
            let postgres = dev::private_postgres(data_dir, Some(instance.address.port())).await?;
            // A server that was adopted has the port it had.
            instance.address.set_port(postgres.port());
            instance.url = Some(secrecy::ExposeSecret::expose_secret(&postgres.url()).to_owned());
            instance.data_dir = postgres.directory().to_owned();
            instance.log = postgres.log();
            postgres.pid()
        }
        Program::Redis => server(Kind::Redis, instance).await?,
        Program::Nats => server(Kind::Nats, instance).await?,
        _ => {
            let file = data_dir.run(&format!("{name}.toml"));
            let configuration = plan::configuration(state, data_dir, instance)?;
            backing::write_secret(&file, &configuration)?;
            Process::spawn(&mut command(state, instance, &file)?, &instance.log)
                .with_context(|| name.clone())?
                .pid()
        }
    };
    instance.runs_as(pid);
    Ok(())
}

fn command(state: &State, instance: &Instance, file: &std::path::Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(match instance.program {
        Program::Simulator => "simulate",
        service => service.as_str(),
    });
    command.arg("--config").arg(file);
    // What listens by a flag cannot be moved by a variable.
    if matches!(instance.program, Program::Edge | Program::Simulator) {
        command.arg("--listen").arg(instance.address.to_string());
    }
    for (name, _) in lifecycle::our_variables() {
        command.env_remove(name);
    }
    command.envs(&state.variables);
    Ok(command)
}

async fn server(kind: Kind, instance: &mut Instance) -> anyhow::Result<u32> {
    let known = instance.url.as_deref().and_then(|url| url::Url::parse(url).ok());
    let password = known.and_then(|url| url.password().map(|password| password.to_owned().into()));
    let options =
        ServerOptions { directory: instance.data_dir.clone(), port: Some(instance.address.port()), password };
    let server = Server::start(kind, &options).await?;
    instance.url = Some(secrecy::ExposeSecret::expose_secret(&server.url()).to_owned());
    Ok(server.pid())
}

/// Stops an instance: services drain, servers write out what they hold. Whether it ended.
pub(super) async fn stop(instance: &Instance) -> bool {
    if !instance.is_alive() {
        return true;
    }
    let gently = match instance.program {
        Program::Postgres => Signal::SIGINT,
        _ => Signal::SIGTERM,
    };
    Process::adopt(instance.pid).stop(&[(gently, DRAIN), (Signal::SIGKILL, KILL)]).await
}
