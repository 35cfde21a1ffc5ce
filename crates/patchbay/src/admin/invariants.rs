//! Whether the books are in order.

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use super::Session;
use super::shown::{Column, Shown};
use crate::say;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Shows what the last checks found, without another one
    #[arg(long)]
    kept: bool,
}

const LIST: &[Column] = &[
    ("INVARIANT", "/invariant"),
    ("BREACHES", "/breaches"),
    ("WHOLE AT", "/whole_at"),
    ("MEANING", "/meaning"),
];
const BREACHES: &[Column] = &[
    ("BROKEN", "/invariant"),
    ("TENANT", "/tenant_id"),
    ("GENERATION", "/generation_id"),
    ("DETAIL", "/detail"),
];

impl Check {
    pub(super) async fn run(self, session: &Session, json: bool) -> anyhow::Result<()> {
        let answer = session.api.get("invariants", &[("kept", self.kept.to_string())]).await?;
        let rows = |member: &str| answer[member].as_array().cloned().unwrap_or_default();
        let breaches: Vec<Value> = rows("breaches");
        let count = breaches.len();
        if json {
            say::line(serde_json::to_string_pretty(&answer)?);
        } else {
            Shown::list(rows("invariants"), LIST).print(false)?;
            if count > 0 {
                say::line("");
                Shown::list(breaches, BREACHES).print(false)?;
            }
        }
        if count > 0 {
            bail!("{count} breaches of the books' invariants");
        }
        Ok(())
    }
}
