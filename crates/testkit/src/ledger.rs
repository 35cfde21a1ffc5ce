//! The books, as an auditor reads them: from the schema `report`, in the database itself.

mod accounts;
mod settled;

use std::time::Duration;

use anyhow::Context as _;
use sqlx::Row as _;
use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use uuid::Uuid;

use crate::{DevFile, Organisation};
pub use accounts::Balance;
pub use settled::Settled;

/// How long an account may take to be settled on a busy machine.
const SETTLED: Duration = Duration::from_secs(90);

/// What one generation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub nanos: i64,
    pub provider_cost_nanos: i64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub cancelled: bool,
    pub partial: bool,
    pub evidence: String,
    /// The provider's own name for its answer; `None` when nobody is left to say it.
    pub response_id: Option<String>,
}

/// Reads the books.
#[derive(Debug, Clone)]
pub struct Ledger(pub(crate) PgPool);

impl Ledger {
    pub(crate) async fn open(dev: &DevFile) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new().max_connections(4).connect(&dev.database_url).await?;
        Ok(Self(pool))
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }

    /// What a generation was charged, once it is settled.
    ///
    /// # Errors
    /// When it is never settled, or more than once.
    pub async fn charge(&self, generation: &str) -> anyhow::Result<Charge> {
        let id = uuid(generation)?;
        let deadline = tokio::time::Instant::now() + SETTLED;
        loop {
            let rows = sqlx::query(
                "select charge, provider_cost, cancelled, partial, evidence, provider_response_id,
                    input + cache_read + cache_write_5m + cache_write_1h + audio_input + image_input as prompt,
                    output + reasoning + audio_output + image_output as completion
                from report.usage where generation_id = $1",
            )
            .bind(id)
            .fetch_all(&self.0)
            .await?;
            match &rows[..] {
                [row] => return charge(row),
                [] if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                [] => anyhow::bail!("{generation} is not settled"),
                more => anyhow::bail!("{generation} is settled {} times", more.len()),
            }
        }
    }

    /// Every charge of an organisation so far.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn usage_of(&self, organisation: &Organisation) -> anyhow::Result<Vec<i64>> {
        let tenant = Uuid::parse_str(&organisation.id)?;
        let rows = sqlx::query("select charge from report.usage where tenant_id = $1")
            .bind(tenant)
            .fetch_all(&self.0)
            .await?;
        rows.iter().map(|row| Ok(row.try_get("charge")?)).collect()
    }

    /// The credit that an organisation has left, in nano-dollars, once nothing of it is held.
    ///
    /// # Errors
    /// When something stays held.
    pub async fn settled_balance(&self, organisation: &Organisation) -> anyhow::Result<i64> {
        let tenant = Uuid::parse_str(&organisation.id)?;
        let deadline = tokio::time::Instant::now() + SETTLED;
        loop {
            let row = sqlx::query(
                "select posted, held from report.balances where tenant_id = $1 and kind = 'credit'",
            )
            .bind(tenant)
            .fetch_one(&self.0)
            .await?;
            let (posted, held): (i64, i64) = (row.try_get("posted")?, row.try_get("held")?);
            if held == 0 {
                return Ok(posted);
            }
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "{held} nano-dollars stay held");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until no lease is open: everything that ran is settled and every hold is closed.
    ///
    /// # Errors
    /// When leases stay open.
    pub async fn settle_down(&self) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + SETTLED;
        loop {
            let open: i64 = sqlx::query_scalar("select count(*) from report.leases where state <> 'closed'")
                .fetch_one(&self.0)
                .await?;
            if open == 0 {
                return Ok(());
            }
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "{open} leases stay open");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn charge(row: &PgRow) -> anyhow::Result<Charge> {
    let tokens = |name: &str| -> anyhow::Result<u64> { Ok(u64::try_from(row.try_get::<i64, _>(name)?)?) };
    Ok(Charge {
        nanos: row.try_get("charge")?,
        provider_cost_nanos: row.try_get("provider_cost")?,
        prompt_tokens: tokens("prompt")?,
        completion_tokens: tokens("completion")?,
        cancelled: row.try_get("cancelled")?,
        partial: row.try_get("partial")?,
        evidence: row.try_get("evidence")?,
        response_id: row.try_get("provider_response_id")?,
    })
}

fn uuid(generation: &str) -> anyhow::Result<Uuid> {
    let hex = generation.strip_prefix("gen-").context("not a generation id")?;
    Ok(Uuid::parse_str(hex)?)
}
