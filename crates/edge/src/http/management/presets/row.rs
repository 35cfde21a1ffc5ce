//! Presets and their versions, as they are shown.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::store::presets::{Preset, Version};

/// A preset.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preset)]
pub(super) struct PresetRow {
    id: String,
    creator_user_id: Option<String>,
    workspace_id: String,
    name: String,
    slug: String,
    description: Option<String>,
    /// `active`, `disabled` or `archived`.
    status: String,
    designated_version_id: Option<String>,
    created_at: String,
    updated_at: String,
    status_updated_at: Option<String>,
}

impl PresetRow {
    pub(super) fn of(preset: &Preset) -> Self {
        Self {
            id: preset.id.to_string(),
            creator_user_id: preset.creator.strip_prefix("user:").map(str::to_owned),
            workspace_id: preset.workspace.to_string(),
            name: preset.name.clone(),
            slug: preset.slug.clone(),
            description: preset.description.clone(),
            status: preset.status.clone(),
            designated_version_id: preset.designated_version.map(|id| id.to_string()),
            created_at: time(preset.created_at),
            updated_at: time(preset.updated_at),
            status_updated_at: preset.status_updated_at.map(time),
        }
    }
}

/// A preset and the version in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PresetWithVersion {
    #[serde(flatten)]
    preset: PresetRow,
    designated_version: Option<VersionRow>,
}

impl PresetWithVersion {
    pub(super) fn of(preset: &Preset, version: Option<&Version>) -> Self {
        Self { preset: PresetRow::of(preset), designated_version: version.map(VersionRow::of) }
    }
}

/// A version of a preset, which never changes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PresetVersion)]
pub(super) struct VersionRow {
    id: String,
    preset_id: String,
    creator_id: String,
    version: i32,
    system_prompt: Option<String>,
    /// Members of a chat request.
    #[schema(value_type = Object)]
    config: Value,
    created_at: String,
    updated_at: String,
}

impl VersionRow {
    pub(super) fn of(version: &Version) -> Self {
        Self {
            id: version.id.to_string(),
            preset_id: version.preset.to_string(),
            creator_id: version.creator.clone(),
            version: version.number,
            system_prompt: version.system_prompt.clone(),
            config: version.config.clone(),
            created_at: time(version.created_at),
            updated_at: time(version.created_at),
        }
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
