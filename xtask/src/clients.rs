//! The official client libraries that the system tests drive, at the versions pinned in `tests/clients/`.

use crate::python;
use crate::shell::{command, run};

/// Installs the clients; quick when they are there.
pub(crate) fn install() -> anyhow::Result<()> {
    python::install("clients/python", "tests/clients/python/requirements.txt")?;
    // LangChain's integration holds on to an older one.
    python::install("clients/openrouter", "tests/clients/python/requirements-openrouter.txt")?;
    // It makes up requests from OpenAPI documents.
    python::install("clients/schemathesis", "tests/clients/python/requirements-schemathesis.txt")?;
    run(command("npm", &["ci", "--silent", "--no-audit", "--no-fund", "--prefix", "tests/clients/node"]))
}
