//! The web console: what npm checks, tests and builds.

use anyhow::Context as _;

use crate::shell::{command, run};

/// Installs its packages as they are locked, checks and tests it, and builds what edges serve and browsers are driven over.
pub(crate) fn test() -> anyhow::Result<()> {
    for arguments in
        [&["ci", "--silent", "--no-audit", "--no-fund"][..], &["run", "check"], &["test"], &["run", "build"]]
    {
        npm(arguments)?;
    }
    Ok(())
}

/// Builds it unless it is what its sources say.
pub(crate) fn build() -> anyhow::Result<()> {
    let state = command("node", &["console/scripts/state.mjs"]).output().context("node cannot be run")?;
    let state: serde_json::Value = serde_json::from_slice(&state.stdout).unwrap_or_default();
    if state["isCurrent"] == true {
        return Ok(());
    }
    if state["hasPackages"] != true {
        npm(&["ci", "--silent", "--no-audit", "--no-fund"])?;
    }
    npm(&["run", "build"])
}

fn npm(arguments: &[&str]) -> anyhow::Result<()> {
    run(command("npm", &[&["--prefix", "console"], arguments].concat()))
}
