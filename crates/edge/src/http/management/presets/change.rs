//! What becomes of a preset beside further versions: another name, out of force and back, deleted.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::Utc;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::{Asked, Data, Deleted, Named, Sent};
use super::place::Place;
use super::row::PresetWithVersion;
use super::{name, stored};
use crate::access::Caller;
use crate::http::body::sent;
use crate::http::reply::{self, Refusal, UserFacing as _};
use crate::presets;
use crate::service::App;
use crate::store::audit;
use crate::text;

/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(change, delete))
}

/// What is left out stays as it is.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UpdatePreset)]
struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    description: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

/// Requests may name a preset that is active, and no other.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PresetStatus)]
enum Status {
    Active,
    Disabled,
    Archived,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Archived => "archived",
        }
    }
}

impl Change {
    fn check(&self) -> Result<(), Refusal> {
        if let Some(name) = &self.name {
            text::line("name", name, text::LONGEST_NAME)?;
        }
        if let Some(Some(description)) = &self.description {
            text::note("description", description, LONGEST_DESCRIPTION)?;
        }
        Ok(())
    }

    fn apply(&self, to: &mut stored::Preset) {
        let now = Utc::now();
        if let Some(name) = &self.name {
            to.name.clone_from(name);
        }
        if let Some(description) = &self.description {
            to.description.clone_from(description);
        }
        if let Some(status) = self.status.map(Status::as_str).filter(|status| *status != to.status) {
            status.clone_into(&mut to.status);
            to.status_updated_at = Some(now);
        }
        to.updated_at = now;
    }
}

/// Update a preset
///
/// An addition of this platform. Its settings change by a further version.
#[utoipa::path(patch, path = "/presets/{slug}", operation_id = "updatePreset", tag = "Presets",
    params(("slug" = String, Path, description = "The preset's name in references"), Place),
    request_body = Change,
    responses((status = 200, description = "The preset as it is now", body = Data<PresetWithVersion>)),
    security(("management_key" = ["presets.write"]), ("session" = ["presets.write"])))]
async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(slug): Named<String>,
    Asked(place): Asked<Place>,
    Sent(sent): Sent<Change>,
) -> Result<Response, Refusal> {
    sent.check()?;
    let (workspace, doer) = (place.to_write(&app, &caller).await?, caller.clone());
    let changed: Result<_, Refusal> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let known = stored::hold(tx, workspace, &slug).await?;
            let mut preset = known.ok_or_else(|| presets::Error::Unknown(slug).refusal())?;
            sent.apply(&mut preset);
            stored::update(tx, &preset).await?;
            let mut details = json!(sent);
            details["slug"] = json!(preset.slug);
            audit::insert(tx.connection(), &doer.does("preset.update", preset.id.to_string(), details))
                .await?;
            let version = stored::designated(tx, &preset).await?;
            Ok((preset, version))
        })
    })
    .await;
    let (preset, version) = changed?;
    app.presets.forget(&name(&caller, &preset)).await;
    Ok(reply::json(StatusCode::OK, &Data { data: PresetWithVersion::of(&preset, version.as_ref()) }))
}

/// Delete a preset
///
/// An addition of this platform. Its versions go with it; requests that name it are refused.
#[utoipa::path(delete, path = "/presets/{slug}", operation_id = "deletePreset", tag = "Presets",
    params(("slug" = String, Path, description = "The preset's name in references"), Place),
    responses((status = 200, description = "There is no such preset any more", body = Deleted)),
    security(("management_key" = ["presets.write"]), ("session" = ["presets.write"])))]
async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(slug): Named<String>,
    Asked(place): Asked<Place>,
) -> Result<Response, Refusal> {
    let (workspace, doer) = (place.to_write(&app, &caller).await?, caller.clone());
    let deleted: Result<_, Refusal> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let known = stored::hold(tx, workspace, &slug).await?;
            let preset = known.ok_or_else(|| presets::Error::Unknown(slug).refusal())?;
            stored::delete(tx, workspace, Some(&preset.slug)).await?;
            let details = json!({ "slug": preset.slug });
            audit::insert(tx.connection(), &doer.does("preset.delete", preset.id.to_string(), details))
                .await?;
            Ok(preset)
        })
    })
    .await;
    app.presets.forget(&name(&caller, &deleted?)).await;
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}
