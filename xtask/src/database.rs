//! The committed description of every query, made against a private database.

use crate::shell::{cargo, root, run};

/// Writes `.sqlx/`.
pub(crate) fn prepare() -> anyhow::Result<()> {
    anyhow::bail!("not built: {}", root().display()).or_else(|error: anyhow::Error| {
        run(cargo(&["--version"]))?;
        Err(error)
    })
}
