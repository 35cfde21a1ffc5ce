//! Reading the whole catalogue as it stands at one moment.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{PgExecutor, PgPool};

use super::rows::{Alias, Credential, Endpoint, Model, Price, Provider, Tables};

/// Whether a snapshot is behind the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Behind {
    pub(crate) version: u64,
    /// A price took effect since the snapshot was read.
    pub(crate) price_due: bool,
}

/// Looks whether anything changed since `read_at`. One cheap statement.
pub(crate) async fn behind(pool: &PgPool, read_at: DateTime<Utc>) -> Result<Behind, sqlx::Error> {
    let row = sqlx::query!(
        r#"select number,
                  exists (
                      select 1 from catalog.price
                      where effective_at > $1 and effective_at <= statement_timestamp()
                  ) as "due!"
           from catalog.version"#,
        read_at
    )
    .fetch_one(pool)
    .await?;
    Ok(Behind { version: u64::try_from(row.number).unwrap_or(0), price_due: row.due })
}

/// Reads everything. Inside a transaction it sees that transaction's own changes.
pub(crate) async fn load(connection: impl PgExecutor<'_>) -> Result<Tables, sqlx::Error> {
    let row = sqlx::query_file!("src/store/load.sql").fetch_one(connection).await?;
    Ok(Tables {
        version: u64::try_from(row.version).unwrap_or(0),
        read_at: row.read_at,
        providers: row.providers.0,
        credentials: row.credentials.0,
        models: row.models.0,
        aliases: row.aliases.0,
        endpoints: row.endpoints.0,
        prices: row.prices.0,
    })
}
