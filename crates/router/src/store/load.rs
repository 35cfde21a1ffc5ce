//! Reading the whole catalogue as it stands at one moment.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

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
                  exists (select 1 from catalog.price where effective_at > $1 and effective_at <= statement_timestamp()) as "due!"
           from catalog.version"#,
        read_at
    )
    .fetch_one(pool)
    .await?;
    Ok(Behind { version: u64::try_from(row.number).unwrap_or(0), price_due: row.due })
}

/// Reads everything in one consistent view. Also the moment, by the database's clock, that it is true for.
pub(crate) async fn load_with_time(pool: &PgPool) -> Result<(Tables, DateTime<Utc>), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query!("set transaction isolation level repeatable read, read only")
        .execute(&mut *transaction)
        .await?;
    let read_at = sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(&mut *transaction).await?;
    let tables = load(&mut transaction).await?;
    transaction.commit().await?;
    Ok((tables, read_at))
}

/// Reads everything within a transaction, its own changes included.
pub(crate) async fn load(connection: &mut PgConnection) -> Result<Tables, sqlx::Error> {
    let version =
        sqlx::query_scalar!("select number from catalog.version").fetch_one(&mut *connection).await?;
    let providers = sqlx::query_scalar!(
        r#"select to_jsonb(p) as "row!: Json<Provider>" from catalog.provider p order by slug"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let models = sqlx::query_scalar!(
        r#"select to_jsonb(m) as "row!: Json<Model>" from catalog.model m order by slug"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let aliases = sqlx::query_scalar!(
        r#"select to_jsonb(a) as "row!: Json<Alias>" from catalog.alias a order by alias"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let endpoints = sqlx::query_scalar!(
        r#"select to_jsonb(e) as "row!: Json<Endpoint>" from catalog.endpoint e order by model, tag"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let prices = sqlx::query_scalar!(
        r#"select distinct on (endpoint_id) to_jsonb(p) as "row!: Json<Price>"
           from catalog.price p
           where effective_at <= statement_timestamp()
           order by endpoint_id, effective_at desc, created_at desc, id desc"#
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok(Tables {
        version: u64::try_from(version).unwrap_or(0),
        providers: plain(providers),
        credentials: credentials(connection).await?,
        models: plain(models),
        aliases: plain(aliases),
        endpoints: plain(endpoints),
        prices: plain(prices),
    })
}

async fn credentials(connection: &mut PgConnection) -> Result<Vec<Credential>, sqlx::Error> {
    let rows = sqlx::query!(
        "select distinct on (provider) id, provider, sealed, hint, source
         from catalog.credential
         order by provider, created_at desc, id desc"
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Credential {
            id: identity::CredentialId::from_uuid(row.id),
            provider: row.provider,
            sealed: row.sealed,
            hint: row.hint,
            source: row.source,
        })
        .collect())
}

fn plain<T>(rows: Vec<Json<T>>) -> Vec<T> {
    rows.into_iter().map(|Json(row)| row).collect()
}
