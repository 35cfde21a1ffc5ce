//! The project's own commands: `cargo xtask test` is what CI runs.
#![allow(clippy::print_stdout, reason = "a command talks to its user")]

mod browser;
mod clients;
mod clocks;
mod codegen;
mod console;
mod database;
mod deps;
mod fuzz;
mod inference_server;
mod lint;
mod packages;
mod python;
mod seed;
mod shell;
mod statements;
mod suite;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Patchbay's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Installs what is missing, checks the code, runs every test with the short drills.
    Test {
        /// Only system tests whose name contains this; skips the checks and the other tests.
        #[arg(long)]
        system: Option<String>,
    },
    /// Formatting, lints, dependency rules, licences, generated code.
    Lint,
    /// The drills in their long mode.
    Drill,
    /// Feeds every reader with damaged input; says how to see a crash again.
    Fuzz {
        /// How long each target runs; two run at a time.
        #[arg(long, default_value_t = fuzz::SECONDS)]
        seconds: u32,
        /// Only targets whose name contains this.
        #[arg(default_value = "")]
        filter: String,
    },
    /// Measures the release build beside its peers; see bench/README.md.
    Bench {
        /// Passed on to the harness.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs a real inference server with a tiny random model, to be added as docs/howto/add-a-provider.md says.
    InferenceServer {
        /// Passed on to it, such as `--context 512`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Writes the gRPC code from `proto/`.
    Codegen {
        /// Only says whether it is up to date.
        #[arg(long)]
        check: bool,
    },
    /// Measures grants and settlements against a private PostgreSQL that waits for its disk; see bench/README.md.
    Settlement,
    /// Writes made-up usage, and models if wanted, into a database that is migrated.
    SeedUsage {
        #[command(flatten)]
        wanted: seed::Wanted,
    },
    /// Pictures of every page of the console, in `target/screenshots/`; those in the README are written anew.
    Screenshots {
        /// Only pages whose name contains this.
        #[arg(default_value = "")]
        filter: String,
    },
    /// Writes `.sqlx/` from the queries in the code, against a private database.
    DbPrepare,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test { system: None } => suite::test(),
        Command::Test { system: Some(filter) } => suite::system(&filter),
        Command::Lint => lint::all(),
        Command::Fuzz { seconds, filter } => fuzz::run_all(seconds, &filter, None),
        Command::Drill => suite::drill(),
        Command::Bench { arguments } => suite::bench(&arguments),
        Command::InferenceServer { arguments } => inference_server::serve(&arguments),
        Command::Codegen { check } => codegen::run(check),
        Command::Settlement => suite::settlement(),
        Command::SeedUsage { wanted } => seed::usage(&wanted),
        Command::Screenshots { filter } => browser::screenshots(&filter),
        Command::DbPrepare => database::prepare(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
