//! What is sent of credentials, and what is answered. A key is only ever sent.

use chrono::{DateTime, Utc};
use identity::KeyHash;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::body::sent;
use crate::http::management::{bad, rows};
use crate::http::reply::Refusal;
use crate::store::credentials::{Credential, Settings};
use crate::text;

const LONGEST_NAME: usize = 255;
const MOST_LISTED: usize = 100;
const LONGEST_MODEL: usize = 200;
const LAST_PLACE: i32 = 1_000_000;

/// A credential for a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ByokKey {
    id: Uuid,
    /// The provider's slug.
    provider: String,
    /// Null = every workspace may use it.
    workspace_id: Option<Uuid>,
    /// The key's first and last characters.
    label: String,
    name: Option<String>,
    disabled: bool,
    /// Tried after the platform's own endpoints instead of before.
    is_fallback: bool,
    /// The platform's own endpoints of the provider are not used for the models that this credential serves.
    is_required: bool,
    /// They are not used for any model.
    is_byok_only: bool,
    /// What you say of your account with the provider: whether it keeps nothing. Null = as the platform's.
    declared_zdr: Option<bool>,
    /// The data region that your account stays in: `global`, `europe` or `us`.
    declared_region: Option<String>,
    /// Credentials of a provider are tried in ascending order.
    sort_order: i32,
    /// Slugs of models; null = all.
    allowed_models: Option<Vec<String>>,
    /// Hashes of API keys; null = all.
    allowed_api_key_hashes: Option<Vec<String>>,
    /// Members whose keys may use it; null = all.
    allowed_user_ids: Option<Vec<Uuid>>,
    created_at: DateTime<Utc>,
}

impl From<Credential> for ByokKey {
    fn from(credential: Credential) -> Self {
        let settings = credential.settings;
        Self {
            id: credential.id.uuid(),
            provider: credential.provider,
            workspace_id: credential.workspace,
            label: credential.label,
            name: settings.name,
            disabled: settings.disabled,
            is_fallback: settings.is_fallback,
            is_required: settings.is_required,
            is_byok_only: settings.is_byok_only,
            declared_zdr: settings.declared_zdr,
            declared_region: settings.declared_region,
            sort_order: settings.sort_order.unwrap_or_default(),
            allowed_models: settings.allowed_models,
            allowed_api_key_hashes: settings.allowed_key_hashes.as_deref().map(texts),
            allowed_user_ids: settings.allowed_person_ids,
            created_at: credential.created_at,
        }
    }
}

fn texts(hashes: &[KeyHash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}

/// Settings as the audit log tells them.
pub(super) fn told(settings: &Settings) -> Value {
    json!({
        "name": settings.name,
        "disabled": settings.disabled,
        "is_fallback": settings.is_fallback,
        "is_required": settings.is_required,
        "is_byok_only": settings.is_byok_only,
        "declared_zdr": settings.declared_zdr,
        "declared_region": settings.declared_region,
        "sort_order": settings.sort_order,
        "allowed_models": settings.allowed_models,
        "allowed_api_key_hashes": settings.allowed_key_hashes.as_deref().map(texts),
        "allowed_user_ids": settings.allowed_person_ids,
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct ListOfByokKeys {
    offset: Option<u32>,
    limit: Option<u32>,
    pub(super) workspace_id: Option<String>,
    pub(super) provider: Option<String>,
}

impl ListOfByokKeys {
    /// How many to skip, and how many to return.
    pub(super) fn bounds(&self) -> Result<(i64, i64), Refusal> {
        rows(self.offset, self.limit)
    }
}

#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CreateByokKey {
    /// The provider's slug.
    pub(super) provider: String,
    /// The provider's API key, or a JSON object as text. Sealed at rest, and never shown again.
    #[schema(value_type = String, min_length = 1, format = Password)]
    pub(super) key: SecretString,
    /// Left out = the default workspace; null = every workspace.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    pub(super) workspace_id: Option<Option<String>>,
    #[serde(flatten)]
    said: ByokSettings,
}

impl CreateByokKey {
    /// The settings of the new credential.
    pub(super) fn settings(&self) -> Result<Settings, Refusal> {
        let mut settings = Settings {
            name: None,
            disabled: false,
            is_fallback: false,
            is_required: false,
            is_byok_only: false,
            declared_zdr: None,
            declared_region: None,
            sort_order: None,
            allowed_models: None,
            allowed_key_hashes: None,
            allowed_person_ids: None,
        };
        self.said.apply(&mut settings)?;
        Ok(settings)
    }
}

#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct UpdateByokKey {
    /// Takes the place of the key that there is.
    #[schema(value_type = Option<String>, min_length = 1, format = Password)]
    pub(super) key: Option<SecretString>,
    #[serde(flatten)]
    pub(super) said: ByokSettings,
}

/// What is left out stays; null takes a restriction away.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ByokSettings {
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 255)]
    name: Option<Option<String>>,
    disabled: Option<bool>,
    /// Tried after the platform's own endpoints instead of before.
    is_fallback: Option<bool>,
    /// The platform's own endpoints of the provider are not used for the models that this credential serves.
    is_required: Option<bool>,
    /// They are not used for any model.
    is_byok_only: Option<bool>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<bool>)]
    declared_zdr: Option<Option<bool>>,
    /// `global`, `europe` or `us`.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    declared_region: Option<Option<String>>,
    /// Left out of a new credential = behind the provider's others.
    #[schema(minimum = 0, maximum = 1_000_000)]
    sort_order: Option<i32>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    allowed_models: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100)]
    allowed_api_key_hashes: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    allowed_user_ids: Option<Option<Vec<String>>>,
}

impl ByokSettings {
    /// Writes what was sent over what there is.
    ///
    /// # Errors
    /// [`Refusal`] that names the member that is wrong.
    pub(super) fn apply(&self, settings: &mut Settings) -> Result<(), Refusal> {
        if let Some(name) = &self.name {
            text::optional_line("name", name.as_deref().unwrap_or_default(), LONGEST_NAME)?;
            settings.name.clone_from(name);
        }
        settings.disabled = self.disabled.unwrap_or(settings.disabled);
        settings.is_fallback = self.is_fallback.unwrap_or(settings.is_fallback);
        settings.is_required = self.is_required.unwrap_or(settings.is_required);
        settings.is_byok_only = self.is_byok_only.unwrap_or(settings.is_byok_only);
        settings.declared_zdr = self.declared_zdr.unwrap_or(settings.declared_zdr);
        if let Some(region) = &self.declared_region {
            if region.as_deref().is_some_and(|region| !matches!(region, "global" | "europe" | "us")) {
                return Err(bad("declared_region: use global, europe or us"));
            }
            settings.declared_region.clone_from(region);
        }
        if let Some(place) = self.sort_order {
            if !(0..=LAST_PLACE).contains(&place) {
                return Err(bad(format!("sort_order: use 0 to {LAST_PLACE}")));
            }
            settings.sort_order = Some(place);
        }
        self.restrict(settings)
    }

    fn restrict(&self, settings: &mut Settings) -> Result<(), Refusal> {
        if let Some(models) = &self.allowed_models {
            settings.allowed_models = bounded("allowed_models", models.as_ref(), |model| {
                (1..=LONGEST_MODEL).contains(&model.len()).then(|| model.to_owned())
            })?;
        }
        if let Some(hashes) = &self.allowed_api_key_hashes {
            if hashes.as_ref().is_some_and(Vec::is_empty) {
                return Err(bad("allowed_api_key_hashes: name at least one key, or send null for all"));
            }
            settings.allowed_key_hashes = bounded("allowed_api_key_hashes", hashes.as_ref(), hash)?;
        }
        if let Some(persons) = &self.allowed_user_ids {
            settings.allowed_person_ids =
                bounded("allowed_user_ids", persons.as_ref(), |person| person.parse().ok())?;
        }
        Ok(())
    }
}

/// A list of at most [`MOST_LISTED`], each of which can be read.
fn bounded<T>(
    member: &str,
    list: Option<&Vec<String>>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, Refusal> {
    let Some(list) = list else { return Ok(None) };
    if list.len() > MOST_LISTED {
        return Err(bad(format!("{member}: use at most {MOST_LISTED}")));
    }
    let all: Option<Vec<T>> = list.iter().map(|text| read(text)).collect();
    all.map(Some).ok_or_else(|| bad(format!("{member}: one of them is malformed")))
}

fn hash(text: &str) -> Option<KeyHash> {
    let mut bytes = [0; 32];
    let is_small = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    hex::decode_to_slice(text, &mut bytes).ok().filter(|()| is_small).map(|()| KeyHash(bytes))
}
