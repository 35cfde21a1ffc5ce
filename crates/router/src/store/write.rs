//! Changing the catalogue. Every function works inside the caller's transaction; whole tables' worth of rows
//! go in one statement.

use chrono::{DateTime, Utc};
use identity::PriceVersionId;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::rows::{Alias, Credential, Endpoint, Model, Price, Provider};

/// Rows to write, each new or in place of the one that goes by the same key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writes {
    pub(crate) providers: Vec<Provider>,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) models: Vec<Model>,
    pub(crate) aliases: Vec<Alias>,
    /// Names that no longer stand for anything.
    pub(crate) removed_aliases: Vec<String>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) prices: Vec<NewPrice>,
    /// Prices that do not take effect after all.
    pub(crate) withdrawn_prices: Vec<Withdrawal>,
}

/// A price version to add.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NewPrice {
    #[serde(flatten)]
    pub(crate) price: Price,
    /// `None` = at once.
    pub(crate) effective_at: Option<DateTime<Utc>>,
}

/// That a price does not take effect after all, by whose word.
#[derive(Debug, Clone)]
pub(crate) struct Withdrawal {
    pub(crate) price_id: PriceVersionId,
    pub(crate) actor: String,
}

impl From<Price> for NewPrice {
    fn from(price: Price) -> Self {
        Self { price, effective_at: None }
    }
}

impl Writes {
    pub(crate) fn is_empty(&self) -> bool {
        self.providers.is_empty()
            && self.credentials.is_empty()
            && self.models.is_empty()
            && self.aliases.is_empty()
            && self.removed_aliases.is_empty()
            && self.endpoints.is_empty()
            && self.prices.is_empty()
            && self.withdrawn_prices.is_empty()
    }
}

/// Writes all of it.
pub(crate) async fn write(connection: &mut PgConnection, writes: &Writes) -> Result<(), sqlx::Error> {
    put_providers(connection, &writes.providers).await?;
    for credential in &writes.credentials {
        add_credential(connection, credential).await?;
    }
    put_models(connection, &writes.models).await?;
    remove_aliases(connection, &writes.removed_aliases).await?;
    put_aliases(connection, &writes.aliases).await?;
    put_endpoints(connection, &writes.endpoints).await?;
    add_prices(connection, &writes.prices).await?;
    for withdrawal in &writes.withdrawn_prices {
        withdraw_price(connection, withdrawal).await?;
    }
    Ok(())
}

/// One line of the record of changes.
#[derive(Debug, Clone)]
pub(crate) struct Change<'a> {
    pub(crate) actor: &'a str,
    pub(crate) action: &'static str,
    pub(crate) subject: &'a str,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// Lets a transaction pause for as long as a busy machine takes to go through the whole catalogue.
pub(crate) async fn take_time(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("set local idle_in_transaction_session_timeout = '60s'").execute(connection).await?;
    Ok(())
}

/// Waits for other writers to finish; they wait for us from here on.
pub(crate) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select number from catalog.version for update").fetch_one(connection).await?;
    Ok(())
}

/// Raises the version, which tells every router when the transaction commits.
pub(crate) async fn next_version(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let number = sqlx::query_scalar!(
        "update catalog.version set number = number + 1, changed_at = now() returning number"
    )
    .fetch_one(connection)
    .await?;
    Ok(u64::try_from(number).unwrap_or(0))
}

pub(crate) async fn record(
    connection: &mut PgConnection,
    version: u64,
    change: Change<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into catalog.change (version, actor, action, subject, before, after)
         values ($1, $2, $3, $4, $5, $6)",
        i64::try_from(version).unwrap_or(i64::MAX),
        change.actor,
        change.action,
        change.subject,
        change.before,
        change.after
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_providers(connection: &mut PgConnection, rows: &[Provider]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into catalog.provider
         select * from jsonb_populate_recordset(null::catalog.provider, $1)
         on conflict (slug) do update set
            name = excluded.name, dialect = excluded.dialect, base_url = excluded.base_url,
            credential_env = excluded.credential_env, credential_required = excluded.credential_required,
            quirks = excluded.quirks, cancel_stops_billing = excluded.cancel_stops_billing,
            collects_data = excluded.collects_data, zero_data_retention = excluded.zero_data_retention,
            headquarters = excluded.headquarters, datacenters = excluded.datacenters,
            privacy_policy_url = excluded.privacy_policy_url,
            terms_of_service_url = excluded.terms_of_service_url,
            status_page_url = excluded.status_page_url,
            simulated = excluded.simulated, disabled = excluded.disabled, connect_ms = excluded.connect_ms,
            first_token_ms = excluded.first_token_ms, stall_ms = excluded.stall_ms,
            total_ms = excluded.total_ms, seeded = excluded.seeded",
        json(rows)?
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_models(connection: &mut PgConnection, rows: &[Model]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into catalog.model
         select * from jsonb_populate_recordset(null::catalog.model, $1)
         on conflict (slug) do update set
            canonical_slug = excluded.canonical_slug, name = excluded.name, created = excluded.created,
            context_length = excluded.context_length, max_output = excluded.max_output,
            input_modalities = excluded.input_modalities, output_modalities = excluded.output_modalities,
            supported_parameters = excluded.supported_parameters, tokenizer = excluded.tokenizer,
            hugging_face_id = excluded.hugging_face_id, quirks = excluded.quirks,
            family = excluded.family, distillable = excluded.distillable,
            knowledge_cutoff = excluded.knowledge_cutoff, default_parameters = excluded.default_parameters,
            scores = excluded.scores, scores_source = excluded.scores_source,
            first_token_ms = excluded.first_token_ms, disabled = excluded.disabled, seeded = excluded.seeded",
        json(rows)?
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds aliases. One that another model has already is an error of the class conflict.
async fn put_aliases(connection: &mut PgConnection, rows: &[Alias]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into catalog.alias
         select * from jsonb_populate_recordset(null::catalog.alias, $1)
         on conflict (alias) do nothing",
        json(rows)?
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_endpoints(connection: &mut PgConnection, rows: &[Endpoint]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into catalog.endpoint
         select * from jsonb_populate_recordset(null::catalog.endpoint, $1)
         on conflict (id) do update set
            provider = excluded.provider, provider_model = excluded.provider_model, tag = excluded.tag,
            dialect = excluded.dialect, context_length = excluded.context_length,
            max_output = excluded.max_output, quantization = excluded.quantization, quirks = excluded.quirks,
            service_tier = excluded.service_tier, region = excluded.region,
            collects_data = excluded.collects_data, zero_data_retention = excluded.zero_data_retention,
            supported_parameters = excluded.supported_parameters,
            implicit_caching = excluded.implicit_caching,
            deprecation_date = excluded.deprecation_date, disabled = excluded.disabled,
            connect_ms = excluded.connect_ms, first_token_ms = excluded.first_token_ms,
            stall_ms = excluded.stall_ms, total_ms = excluded.total_ms, seeded = excluded.seeded",
        json(rows)?
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn remove_aliases(connection: &mut PgConnection, aliases: &[String]) -> Result<(), sqlx::Error> {
    if aliases.is_empty() {
        return Ok(());
    }
    sqlx::query!("delete from catalog.alias where alias = any($1)", aliases).execute(connection).await?;
    Ok(())
}

async fn add_prices(connection: &mut PgConnection, rows: &[NewPrice]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into catalog.price (id, endpoint_id, book, source, effective_at)
         select id, endpoint_id, book, source, coalesce(effective_at, clock_timestamp())
         from jsonb_populate_recordset(null::catalog.price, $1)",
        json(rows)?
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn withdraw_price(connection: &mut PgConnection, withdrawal: &Withdrawal) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into catalog.price_withdrawal (price_id, actor) values ($1, $2)",
        withdrawal.price_id.uuid(),
        withdrawal.actor
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn add_credential(connection: &mut PgConnection, credential: &Credential) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into catalog.credential (id, provider, sealed, hint, source) values ($1, $2, $3, $4, $5)",
        credential.id.uuid(),
        credential.provider,
        credential.sealed,
        credential.hint,
        credential.source
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn json<T: Serialize>(rows: &[T]) -> Result<Value, sqlx::Error> {
    serde_json::to_value(rows).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}
