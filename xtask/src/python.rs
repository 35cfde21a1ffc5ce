//! Python packages that tests need: each set in a virtual environment of its own, at pinned versions.

use std::path::PathBuf;

use crate::shell::{command, root, run};

/// The interpreter that has a set of packages. `set` is a folder below `target/`.
pub(crate) fn interpreter(set: &str) -> PathBuf {
    root().join("target").join(set).join("bin/python")
}

/// Installs what a `requirements.txt` asks for; quick when it is there.
pub(crate) fn install(set: &str, requirements: &str) -> anyhow::Result<()> {
    let python = interpreter(set);
    if !python.is_file() {
        let folder = root().join("target").join(set).display().to_string();
        run(command("python3", &["-m", "venv", &folder]))?;
    }
    run(command(python, &["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements]))
}
