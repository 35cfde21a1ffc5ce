//! One key, one API, every model: the program, and the place where its services are put together.

mod admin;
mod admin_api;
mod byok;
mod cli;
mod cluster;
mod config;
mod connect;
mod console;
mod data_dir;
mod dev;
mod local_servers;
mod manifest;
mod platform;
mod providers;
mod route;
mod say;
mod secrets;
mod serve;
mod show_config;
mod signals;
mod spool;
mod tend;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What sysexits.h calls a usage error: the configuration is not valid.
const INVALID_CONFIGURATION: u8 = 64;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            exit_code(&error)
        }
    }
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(|cause| cause.is::<lifecycle::ConfigError>()) {
        return ExitCode::from(INVALID_CONFIGURATION);
    }
    let api = error.chain().find_map(|cause| cause.downcast_ref::<admin_api::Error>());
    api.map_or(ExitCode::FAILURE, |error| ExitCode::from(error.exit_code()))
}

fn run(cli: Cli) -> anyhow::Result<()> {
    // The one global of the process: libraries that speak TLS look for it. Set by nobody else.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(cli.run());
    // A blocking task that hangs must not keep the process.
    runtime.shutdown_background();
    outcome
}
