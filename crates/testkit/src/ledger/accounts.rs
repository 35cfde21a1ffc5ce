//! What accounts have, and what edges hold of it.

use sqlx::Row as _;
use uuid::Uuid;

use super::Ledger;
use crate::Organisation;

/// One account in one window. Amounts in nano-dollars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// `credit`, `key_limit` or `budget`.
    pub kind: String,
    /// What was added: credit that was bought, or the limit of the window.
    pub added: i64,
    pub spent: i64,
    pub held: i64,
}

impl Ledger {
    /// Every account of an organisation in every window.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn balances(&self, organisation: &Organisation) -> anyhow::Result<Vec<Balance>> {
        let rows = sqlx::query("select kind, added, spent, held from report.balances where tenant_id = $1")
            .bind(Uuid::parse_str(&organisation.id)?)
            .fetch_all(&self.0)
            .await?;
        let balance = |row: &sqlx::postgres::PgRow| {
            Ok(Balance {
                kind: row.try_get("kind")?,
                added: row.try_get("added")?,
                spent: row.try_get("spent")?,
                held: row.try_get("held")?,
            })
        };
        rows.iter().map(balance).collect()
    }

    /// How many leases of an edge are open, and what they hold beyond what was consumed, in nano-dollars.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn held_by(&self, edge: &str) -> anyhow::Result<(i64, i64)> {
        let held = "select count(*), coalesce(sum(granted - consumed), 0)::bigint
            from report.leases where edge_id = $1 and state <> 'closed'";
        Ok(sqlx::query_as(held).bind(edge).fetch_one(&self.0).await?)
    }
}
