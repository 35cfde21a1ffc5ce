//! Importing the shipped catalogue: again and again, without undoing what operators changed.

mod file;
mod merge;

use std::collections::{HashMap, HashSet};

use identity::{CredentialId, MasterKey, PriceVersionId};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use sqlx::PgPool;

use crate::app::check_jump;
use crate::catalogue::Catalogue;
use crate::store::{self, Change, Writes, rows};
use crate::{Error, TimeoutConfig};
use file::File;
use merge::{first, merge};

/// Where a model remembers which aliases were shipped with it.
const ALIASES: &str = "aliases";
/// What `source` says of prices and credentials that a seed wrote.
const PRICE_SOURCE: &str = "catalogue";
const CREDENTIAL_SOURCE: &str = "seed";

/// What a start of the program knows better than the shipped catalogue.
#[derive(Debug, Clone)]
pub struct ProviderOverride {
    /// Provider slug.
    pub provider: String,
    pub base_url: Option<String>,
    pub credential: Option<SecretString>,
    /// Whether a simulator stands in for it; it is then spoken to in [`KnownProvider::dialect`].
    pub simulated: bool,
}

/// A provider of the shipped catalogue, for whoever looks for its credential or simulates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownProvider {
    pub slug: String,
    pub name: String,
    /// What a simulator of it speaks: `openai`, `anthropic` or `gemini`.
    pub dialect: String,
    /// The environment variable that holds its credential, such as `OPENAI_API_KEY`.
    pub credential_env: String,
}

/// How many rows a seed wrote, by table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeedReport {
    pub providers: usize,
    pub credentials: usize,
    pub models: usize,
    pub aliases: usize,
    pub endpoints: usize,
    pub prices: usize,
    /// The catalogue's version afterwards.
    pub version: u64,
}

impl SeedReport {
    fn changed(&self) -> bool {
        self.providers + self.credentials + self.models + self.aliases + self.endpoints + self.prices > 0
    }
}

/// The providers of the shipped catalogue.
///
/// # Errors
/// [`Error::Shipped`] when the shipped file is malformed, which its test rules out.
pub fn known_providers() -> Result<Vec<KnownProvider>, Error> {
    let known = |provider: file::Provider| KnownProvider {
        dialect: provider.simulated_dialect().to_owned(),
        slug: provider.slug,
        name: provider.name,
        credential_env: provider.credential_env,
    };
    Ok(File::shipped()?.providers.into_iter().map(known).collect())
}

/// The base URL of a provider of the shipped catalogue.
pub(crate) fn shipped_base_url(provider: &str) -> Result<Option<String>, Error> {
    let found = File::shipped()?.providers.into_iter().find(|known| known.slug == provider);
    Ok(found.map(|known| known.base_url))
}

/// Imports the shipped catalogue into Postgres. Idempotent; keeps what operators changed. An override wins
/// over what an earlier seed wrote, not over an operator.
///
/// # Errors
/// [`Error`] when the database is away, or the outcome would be no valid catalogue; nothing is half done.
pub async fn seed(
    pool: &PgPool,
    master_key: &MasterKey,
    overrides: &[ProviderOverride],
) -> Result<SeedReport, Error> {
    let file = File::shipped()?;
    let mut transaction = pool.begin().await?;
    store::take_time(&mut transaction).await?;
    store::lock(&mut transaction).await?;
    let tables = store::load(&mut *transaction).await?;
    let mut work = Writes::default();
    plan_providers(&file, &tables, overrides, master_key, &mut work)?;
    plan_models(&file, &tables, &mut work)?;
    let mut report = SeedReport {
        providers: work.providers.len(),
        credentials: work.credentials.len(),
        models: work.models.len(),
        aliases: work.aliases.len(),
        endpoints: work.endpoints.len(),
        prices: work.prices.len(),
        version: tables.version,
    };
    if !report.changed() {
        return Ok(report);
    }
    store::write(&mut transaction, &work).await?;
    Catalogue::build(tables.with(work), TimeoutConfig::default())?;
    report.version = store::next_version(&mut transaction).await?;
    let after = serde_json::json!({
        "providers": report.providers, "credentials": report.credentials, "models": report.models,
        "aliases": report.aliases, "endpoints": report.endpoints, "prices": report.prices,
    });
    let change =
        Change { actor: "seed", action: "seed", subject: "catalogue", before: None, after: Some(after) };
    store::record(&mut transaction, report.version, change).await?;
    transaction.commit().await?;
    Ok(report)
}

fn plan_providers(
    file: &File,
    tables: &rows::Tables,
    overrides: &[ProviderOverride],
    master_key: &MasterKey,
    work: &mut Writes,
) -> Result<(), Error> {
    if let Some(stray) =
        overrides.iter().find(|given| !file.providers.iter().any(|known| known.slug == given.provider))
    {
        return Err(Error::NotFound { kind: "provider", name: stray.provider.clone() });
    }
    for provider in &file.providers {
        let given = overrides.iter().find(|given| given.provider == provider.slug);
        let mut row = provider.row();
        if let Some(given) = given {
            row.simulated = given.simulated;
            if given.simulated {
                provider.simulated_dialect().clone_into(&mut row.dialect);
            }
            if let Some(base_url) = &given.base_url {
                row.base_url.clone_from(base_url);
                row.credential_required = given.credential.is_some();
            }
        }
        match tables.providers.iter().find(|current| current.slug == row.slug) {
            Some(current) => work.providers.extend(merge(current, &row, &[], Map::new())?),
            None => work.providers.push(first(&row, &[], Map::new())?),
        }
        let secret = given.and_then(|given| given.credential.as_ref());
        let held = tables.credentials.iter().find(|held| held.provider == provider.slug);
        if let Some(secret) = secret
            && !stands(held, secret, master_key)
        {
            work.credentials.push(sealed(&provider.slug, secret, CREDENTIAL_SOURCE, master_key)?);
        }
    }
    Ok(())
}

/// Whether the credential that is held stays: an operator set it, or it is the same.
fn stands(held: Option<&rows::Credential>, secret: &SecretString, master_key: &MasterKey) -> bool {
    held.is_some_and(|held| {
        held.source != CREDENTIAL_SOURCE
            || master_key
                .open(&held.sealed, &held.id.to_string())
                .is_ok_and(|plain| plain.expose_secret() == secret.expose_secret())
    })
}

/// A new credential, sealed for its own id.
pub(crate) fn sealed(
    provider: &str,
    secret: &SecretString,
    source: &str,
    master_key: &MasterKey,
) -> Result<rows::Credential, Error> {
    let id = CredentialId::generate();
    let plain = secret.expose_secret();
    let length = plain.chars().count();
    // A short secret shows nothing of itself.
    let hint = if length < 12 { String::new() } else { plain.chars().skip(length - 4).collect() };
    Ok(rows::Credential {
        id,
        provider: provider.to_owned(),
        sealed: master_key.seal(plain, &id.to_string())?,
        hint,
        source: source.to_owned(),
    })
}

fn plan_models(file: &File, tables: &rows::Tables, work: &mut Writes) -> Result<(), Error> {
    let models: HashMap<&str, &rows::Model> =
        tables.models.iter().map(|row| (row.slug.as_str(), row)).collect();
    let endpoints: HashMap<(&str, &str), &rows::Endpoint> =
        tables.endpoints.iter().map(|row| ((row.model.as_str(), row.tag.as_str()), row)).collect();
    let prices: HashMap<identity::EndpointId, &rows::Price> =
        tables.prices.iter().map(|row| (row.endpoint_id, row)).collect();
    let mut taken: HashSet<&str> = tables.aliases.iter().map(|row| row.alias.as_str()).collect();
    taken.extend(tables.models.iter().flat_map(|row| [row.slug.as_str(), row.canonical_slug.as_str()]));
    for model in &file.models {
        let beside = Map::from_iter([(ALIASES.to_owned(), Value::from(model.aliases.clone()))]);
        let seeded = models.get(model.slug.as_str()).and_then(|row| row.seeded.as_ref()?.get(ALIASES));
        let seeded_aliases: Vec<&str> =
            seeded.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        match models.get(model.slug.as_str()) {
            Some(current) => work.models.extend(merge(*current, &model.row(), &[], beside)?),
            None => work.models.push(first(&model.row(), &[], beside)?),
        }
        // One that an earlier seed wrote and that is gone was removed by an operator.
        let shipped = model.aliases.iter().filter(|alias| !seeded_aliases.contains(&alias.as_str()));
        let new = shipped.filter(|alias| taken.insert(alias));
        work.aliases.extend(new.map(|alias| rows::Alias { alias: alias.clone(), model: model.slug.clone() }));
        for endpoint in &model.endpoints {
            let row = endpoint.row(&model.slug);
            let id = match endpoints.get(&(model.slug.as_str(), endpoint.tag.as_str())) {
                Some(current) => {
                    work.endpoints.extend(merge(*current, &row, &["id"], Map::new())?);
                    current.id
                }
                None => {
                    let row = first(&row, &["id"], Map::new())?;
                    let id = row.id;
                    work.endpoints.push(row);
                    id
                }
            };
            let book = endpoint.price()?;
            let stands = prices.get(&id).is_some_and(|held| held.source != PRICE_SOURCE || held.book == book);
            if !stands {
                let held = prices.get(&id);
                if let Some(Err(jump)) = held.map(|held| check_jump(&held.book, &book)) {
                    // What ships is ours to change, but a slip of a digit should be seen.
                    tracing::warn!(model.slug = model.slug, endpoint.tag = endpoint.tag, %jump, "a shipped price jumps");
                }
                let price_id = PriceVersionId::generate();
                let source = PRICE_SOURCE.to_owned();
                work.prices.push(rows::Price { id: price_id, endpoint_id: id, book, source }.into());
            }
        }
    }
    Ok(())
}
