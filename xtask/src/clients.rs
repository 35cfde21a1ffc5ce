//! The official client libraries that the system tests drive, at the versions pinned in `tests/clients/`.

use std::path::PathBuf;

use crate::shell::{command, root, run};

/// Where Python keeps the pinned clients.
fn venv() -> PathBuf {
    root().join("target/clients/python")
}

/// Installs the clients; quick when they are there.
pub(crate) fn install() -> anyhow::Result<()> {
    let python = venv().join("bin/python");
    if !python.is_file() {
        let venv = venv().display().to_string();
        run(command("python3", &["-m", "venv", &venv]))?;
    }
    let requirements = "tests/clients/python/requirements.txt";
    run(command(python, &["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements]))?;
    run(command("npm", &["ci", "--silent", "--no-audit", "--no-fund", "--prefix", "tests/clients/node"]))
}
