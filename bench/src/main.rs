//! Measures Patchbay beside its peers on one upstream, in one run, in alternating rounds.
//!
//! What is measured and how is in `README.md` beside this package.

mod check;
mod cpu;
mod http;
mod load;
mod machine;
mod measure;
mod patchbay;
mod peers;
mod report;
mod sample;
mod scenario;
mod settlement;
mod target;
mod upstream;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::scenario::Id;
use crate::target::Kind;

#[derive(Debug, Parser)]
#[command(name = "bench", about = "Measures Patchbay beside its peers")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the whole benchmark and writes a report
    Measure(Options),
    /// Serves the upstream that every target calls; ends when its standard input does
    Upstream,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// What to measure; `direct` is always measured, the others are compared with it
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::ALL)]
    targets: Vec<Kind>,
    /// Which loads to apply
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Id::ALL)]
    scenarios: Vec<Id>,
    /// Rounds over all targets; the report says medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of load per target and round
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Streams that are open at once in S4
    #[arg(long, default_value_t = 1000)]
    streams: usize,
    /// The binary of Patchbay [default: beside this one]
    #[arg(long, value_name = "FILE")]
    patchbay: Option<PathBuf>,
    /// Where the report goes; the samples go beside it as JSON
    #[arg(long, value_name = "FILE", default_value = "target/bench/report.md")]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Upstream => upstream::serve(),
        Command::Measure(options) => {
            // One thread: it shares the machine with what it measures.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(measure::run(&options))
        }
    }
}
