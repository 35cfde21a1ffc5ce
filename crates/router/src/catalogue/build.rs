//! From tables to a snapshot, checking everything on the way.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use chrono::{NaiveDate, NaiveTime};
use dialect::canonical::Operation;
use dialect::client::Dialect;
use dialect::codec::{DIALECTS, Target, adapter};
use pricing::Class;
use rpc::router::{Attempt, Timeouts};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Capabilities, Catalogue, Endpoint, Modalities, Model, Operations, Parameters, Place, Schedule, Tier, rank,
};
use crate::TimeoutConfig;
use crate::choose::Reason;
use crate::health::Key;
use crate::store::rows;

/// Why tables are no catalogue. Names the row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the base URL of provider `{provider}` is unusable: {reason}")]
    BaseUrl { provider: String, reason: &'static str },
    #[error("`{0}` is an alias and a model, or an alias of two models")]
    Name(String),
    #[error("`{holder}` refers to `{name}`, which does not exist")]
    Dangling { holder: String, name: String },
    #[error("the price of endpoint `{model}` at `{tag}` cannot be read")]
    Price { model: String, tag: String },
    #[error("model `{0}` has no modalities")]
    Modalities(String),
    #[error("the catalogue lost all of its models")]
    Emptied,
}

/// Rows by what they are looked up by.
struct Index<'a> {
    providers: HashMap<&'a str, &'a rows::Provider>,
    credentials: HashMap<&'a str, &'a rows::Credential>,
    prices: HashMap<identity::EndpointId, &'a rows::Price>,
}

impl Catalogue {
    /// Builds the snapshot of `tables`.
    ///
    /// # Errors
    /// [`Invalid`] with the first row that breaks a rule.
    pub(crate) fn build(tables: rows::Tables, defaults: TimeoutConfig) -> Result<Self, Invalid> {
        for provider in &tables.providers {
            check_base_url(&provider.base_url)
                .map_err(|reason| Invalid::BaseUrl { provider: provider.slug.clone(), reason })?;
        }
        let mut parameters = Parameters::default();
        let own = tables.endpoints.iter().filter_map(|endpoint| endpoint.supported_parameters.as_ref());
        let models = tables.models.iter().map(|model| &model.supported_parameters);
        models.chain(own).flatten().for_each(|name| parameters.learn(name));
        let index = Index {
            providers: tables.providers.iter().map(|row| (row.slug.as_str(), row)).collect(),
            credentials: tables.credentials.iter().map(|row| (row.provider.as_str(), row)).collect(),
            prices: tables.prices.iter().map(|row| (row.endpoint_id, row)).collect(),
        };
        let mut by_model: HashMap<&str, Vec<&rows::Endpoint>> = HashMap::new();
        for endpoint in &tables.endpoints {
            by_model.entry(&endpoint.model).or_default().push(endpoint);
        }
        let (mut models, mut endpoints) = (Vec::new(), Vec::new());
        for row in &tables.models {
            if row.output_modalities.is_empty() {
                return Err(Invalid::Modalities(row.slug.clone()));
            }
            let start = endpoints.len();
            for offer in by_model.remove(row.slug.as_str()).unwrap_or_default() {
                endpoints.push(endpoint(offer, row, &index, &parameters, defaults)?);
            }
            models.push(model(row, &endpoints, start..endpoints.len()));
        }
        if let Some(orphan) = by_model.values().flatten().next() {
            return Err(Invalid::Dangling { holder: orphan.id.to_string(), name: orphan.model.clone() });
        }
        rank::estimate(&mut models);
        let names = names(&tables.models, &tables.aliases)?;
        Ok(Self {
            version: tables.version,
            latest: latest(&models, &names)?,
            by_price: rank::by_price(&models),
            by_floor: rank::by_floor(&models),
            places: Place::all(&models, &endpoints),
            names,
            models,
            endpoints,
            providers: tables.providers,
            credentials: tables.credentials,
            aliases: tables.aliases,
            parameters,
        })
    }
}

fn model(row: &rows::Model, all: &[Endpoint], endpoints: Range<usize>) -> Model {
    let offers = all.get(endpoints.clone()).unwrap_or_default();
    let usual = offers.iter().filter(|endpoint| endpoint.unusable.is_none() && endpoint.tier.is_none());
    let cheapest = usual.filter_map(|endpoint| Some(endpoint.prices.offers().first()?.blended.at(0))).min();
    Model {
        row: row.clone(),
        operations: Operations::of(&row.output_modalities),
        outputs: Modalities::of(row.output_modalities.iter().map(String::as_str)),
        cheapest,
        floor: rank::floor(offers),
        by_least: rank::by_least(offers, endpoints.start),
        is_free: rank::is_free(offers),
        estimated_score: 0,
        endpoints,
    }
}

/// The newest callable model of each family. Variants stand for themselves alone.
fn latest(models: &[Model], names: &HashMap<Box<str>, usize>) -> Result<HashMap<Box<str>, usize>, Invalid> {
    let mut latest: HashMap<Box<str>, usize> = HashMap::new();
    for (at, model) in models.iter().enumerate() {
        let Some(family) = model.row.family.as_deref().filter(|_| model.variant().is_none()) else {
            continue;
        };
        let alias: Box<str> = format!("~{}/{family}-latest", model.author()).into();
        if names.contains_key(&alias) {
            return Err(Invalid::Name(alias.into()));
        }
        let is_newer = latest.get(&alias).and_then(|held| models.get(*held)).is_none_or(|held| {
            // A model that cannot be called is named only while the family has none that can.
            let rank = |model: &Model| (model.cheapest.is_some(), model.row.created);
            (rank(held), versions(held.slug())) < (rank(model), versions(model.slug()))
        });
        if is_newer {
            latest.insert(alias, at);
        }
    }
    Ok(latest)
}

/// The numbers in a slug, by which models of one day are told apart. They are decimals: `grok-4.20` is older
/// than `grok-4.3`.
fn versions(slug: &str) -> Vec<f64> {
    let parts = slug.split(|c: char| !c.is_ascii_digit() && c != '.');
    parts.filter_map(|digits| digits.trim_matches('.').parse().ok()).collect()
}

fn endpoint(
    row: &rows::Endpoint,
    model: &rows::Model,
    index: &Index<'_>,
    parameters: &Parameters,
    defaults: TimeoutConfig,
) -> Result<Endpoint, Invalid> {
    let dangling = || Invalid::Dangling { holder: row.id.to_string(), name: row.provider.clone() };
    let provider = *index.providers.get(row.provider.as_str()).ok_or_else(dangling)?;
    // A simulator is never shown a real credential.
    let credential = index.credentials.get(row.provider.as_str()).copied().filter(|_| !provider.simulated);
    let prices = match index.prices.get(&row.id) {
        None => Schedule::default(),
        Some(price) => Schedule::read(price.id, &price.book)
            .ok_or_else(|| Invalid::Price { model: row.model.clone(), tag: row.tag.clone() })?,
    };
    let supported = supported(model, provider, row);
    let quirks = quirks(provider, model, row);
    let operations = operations(row, model, provider, &quirks);
    let hides_reasoning = quirks.get("hides_reasoning") == Some(&Value::Bool(true))
        && supported.iter().any(|name| name == "reasoning");
    let takes = (!supported.is_empty()).then(|| parameters.set(supported.iter().map(String::as_str)));
    let inputs = Modalities::of(model.input_modalities.iter().map(String::as_str));
    Ok(Endpoint {
        id: row.id,
        key: Key { endpoint: row.id.uuid(), credential: credential.map_or(Uuid::nil(), |row| row.id.uuid()) },
        unusable: unusable(row, model, provider, &quirks, (credential.is_some(), !prices.is_empty())),
        context_length: row.context_length,
        max_output: row.max_output.or(model.max_output),
        inputs,
        outputs: Modalities::of(model.output_modalities.iter().map(String::as_str)),
        operations,
        parameters: takes,
        capabilities: Capabilities::of(takes, parameters, inputs, spoken(row, provider)),
        retires_ms: row.deprecation_date.as_deref().and_then(end_of_day),
        collects_data: row.collects_data.or(provider.collects_data).unwrap_or(true),
        zero_data_retention: row.zero_data_retention.unwrap_or(provider.zero_data_retention),
        tier: row.service_tier.as_deref().and_then(Tier::named),
        distillable: model.distillable.unwrap_or(false),
        credential: credential.map(|row| row.id),
        attempt: Attempt {
            endpoint_id: row.id.to_string(),
            credential_id: credential.map(|row| row.id.to_string()).unwrap_or_default(),
            model: model.slug.clone(),
            provider: provider.slug.clone(),
            provider_name: provider.name.clone(),
            provider_model: row.provider_model.clone(),
            base_url: provider.base_url.trim_end_matches('/').to_owned(),
            dialect: spoken(row, provider).to_owned(),
            quirks_json: Value::Object(quirks).to_string(),
            sealed_credential: credential.map(|row| row.sealed.clone().into()).unwrap_or_default(),
            price: None,
            timeouts: Some(timeouts(row, model, provider, defaults)),
            cancel_stops_billing: provider.cancel_stops_billing,
            context_length: row.context_length,
            max_output: row.max_output.or(model.max_output),
            supported_parameters: supported,
            simulated: provider.simulated,
            tag: row.tag.clone(),
            outputs_media: model.output_modalities.iter().any(|kind| kind == "image" || kind == "audio"),
            probe: false,
            service_tier: row.service_tier.clone().unwrap_or_default(),
            region: row.region.clone().unwrap_or_default(),
            is_byok: false,
            caches: caches(&prices),
            markup_basis_points: 0,
            can_stop: provider.cancel_stops_billing && !hides_reasoning,
        },
        prices,
        row: row.clone(),
    })
}

/// The dialect an endpoint is spoken to in. A simulated one knows its provider's alone.
fn spoken<'a>(row: &'a rows::Endpoint, provider: &'a rows::Provider) -> &'a str {
    row.dialect.as_deref().filter(|_| !provider.simulated).unwrap_or(&provider.dialect)
}

fn unusable(
    row: &rows::Endpoint,
    model: &rows::Model,
    provider: &rows::Provider,
    quirks: &Map<String, Value>,
    (has_credential, has_price): (bool, bool),
) -> Option<Reason> {
    if row.disabled || model.disabled || provider.disabled {
        Some(Reason::Disabled)
    } else if !DIALECTS.contains(&spoken(row, provider)) {
        Some(Reason::UnsupportedDialect)
    } else if !has_credential && has_blanks(&provider.base_url, quirks) {
        Some(Reason::NotConfigured)
    } else if provider.credential_required && !has_credential {
        Some(Reason::NoCredential)
    } else if has_price {
        None
    } else {
        Some(Reason::NoPrice)
    }
}

/// The end of a day `YYYY-MM-DD` in Unix milliseconds. `None` when it is no such day.
fn end_of_day(date: &str) -> Option<u64> {
    let next = date.parse::<NaiveDate>().ok()?.succ_opt()?;
    u64::try_from(next.and_time(NaiveTime::MIN).and_utc().timestamp_millis()).ok()
}

/// Whether a prompt read from the provider's cache is cheaper than one read anew.
fn caches(prices: &Schedule) -> bool {
    prices.offers().iter().any(|offer| {
        let listed = |class| offer.book.base.listed(class);
        listed(Class::CacheRead).zip(listed(Class::Input)).is_some_and(|(cached, fresh)| cached < fresh)
    })
}

/// The model's or the endpoint's own parameters less those that provider or endpoint drop.
fn supported(model: &rows::Model, provider: &rows::Provider, row: &rows::Endpoint) -> Vec<String> {
    let drops = |quirks: &Map<String, Value>, name: &str| {
        quirks
            .get("drop")
            .and_then(Value::as_array)
            .is_some_and(|names| names.iter().any(|drop| drop == name))
    };
    let kept = |name: &&String| !drops(&provider.quirks, name) && !drops(&row.quirks, name);
    row.supported_parameters
        .as_ref()
        .unwrap_or(&model.supported_parameters)
        .iter()
        .filter(kept)
        .cloned()
        .collect()
}

/// Provider's, then model's, then endpoint's deviations; the later wins member by member.
fn quirks(provider: &rows::Provider, model: &rows::Model, row: &rows::Endpoint) -> Map<String, Value> {
    let mut merged = provider.quirks.clone();
    for (name, value) in model.quirks.iter().chain(&row.quirks) {
        merged.insert(name.clone(), value.clone());
    }
    merged
}

/// What of a model's work an endpoint's dialect can ask for.
fn operations(
    row: &rows::Endpoint,
    model: &rows::Model,
    provider: &rows::Provider,
    quirks: &Map<String, Value>,
) -> Operations {
    let target = Target {
        model: &model.slug,
        provider: &provider.slug,
        provider_model: &row.provider_model,
        max_output: None,
        supported_parameters: &[],
        service_tier: row.service_tier.as_deref().unwrap_or_default(),
        quirks,
    };
    let speaks = |operation: &Operation| {
        let client = Dialect::of(*operation);
        adapter(spoken(row, provider), *operation, client, &target).is_some()
    };
    Operations::of(&model.output_modalities).iter().filter(speaks).collect()
}

/// Whether a base URL waits for a name that only a credential could fill in.
fn has_blanks(base_url: &str, quirks: &Map<String, Value>) -> bool {
    let names = base_url.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    names.into_iter().any(|(name, _)| !quirks.get(name).is_some_and(Value::is_string))
}

fn timeouts(
    row: &rows::Endpoint,
    model: &rows::Model,
    provider: &rows::Provider,
    defaults: TimeoutConfig,
) -> Timeouts {
    let (own, general) = (row.timeouts, provider.timeouts);
    Timeouts {
        connect_ms: own.connect_ms.or(general.connect_ms).unwrap_or(defaults.connect_ms),
        first_token_ms: own
            .first_token_ms
            .or(general.first_token_ms)
            .or(model.first_token_ms)
            .unwrap_or(defaults.first_token_ms),
        stall_ms: own.stall_ms.or(general.stall_ms).unwrap_or(defaults.stall_ms),
        total_ms: own.total_ms.or(general.total_ms).unwrap_or(defaults.total_ms),
    }
}

/// Every name a model answers to. A bare name, without the author, counts where only one model has it.
fn names(models: &[rows::Model], aliases: &[rows::Alias]) -> Result<HashMap<Box<str>, usize>, Invalid> {
    let mut names: HashMap<Box<str>, usize> = HashMap::new();
    for (at, model) in models.iter().enumerate() {
        names.insert(model.slug.as_str().into(), at);
    }
    for (at, model) in models.iter().enumerate() {
        match names.insert(model.canonical_slug.as_str().into(), at) {
            Some(other) if other != at => return Err(Invalid::Name(model.canonical_slug.clone())),
            _ => {}
        }
    }
    for alias in aliases {
        let at = names
            .get(alias.model.as_str())
            .copied()
            .ok_or_else(|| Invalid::Dangling { holder: alias.alias.clone(), name: alias.model.clone() })?;
        if names.insert(alias.alias.as_str().into(), at).is_some_and(|other| other != at) {
            return Err(Invalid::Name(alias.alias.clone()));
        }
    }
    add_bare_names(&mut names);
    Ok(names)
}

fn add_bare_names(names: &mut HashMap<Box<str>, usize>) {
    let (mut bare, mut shared): (HashMap<Box<str>, usize>, HashSet<Box<str>>) = Default::default();
    for (name, at) in names.iter() {
        if let Some((_, tail)) = name.split_once('/')
            && bare.insert(tail.into(), *at).is_some_and(|other| other != *at)
        {
            shared.insert(tail.into());
        }
    }
    names.extend(bare.into_iter().filter(|(tail, _)| !shared.contains(tail)));
}

/// What a base URL may be: http or https, a host, no user, query or fragment. Loopback is the operators' right.
pub(crate) fn check_base_url(text: &str) -> Result<(), &'static str> {
    // A `{placeholder}` waits for an operator to fill it in; the rest must be sound already.
    let url = url::Url::parse(&text.replace(['{', '}'], "")).map_err(|_| "it is no URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("its scheme is neither http nor https");
    }
    if url.host().is_none() {
        return Err("it has no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a query or a fragment");
    }
    let link_local = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_link_local(),
        Some(url::Host::Ipv6(address)) => address.is_unicast_link_local(),
        _ => false,
    };
    if link_local { Err("it is a link-local address") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_a_family_is_the_newest_that_can_be_called() {
        let model = |slug: &str, created, cheapest| Model {
            row: rows::Model {
                slug: slug.to_owned(),
                family: Some("grok".to_owned()),
                created,
                ..rows::Model::default()
            },
            operations: Operations::default(),
            endpoints: 0..0,
            outputs: Modalities::default(),
            cheapest,
            floor: None,
            by_least: Box::default(),
            is_free: false,
            estimated_score: 0,
        };
        let models = [
            model("x-ai/grok-4.20", 7, Some(1)),
            model("x-ai/grok-4.3", 7, Some(1)),
            model("x-ai/grok-4", 7, Some(1)),
            model("x-ai/grok-9", 6, Some(1)),
            model("x-ai/grok-10", 8, None),
            model("x-ai/grok-5:free", 9, Some(1)),
        ];
        let found = latest(&models, &HashMap::new()).unwrap();
        assert_eq!(found, HashMap::from([("~x-ai/grok-latest".into(), 1)]));
    }

    #[test]
    fn base_urls_of_operators_may_be_loopback_but_not_odd() {
        for good in
            ["http://127.0.0.1:9/openai", "https://api.openai.com/v1", "https://{resource}.example.com/v1"]
        {
            assert_eq!(check_base_url(good), Ok(()), "{good}");
        }
        for bad in
            ["", "ftp://a/b", "https://u:p@a", "https://a/?x=1", "https://a/#f", "http://169.254.169.254"]
        {
            assert!(check_base_url(bad).is_err(), "{bad}");
        }
    }
}
