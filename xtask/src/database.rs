//! The committed description of every query, made against a private database.

use std::fs;

use backing::ThrowAway;
use secrecy::ExposeSecret as _;

use crate::shell::{cargo, root, run};

/// The crates that query.
const QUERYING: [&str; 4] = ["pg", "edge", "router", "billing"];

/// Writes `.sqlx/`.
pub(crate) fn prepare() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = runtime.block_on(ThrowAway::start())?;
    let url = server.postgres().url();
    runtime.block_on(pg::migrate(&url))?;
    let descriptions = root().join(".sqlx");
    if descriptions.is_dir() {
        fs::remove_dir_all(&descriptions)?;
    }
    fs::create_dir_all(&descriptions)?;
    for package in QUERYING {
        // A macro runs only when its crate is compiled.
        run(cargo(&["clean", "--quiet", "--package", package]))?;
    }
    let mut check = cargo(&["check", "--workspace", "--all-targets"]);
    check.env("DATABASE_URL", url.expose_secret());
    check.env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", descriptions);
    run(check)
}
