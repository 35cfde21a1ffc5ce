//! The tiers of tests.

use crate::shell::{cargo, command, run};
use crate::{browser, clients, clocks, console, fuzz, inference_server, lint, packages};

/// What CI runs.
pub(crate) fn test() -> anyhow::Result<()> {
    packages::install()?;
    console::test()?;
    lint::all()?;
    clients::install()?;
    browser::install()?;
    inference_server::install()?;
    clocks::install();
    run(cargo(&["build", "--workspace", "--locked"]))?;
    // All at once: by itself a package wants its dependencies with other features, and so built again.
    let mut tests = cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    // They wait for databases and for each other for much of their time.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tests.env("RUST_TEST_THREADS", (2 * cores).to_string());
    run(tests)?;
    fuzz::run_in_suite()
}

/// System tests by name.
pub(crate) fn system(filter: &str) -> anyhow::Result<()> {
    packages::install()?;
    console::build()?;
    clients::install()?;
    browser::install()?;
    inference_server::install()?;
    clocks::install();
    run(cargo(&["build", "--workspace"]))?;
    run(cargo(&["test", "--workspace", "--test", "system", "--", filter]))
}

/// The drills alone, long.
pub(crate) fn drill() -> anyhow::Result<()> {
    packages::install()?;
    clients::install()?;
    clocks::install();
    run(cargo(&["build", "--workspace", "--locked"]))?;
    let mut drills = cargo(&["test", "--workspace", "--test", "system", "--locked", "--", "drill"]);
    drills.env("PATCHBAY_DRILL", "long");
    run(drills)
}

/// What grants and settlements cost, in a release build.
pub(crate) fn settlement() -> anyhow::Result<()> {
    packages::install()?;
    let measure =
        ["test", "--release", "--package", "billing", "--test", "it", "--", "--ignored", "--nocapture"];
    run(cargo(&[&measure[..], &["measure"]].concat()))
}

/// The release build beside its peers.
pub(crate) fn bench(arguments: &[String]) -> anyhow::Result<()> {
    packages::install()?;
    run(cargo(&["build", "--release", "--locked", "--package", "patchbay"]))?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(command("bench/run", &arguments))
}
