//! Making a cluster and starting its server.

use std::process::Command;
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::database::Access;
use super::home::Home;
use super::{NAME, PostgresOptions, USER, fetch};
use crate::port::port_or_free;
use crate::process::{Process, log_tail};
use crate::{Error, secret};

/// For small machines: little memory, no parallel queries, no replicas, but every guarantee.
const SETTINGS: [&str; 13] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=128MB",
    "huge_pages=off",
    "max_wal_size=512MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_parallel_workers_per_gather=0",
    "jit=off",
    "timezone=UTC",
    "log_min_messages=warning",
    "log_line_prefix=%m [%p] %a ",
];
const THROW_AWAY: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
/// A server killed a moment ago holds its shared memory until its last session noticed.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);
const READY_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(25);

/// Makes the cluster, whole or not at all.
pub(super) async fn create(home: &Home, binaries: &Binaries) -> Result<(), Error> {
    let unfinished = home.directory.join(format!("cluster.{}", secret::random_text(6)));
    let mut command = home.command(&binaries.initdb());
    command
        .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--username", USER])
        .arg("--pwfile")
        .arg(home.password_file())
        .arg("--pgdata")
        .arg(&unfinished);
    run(command).await?;
    let cluster = home.cluster();
    std::fs::rename(&unfinished, &cluster).map_err(Error::io(&cluster))
}

/// Starts the server and waits until it takes connections.
pub(super) async fn launch(
    options: &PostgresOptions,
    home: &Home,
    binaries: &Binaries,
    access: Access,
) -> Result<(Process, Access), Error> {
    let mut left = TRIES;
    loop {
        left -= 1;
        let port = port_or_free(options.port)?;
        options.progress.say(&format!("starting {NAME} {} on port {port}", binaries.version));
        let access = Access { port, ..access.clone() };
        let process = Process::spawn(&mut server(options, home, binaries, port), &home.log())?;
        match ready(process, &access, home).await {
            Ok(process) => return Ok((process, access)),
            Err(error) if left == 0 => return Err(error),
            Err(_) => tokio::time::sleep(BETWEEN_TRIES).await,
        }
    }
}

fn server(options: &PostgresOptions, home: &Home, binaries: &Binaries, port: u16) -> Command {
    let mut command = home.command(&binaries.postgres());
    command.arg("-D").arg(home.cluster()).args(["-p", &port.to_string()]);
    let unsafe_settings = if options.durable { &[][..] } else { &THROW_AWAY };
    for setting in SETTINGS.iter().chain(unsafe_settings) {
        command.args(["-c", setting]);
    }
    command
}

async fn ready(mut process: Process, access: &Access, home: &Home) -> Result<Process, Error> {
    let until = Instant::now() + READY_WITHIN;
    while process.is_alive() && Instant::now() < until {
        if access.serves(home).await {
            return Ok(process);
        }
        tokio::time::sleep(POLL).await;
    }
    process.stop(&[(nix::sys::signal::Signal::SIGQUIT, Duration::from_secs(5))]).await;
    Err(Error::NotStarted { name: NAME, log: home.log(), tail: log_tail(&home.log()) })
}

async fn run(mut command: Command) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let finished = tokio::task::spawn_blocking(move || fetch::run(&mut command)).await;
    finished.unwrap_or_else(|_| Err(Error::Failed { program, said: "it was interrupted".to_owned() }))?;
    Ok(())
}
