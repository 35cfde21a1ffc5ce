//! System tests: every scenario against one platform of one process and one cluster, both shared by all of
//! them, then the drills, each on a platform of its own, two at a time.

mod browser;
mod business;
mod byok;
mod catalogue;
mod clients;
mod drills;
mod errors;
mod exact;
mod failover;
mod faults;
mod free_model;
mod inference;
mod inference_server;
mod lifecycle;
mod limits;
mod load;
mod money;
mod presets;
mod replay;
mod routing;
mod security;
mod shared;
mod shell;
mod skins;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use shared::Shared;
use testkit::{Platform, Topology};
use tokio::runtime::Handle;

/// A scenario against a shared platform.
type Scenario = fn(Arc<Platform>) -> BoxFuture<'static, anyhow::Result<()>>;
/// A scenario that starts what it needs itself.
type Alone = fn() -> BoxFuture<'static, anyhow::Result<()>>;

/// Names functions as they are called, with their addresses.
#[macro_export]
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        vec![$((stringify!($name), |platform| Box::pin($name(platform)))),*]
    };
}

/// The same for scenarios that start what they need themselves.
#[macro_export]
macro_rules! alone {
    ($($name:ident),* $(,)?) => {
        vec![$((stringify!($name), || Box::pin($name()))),*]
    };
}

/// Scenarios that run at once for each core: most of their time they wait.
const PER_CORE: usize = 2;
/// Drills that run at once. They load and kill what is theirs, and wait for much of their time, too.
const DRILLS: usize = 2;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let shared = Shared::default();
    let matrix = clients::Matrix::default();
    let mut trials = shared_trials(runtime.handle(), &shared);
    trials.extend(clients::trials(runtime.handle(), &shared, &matrix));
    let scenarios = at_once(&arguments, PER_CORE * cores());
    let together = libtest_mimic::run(&scenarios, trials);
    eprint!("{}", matrix.tables());
    let ended = runtime.block_on(shared.end());
    let drills = libtest_mimic::run(&at_once(&arguments, DRILLS), alone_trials(runtime.handle()));
    match ended {
        Err(error) => {
            eprintln!("the shared platforms did not end well: {error:#}");
            ExitCode::FAILURE
        }
        Ok(()) if together.has_failed() || drills.has_failed() => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
    }
}

/// Arguments with so many threads unless somebody says otherwise.
fn at_once(arguments: &Arguments, threads: usize) -> Arguments {
    Arguments { test_threads: arguments.test_threads.or(Some(threads)), ..arguments.clone() }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn shared_trials(handle: &Handle, shared: &Shared) -> Vec<Trial> {
    let modules: [(&str, Vec<(&str, Scenario)>); 13] = [
        ("byok", byok::scenarios()),
        ("catalogue", catalogue::scenarios()),
        ("errors", errors::scenarios()),
        ("failover", failover::scenarios()),
        ("inference", inference::scenarios()),
        ("inference_server", inference_server::scenarios()),
        ("limits", limits::scenarios()),
        ("money", money::scenarios()),
        ("replay", replay::scenarios()),
        ("presets", presets::scenarios()),
        ("routing", routing::scenarios()),
        ("shell", shell::scenarios()),
        ("skins", skins::scenarios()),
    ];
    let mut trials = Vec::new();
    for (module, scenarios) in modules {
        for (name, scenario) in scenarios {
            for topology in Topology::BOTH {
                let (handle, shared) = (handle.clone(), shared.clone());
                trials.push(Trial::test(format!("{}::{module}::{name}", topology.name()), move || {
                    handle
                        .block_on(async {
                            let platform = shared.platform(topology).await?;
                            scenario(platform).await
                        })
                        .map_err(failed)
                }));
            }
        }
    }
    trials
}

fn alone_trials(handle: &Handle) -> Vec<Trial> {
    let modules: [(&str, Vec<(&str, Alone)>); 7] = [
        ("browser", browser::scenarios()),
        ("business", business::scenarios()),
        ("lifecycle", lifecycle::scenarios()),
        ("faults", faults::scenarios()),
        ("drill", drills::scenarios()),
        ("exact", exact::scenarios()),
        ("drill::security", security::scenarios()),
    ];
    let mut trials = Vec::new();
    for (module, scenarios) in modules {
        for (name, scenario) in scenarios {
            let handle = handle.clone();
            trials.push(Trial::test(format!("{module}::{name}"), move || {
                handle.block_on(scenario()).map_err(failed)
            }));
        }
    }
    trials
}

/// Says at once what went wrong: the list at the end of a run may never come. Without a backtrace, which says less
/// and hides the rest.
pub(crate) fn failed(error: anyhow::Error) -> Failed {
    let said = format!("{error:#}");
    eprintln!("{said}");
    said.into()
}
