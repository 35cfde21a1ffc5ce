//! The tables of schema `catalog` as rows. Field names are column names: rows travel as `jsonb`.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use chrono::{DateTime, Utc};
use identity::{CredentialId, EndpointId, PriceVersionId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Writes;

/// Timeouts in milliseconds; absent = whoever is asked next decides: provider, then configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timeouts {
    pub(crate) connect_ms: Option<u32>,
    pub(crate) first_token_ms: Option<u32>,
    pub(crate) stall_ms: Option<u32>,
    pub(crate) total_ms: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Provider {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) dialect: String,
    pub(crate) base_url: String,
    pub(crate) credential_env: Option<String>,
    pub(crate) credential_required: bool,
    pub(crate) quirks: Map<String, Value>,
    pub(crate) cancel_stops_billing: bool,
    /// `None` = unknown, which counts as yes.
    pub(crate) collects_data: Option<bool>,
    pub(crate) zero_data_retention: bool,
    /// ISO 3166-1 alpha-2, as `datacenters`.
    pub(crate) headquarters: Option<String>,
    pub(crate) datacenters: Vec<String>,
    pub(crate) privacy_policy_url: Option<String>,
    pub(crate) terms_of_service_url: Option<String>,
    pub(crate) status_page_url: Option<String>,
    pub(crate) simulated: bool,
    pub(crate) disabled: bool,
    #[serde(flatten)]
    pub(crate) timeouts: Timeouts,
    pub(crate) seeded: Option<Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) slug: String,
    pub(crate) canonical_slug: String,
    pub(crate) name: String,
    /// Unix seconds.
    pub(crate) created: u64,
    pub(crate) context_length: u64,
    pub(crate) max_output: Option<u64>,
    pub(crate) input_modalities: Vec<String>,
    pub(crate) output_modalities: Vec<String>,
    pub(crate) supported_parameters: Vec<String>,
    pub(crate) tokenizer: String,
    pub(crate) hugging_face_id: Option<String>,
    /// What `~author/family-latest` calls it; `None` = no family.
    pub(crate) family: Option<String>,
    /// `None` = unknown, which counts as no.
    pub(crate) distillable: Option<bool>,
    /// `YYYY-MM-DD`
    pub(crate) knowledge_cutoff: Option<String>,
    pub(crate) default_parameters: Option<Value>,
    pub(crate) scores: Scores,
    pub(crate) scores_source: Option<String>,
    pub(crate) quirks: Map<String, Value>,
    pub(crate) first_token_ms: Option<u32>,
    pub(crate) disabled: bool,
    pub(crate) seeded: Option<Value>,
}

/// How well a model does by kind of work, each from 0 to 1; `None` = nobody measured it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scores {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) intelligence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coding: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agentic: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alias {
    pub(crate) alias: String,
    pub(crate) model: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) id: EndpointId,
    pub(crate) model: String,
    pub(crate) provider: String,
    pub(crate) provider_model: String,
    pub(crate) tag: String,
    /// Where it differs from the provider's.
    pub(crate) dialect: Option<String>,
    pub(crate) context_length: u64,
    pub(crate) max_output: Option<u64>,
    pub(crate) quantization: Option<String>,
    /// `flex` or `priority`; `None` = the provider's usual service.
    pub(crate) service_tier: Option<String>,
    /// The data region that requests stay in, such as `eu`; `None` = not promised.
    pub(crate) region: Option<String>,
    /// Where they differ from the provider's.
    pub(crate) collects_data: Option<bool>,
    pub(crate) zero_data_retention: Option<bool>,
    /// Where they differ from the model's.
    pub(crate) supported_parameters: Option<Vec<String>>,
    /// Prompts are cached without being asked to.
    pub(crate) implicit_caching: bool,
    pub(crate) quirks: Map<String, Value>,
    /// `YYYY-MM-DD`
    pub(crate) deprecation_date: Option<String>,
    pub(crate) disabled: bool,
    #[serde(flatten)]
    pub(crate) timeouts: Timeouts,
    pub(crate) seeded: Option<Value>,
}

impl Endpoint {
    /// A provider's usual offer, of which nothing further is known. Its tag is the provider's slug, and so is the
    /// model's name there.
    pub(crate) fn plain(id: EndpointId, model: &str, provider: &str, context_length: u64) -> Self {
        Self {
            id,
            model: model.to_owned(),
            provider: provider.to_owned(),
            provider_model: provider.to_owned(),
            tag: provider.to_owned(),
            dialect: None,
            context_length,
            max_output: None,
            quantization: None,
            service_tier: None,
            region: None,
            collects_data: None,
            zero_data_retention: None,
            supported_parameters: None,
            implicit_caching: false,
            quirks: Map::new(),
            deprecation_date: None,
            disabled: false,
            timeouts: Timeouts::default(),
            seeded: None,
        }
    }
}

/// One price version. Never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Price {
    pub(crate) id: PriceVersionId,
    pub(crate) endpoint_id: EndpointId,
    pub(crate) book: Value,
    pub(crate) source: String,
}

/// A provider's newest credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credential {
    pub(crate) id: CredentialId,
    pub(crate) provider: String,
    /// Hexadecimal where rows are read and kept.
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    pub(crate) sealed: Vec<u8>,
    /// Its last four characters.
    pub(crate) hint: String,
    /// `seed`, or the operator who set it.
    pub(crate) source: String,
}

/// The whole catalogue as it stood at one version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tables {
    pub(crate) version: u64,
    /// By the database's clock.
    pub(crate) read_at: DateTime<Utc>,
    pub(crate) providers: Vec<Provider>,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) models: Vec<Model>,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) endpoints: Vec<Endpoint>,
    /// The price in effect of each endpoint that has one.
    pub(crate) prices: Vec<Price>,
}

impl Tables {
    /// What the tables hold once `writes` are written.
    #[must_use]
    pub(crate) fn with(mut self, writes: Writes) -> Self {
        self.lay(writes);
        self
    }

    /// Lays `writes` over the rows.
    pub(crate) fn lay(&mut self, writes: Writes) {
        put(&mut self.providers, writes.providers, |row| &row.slug);
        put(&mut self.credentials, writes.credentials, |row| &row.provider);
        put(&mut self.models, writes.models, |row| &row.slug);
        let removed: HashSet<String> = writes.removed_aliases.into_iter().collect();
        if !removed.is_empty() {
            self.aliases.retain(|row| !removed.contains(&row.alias));
        }
        put(&mut self.aliases, writes.aliases, |row| &row.alias);
        put(&mut self.endpoints, writes.endpoints, |row| &row.id);
        // One that is set for later is checked as if it were in effect.
        let prices = writes.prices.into_iter().map(|new| new.price).collect();
        put(&mut self.prices, prices, |row| &row.endpoint_id);
    }

    /// The tables without what only seeds need.
    #[must_use]
    pub(crate) fn without_seeds(mut self) -> Self {
        self.providers.iter_mut().for_each(|row| row.seeded = None);
        self.models.iter_mut().for_each(|row| row.seeded = None);
        self.endpoints.iter_mut().for_each(|row| row.seeded = None);
        self
    }
}

/// Puts each new row in place of the one with its key, or at the end.
fn put<T, K: Hash + Eq>(rows: &mut Vec<T>, new: Vec<T>, key: fn(&T) -> &K) {
    if new.is_empty() {
        return;
    }
    // Of the new ones alone: one edit of many has few, and the tables have thousands.
    let mut places: HashMap<&K, Option<usize>> = new.iter().map(|row| (key(row), None)).collect();
    for (at, row) in rows.iter().enumerate() {
        if let Some(place) = places.get_mut(key(row)) {
            *place = Some(at);
        }
    }
    let places: Vec<Option<usize>> = new.iter().map(|row| places.get(key(row)).copied().flatten()).collect();
    for (row, place) in new.into_iter().zip(places) {
        match place.and_then(|at| rows.get_mut(at)) {
            Some(place) => *place = row,
            None => rows.push(row),
        }
    }
}

fn to_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

fn from_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    hex::decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
