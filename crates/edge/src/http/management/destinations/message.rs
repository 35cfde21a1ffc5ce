//! What is sent of destinations, and what is answered. Secrets are only ever sent.

use chrono::{DateTime, Utc};
use identity::KeyHash;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::kind;
use crate::destinations::{FilterRules, Kind};
use crate::http::body::sent;
use crate::http::management::{bad, rows};
use crate::http::reply::Refusal;
use crate::store::destinations::{Destination, Settings};
use crate::text;

const LONGEST_NAME: usize = 200;
const MOST_KEYS: usize = 100;
const REGIONS: [&str; 3] = ["global", "europe", "us"];

/// Where traces are sent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ObservabilityDestination {
    id: Uuid,
    workspace_id: Uuid,
    name: Option<String>,
    /// `langfuse`, `otel-collector`, `s3` or `webhook`.
    r#type: &'static str,
    enabled: bool,
    /// Without what was sent to models and what came back.
    privacy_mode: bool,
    broadcast_generation_cost: bool,
    /// Always false: costs by kinds of tokens are not sent.
    broadcast_generation_cost_allocation: bool,
    broadcast_generation_identity: bool,
    broadcast_generation_request_context: bool,
    /// Of sessions; a generation without a session is its own.
    sampling_rate: f64,
    /// Whose generations; null = every key's of the workspace.
    api_key_hashes: Option<Vec<String>>,
    #[schema(value_type = Option<FilterRules>)]
    filter_rules: Option<Value>,
    /// Data regions of generations: `global`, `europe`, `us`.
    regions: Vec<String>,
    /// Depends on the type. Secrets are masked.
    #[schema(value_type = Object)]
    config: Value,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Destination> for ObservabilityDestination {
    fn from(destination: Destination) -> Self {
        let settings = destination.settings;
        Self {
            id: destination.id.uuid(),
            workspace_id: destination.workspace,
            name: Some(settings.name),
            r#type: destination.kind.as_str(),
            enabled: settings.enabled,
            privacy_mode: settings.privacy_mode,
            broadcast_generation_cost: settings.sends_cost,
            broadcast_generation_cost_allocation: false,
            broadcast_generation_identity: settings.sends_identity,
            broadcast_generation_request_context: settings.sends_request_context,
            sampling_rate: settings.sampling_rate,
            api_key_hashes: settings.key_hashes.as_deref().map(texts),
            filter_rules: settings.filter_rules,
            regions: settings.regions.unwrap_or_else(|| REGIONS.map(str::to_owned).to_vec()),
            config: destination.shown,
            created_at: destination.created_at,
            updated_at: destination.updated_at,
        }
    }
}

fn texts(hashes: &[KeyHash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}

/// A destination as the audit log tells it, without how it is reached.
pub(super) fn told(destination: &Destination) -> Value {
    let settings = &destination.settings;
    json!({
        "type": destination.kind.as_str(),
        "workspace_id": destination.workspace,
        "name": settings.name,
        "enabled": settings.enabled,
        "privacy_mode": settings.privacy_mode,
        "broadcast_generation_cost": settings.sends_cost,
        "broadcast_generation_identity": settings.sends_identity,
        "broadcast_generation_request_context": settings.sends_request_context,
        "sampling_rate": settings.sampling_rate,
        "api_key_hashes": settings.key_hashes.as_deref().map(texts),
        "regions": settings.regions,
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct ListOfDestinations {
    offset: Option<u32>,
    limit: Option<u32>,
    pub(super) workspace_id: Option<String>,
}

impl ListOfDestinations {
    /// How many to skip, and how many to return.
    pub(super) fn bounds(&self) -> Result<(i64, i64), Refusal> {
        rows(self.offset, self.limit)
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = CreateObservabilityDestinationRequest)]
pub(super) struct CreateDestination {
    /// `langfuse`, `otel-collector`, `s3` or `webhook`.
    r#type: String,
    /// Depends on the type. Sealed at rest; secrets are never shown again.
    #[schema(value_type = Object)]
    pub(super) config: Map<String, Value>,
    /// By default the default one.
    pub(super) workspace_id: Option<String>,
    #[serde(flatten)]
    said: DestinationSettings,
}

impl CreateDestination {
    pub(super) fn kind(&self) -> Result<Kind, Refusal> {
        kind(&self.r#type)
    }

    /// The settings of the new destination.
    pub(super) fn settings(&self) -> Result<Settings, Refusal> {
        if self.said.name.is_none() {
            return Err(bad("name: a destination needs one"));
        }
        let mut settings = Settings {
            name: String::new(),
            enabled: true,
            privacy_mode: false,
            sends_cost: false,
            sends_identity: false,
            sends_request_context: false,
            sampling_rate: 1.0,
            key_hashes: None,
            filter_rules: None,
            regions: None,
        };
        self.said.apply(&mut settings)?;
        Ok(settings)
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = UpdateObservabilityDestinationRequest)]
pub(super) struct UpdateDestination {
    /// Members to change; null takes one away, and a secret as it is shown leaves it.
    #[schema(value_type = Option<Object>)]
    pub(super) config: Option<Map<String, Value>>,
    #[serde(flatten)]
    pub(super) said: DestinationSettings,
}

/// What is left out stays; null takes a restriction away.
#[derive(Deserialize, ToSchema)]
#[schema(as = ObservabilityDestinationSettings)]
pub(super) struct DestinationSettings {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    enabled: Option<bool>,
    /// Without what was sent to models and what came back.
    privacy_mode: Option<bool>,
    broadcast_generation_cost: Option<bool>,
    broadcast_generation_identity: Option<bool>,
    broadcast_generation_request_context: Option<bool>,
    #[schema(minimum = 0.0001, maximum = 1)]
    sampling_rate: Option<f64>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100)]
    api_key_hashes: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<FilterRules>)]
    filter_rules: Option<Option<FilterRules>>,
    /// `global`, `europe` or `us`.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Vec<String>>)]
    regions: Option<Option<Vec<String>>>,
}

impl DestinationSettings {
    /// Writes what was sent over what there is.
    ///
    /// # Errors
    /// [`Refusal`] that names the member that is wrong.
    pub(super) fn apply(&self, settings: &mut Settings) -> Result<(), Refusal> {
        if let Some(name) = &self.name {
            text::line("name", name, LONGEST_NAME)?;
            settings.name = name.trim().to_owned();
        }
        settings.enabled = self.enabled.unwrap_or(settings.enabled);
        settings.privacy_mode = self.privacy_mode.unwrap_or(settings.privacy_mode);
        settings.sends_cost = self.broadcast_generation_cost.unwrap_or(settings.sends_cost);
        settings.sends_identity = self.broadcast_generation_identity.unwrap_or(settings.sends_identity);
        settings.sends_request_context =
            self.broadcast_generation_request_context.unwrap_or(settings.sends_request_context);
        if let Some(rate) = self.sampling_rate {
            if !(0.0001..=1.0).contains(&rate) {
                return Err(bad("sampling_rate: use 0.0001 to 1"));
            }
            settings.sampling_rate = rate;
        }
        self.restrict(settings)
    }

    fn restrict(&self, settings: &mut Settings) -> Result<(), Refusal> {
        if let Some(hashes) = &self.api_key_hashes {
            settings.key_hashes = hashes.as_deref().map(read_hashes).transpose()?;
        }
        if let Some(rules) = &self.filter_rules {
            if let Some(rules) = rules {
                rules.check().map_err(bad)?;
            }
            settings.filter_rules = rules.as_ref().map(|rules| json!(rules));
        }
        if let Some(regions) = &self.regions {
            let known =
                regions.as_ref().is_none_or(|all| all.iter().all(|one| REGIONS.contains(&one.as_str())));
            if !known {
                return Err(bad("regions: use global, europe or us"));
            }
            settings.regions = regions.clone().filter(|regions| !regions.is_empty());
        }
        Ok(())
    }
}

fn read_hashes(texts: &[String]) -> Result<Vec<KeyHash>, Refusal> {
    if !(1..=MOST_KEYS).contains(&texts.len()) {
        return Err(bad(format!("api_key_hashes: name 1 to {MOST_KEYS} keys, or send null for all")));
    }
    let read = texts.iter().map(|text| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| KeyHash(bytes))
    });
    let mut all: Vec<KeyHash> =
        read.collect::<Option<_>>().ok_or_else(|| bad("api_key_hashes: a hash is 64 hexadecimal digits"))?;
    all.sort_unstable_by_key(|hash| hash.0);
    all.dedup();
    Ok(all)
}
