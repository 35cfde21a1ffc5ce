//! Presets: making them from the bodies of requests, and reading them. Whatever an inference key makes or sees is of
//! its own workspace.

mod change;
mod place;
mod row;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use dialect::client::Dialect;
use dialect::error::ErrorType;
use http::StatusCode;
use pg::TenantTx;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Asked, Data, Named, Page, bad, not_found, rows};
use crate::access::Caller;
use crate::http::body;
use crate::http::documents::Document;
use crate::http::reply::{self, Refusal, UserFacing};
use crate::presets::{self, Name};
use crate::service::App;
use crate::store::audit;
use crate::store::presets::{self as stored, NewVersion, Preset, Version};
use place::Place;
use row::{PresetRow, PresetWithVersion, VersionRow};

/// Presets of a workspace, and versions of a preset, at most: nobody pays for keeping them.
const MOST_PRESETS: i64 = 200;
const MOST_VERSIONS: i64 = 100;
/// How often a version is written again that another writer was in the way of.
const TRIES: usize = 5;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(versions))
        .routes(routes!(version))
        .routes(routes!(put_chat))
        .routes(routes!(put_messages))
        .routes(routes!(put_responses))
        .merge(change::routes())
}

/// Make a version of a preset from a chat request, and put it in force
#[utoipa::path(post, path = "/presets/{slug}/chat/completions", operation_id = "createPresetsChatCompletions",
    tag = "Presets",
    params(("slug" = String, Path, description = "The preset's name in references"), Place),
    request_body(content = Document, description = "The body of the request"),
    responses((status = 200, description = "The preset and its version", body = Data<PresetWithVersion>)),
    security(("inference_key" = ["presets.write"]), ("management_key" = ["presets.write"]),
        ("session" = ["presets.write"])))]
async fn put_chat(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(slug): Named<String>,
    Asked(place): Asked<Place>,
    request: Request,
) -> Result<Response, Refusal> {
    put(&app, &caller, Dialect::Chat, (place, slug), request).await
}

/// Make a version of a preset from a request of Anthropic's Messages API, and put it in force
#[utoipa::path(post, path = "/presets/{slug}/messages", operation_id = "createPresetsMessages",
    tag = "Presets",
    params(("slug" = String, Path, description = "The preset's name in references"), Place),
    request_body(content = Document, description = "The body of the request"),
    responses((status = 200, description = "The preset and its version", body = Data<PresetWithVersion>)),
    security(("inference_key" = ["presets.write"]), ("management_key" = ["presets.write"]),
        ("session" = ["presets.write"])))]
async fn put_messages(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(slug): Named<String>,
    Asked(place): Asked<Place>,
    request: Request,
) -> Result<Response, Refusal> {
    put(&app, &caller, Dialect::Messages, (place, slug), request).await
}

/// Make a version of a preset from a request of OpenAI's Responses API, and put it in force
#[utoipa::path(post, path = "/presets/{slug}/responses", operation_id = "createPresetsResponses",
    tag = "Presets",
    params(("slug" = String, Path, description = "The preset's name in references"), Place),
    request_body(content = Document, description = "The body of the request"),
    responses((status = 200, description = "The preset and its version", body = Data<PresetWithVersion>)),
    security(("inference_key" = ["presets.write"]), ("management_key" = ["presets.write"]),
        ("session" = ["presets.write"])))]
async fn put_responses(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(slug): Named<String>,
    Asked(place): Asked<Place>,
    request: Request,
) -> Result<Response, Refusal> {
    put(&app, &caller, Dialect::Responses, (place, slug), request).await
}

/// Makes a version of a request's body and puts it in force.
async fn put(
    app: &App,
    caller: &Caller,
    dialect: Dialect,
    (place, slug): (Place, String),
    request: Request,
) -> Result<Response, Refusal> {
    if let Some(key) = place::inference_key(caller) {
        app.limits.count_request(key).await?;
    }
    if !presets::is_slug(&slug) {
        let message = "the name of a preset must be 1 to 64 characters of a-z, 0-9, - and _";
        return Err(bad(message));
    }
    let workspace = place.to_write(app, caller).await?;
    let http = &app.config.http;
    let body = body::read(request, http.max_body_bytes.get(), http.body_timeout_ms.get()).await?;
    let captured = if body.len() <= presets::LONG {
        presets::capture(dialect, &body)?
    } else {
        let capture = tokio::task::spawn_blocking(move || presets::capture(dialect, &body));
        capture.await.map_err(|_| rpc::Fault::internal())??
    };
    let new = NewVersion {
        workspace,
        slug,
        config: Value::Object(captured.config),
        system_prompt: captured.system_prompt,
        creator: caller.actor(),
    };
    let (preset, version) = write(app, caller, new).await?;
    app.presets.forget(&name(caller, &preset)).await;
    Ok(reply::json(StatusCode::OK, &Data { data: PresetWithVersion::of(&preset, Some(&version)) }))
}

/// What a preset is known by where requests name it.
fn name(caller: &Caller, preset: &Preset) -> Name {
    Name { tenant: caller.tenant, workspace: preset.workspace, slug: preset.slug.clone() }
}

/// A version is not written.
#[derive(Debug, thiserror::Error)]
enum Unwritten {
    #[error("the workspace or the preset has as many as it may")]
    Full,
    #[error("the workspace was deleted meanwhile")]
    Nowhere,
    #[error("the identity database cannot be asked")]
    Database(#[from] sqlx::Error),
}

impl UserFacing for Unwritten {
    fn refusal(self) -> Refusal {
        match self {
            Self::Full => {
                let message = format!(
                    "A workspace has at most {MOST_PRESETS} presets of {MOST_VERSIONS} versions each. Delete one, or \
                     use another workspace."
                );
                Refusal::new(ErrorType::Conflict, message)
            }
            Self::Nowhere => not_found(),
            Self::Database(error) => error.refusal(),
        }
    }
}

/// The preset that may get this version, made if there is none: nobody else writes one of it before the transaction ends.
async fn room(tx: &mut TenantTx, new: &NewVersion) -> Result<Preset, Unwritten> {
    let preset = match stored::hold(tx, new.workspace, &new.slug).await? {
        Some(preset) => preset,
        None => make(tx, new).await?,
    };
    let is_full = stored::count_versions(tx, preset.id).await? >= MOST_VERSIONS;
    if is_full { Err(Unwritten::Full) } else { Ok(preset) }
}

/// The preset that is made for this version, or that somebody else has made of that name by now.
async fn make(tx: &mut TenantTx, new: &NewVersion) -> Result<Preset, Unwritten> {
    let count = stored::hold_count(tx, new.workspace).await?.ok_or(Unwritten::Nowhere)?;
    match stored::hold(tx, new.workspace, &new.slug).await? {
        Some(preset) => Ok(preset),
        None if count >= MOST_PRESETS => Err(Unwritten::Full),
        None => Ok(stored::make(tx, new).await?),
    }
}

async fn write(app: &App, caller: &Caller, new: NewVersion) -> Result<(Preset, Version), Unwritten> {
    let new = Arc::new(new);
    let mut tries = 1;
    loop {
        let (new, doer) = (Arc::clone(&new), caller.clone());
        let written: Result<_, Unwritten> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
            Box::pin(async move {
                let preset = room(tx, &new).await?;
                let (preset, version) = stored::add(tx, preset, &new).await?;
                let details = json!({ "slug": preset.slug, "version": version.number });
                let entry = doer.does("preset.put", preset.id.to_string(), details);
                audit::insert(tx.connection(), &entry).await?;
                Ok((preset, version))
            })
        })
        .await;
        match written {
            Err(Unwritten::Database(error)) if pg::class(&error) == pg::Class::Retry && tries < TRIES => {
                tries += 1;
            }
            written => return written,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Rows to pass over.
    offset: Option<u32>,
    /// From 1 to 100; 50 unless it is given.
    limit: Option<u32>,
    /// The workspace: a key's own, else the default one, unless another is named.
    workspace_id: Option<Uuid>,
}

impl Wanted {
    /// Rows to pass over, and rows to answer at most.
    fn bounds(&self) -> Result<(i64, i64), Refusal> {
        rows(self.offset, self.limit)
    }

    const fn place(&self) -> Place {
        Place { workspace_id: self.workspace_id }
    }
}

/// List the presets of a workspace
#[utoipa::path(get, path = "/presets", operation_id = "listPresets", tag = "Presets", params(Wanted),
    responses((status = 200, description = "The presets, the one that changed last first",
        body = Page<PresetRow>)),
    security(("inference_key" = ["presets.read"]), ("management_key" = ["presets.read"]),
        ("session" = ["presets.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let (offset, limit) = wanted.bounds()?;
    let workspace = wanted.place().to_read(&app, &caller).await?;
    let (presets, total_count) = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let presets = stored::list(tx, workspace, offset, limit).await?;
            Ok::<_, sqlx::Error>((presets, stored::count(tx, workspace).await?))
        })
    })
    .await?;
    let data = presets.iter().map(PresetRow::of).collect();
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// Show a preset and the version in force
#[utoipa::path(get, path = "/presets/{slug}", operation_id = "getPreset", tag = "Presets",
    params(("slug" = String, Path, description = "The preset's name in references"), Place),
    responses((status = 200, description = "The preset", body = Data<PresetWithVersion>)),
    security(("inference_key" = ["presets.read"]), ("management_key" = ["presets.read"]),
        ("session" = ["presets.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(slug): Named<String>,
    Asked(place): Asked<Place>,
) -> Result<Response, Refusal> {
    let (workspace, name) = (place.to_read(&app, &caller).await?, slug.clone());
    let found = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let Some(preset) = stored::by_slug(tx, workspace, &name).await? else { return Ok(None) };
            let version = stored::designated(tx, &preset).await?;
            Ok::<_, sqlx::Error>(Some((preset, version)))
        })
    })
    .await?;
    let (preset, version) = found.ok_or_else(|| presets::Error::Unknown(slug).refusal())?;
    let data = PresetWithVersion::of(&preset, version.as_ref());
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// List the versions of a preset
#[utoipa::path(get, path = "/presets/{slug}/versions", operation_id = "listPresetVersions", tag = "Presets",
    params(("slug" = String, Path, description = "The preset's name in references"), Wanted),
    responses((status = 200, description = "The versions, oldest first", body = Page<VersionRow>)),
    security(("inference_key" = ["presets.read"]), ("management_key" = ["presets.read"]),
        ("session" = ["presets.read"])))]
async fn versions(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(slug): Named<String>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let (offset, limit) = wanted.bounds()?;
    let (workspace, name) = (wanted.place().to_read(&app, &caller).await?, slug.clone());
    let found = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let Some(preset) = stored::by_slug(tx, workspace, &name).await? else { return Ok(None) };
            let versions = stored::versions(tx, preset.id, offset, limit).await?;
            Ok::<_, sqlx::Error>(Some((versions, stored::count_versions(tx, preset.id).await?)))
        })
    })
    .await?;
    let (versions, total_count) = found.ok_or_else(|| presets::Error::Unknown(slug).refusal())?;
    let data = versions.iter().map(VersionRow::of).collect();
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// Show a version of a preset
#[utoipa::path(get, path = "/presets/{slug}/versions/{version}", operation_id = "getPresetVersion",
    tag = "Presets",
    params(("slug" = String, Path, description = "The preset's name in references"),
        ("version" = String, Path, description = "The version's number, from 1"), Place),
    responses((status = 200, description = "The version", body = Data<VersionRow>)),
    security(("inference_key" = ["presets.read"]), ("management_key" = ["presets.read"]),
        ("session" = ["presets.read"])))]
async fn version(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named((slug, number)): Named<(String, String)>,
    Asked(place): Asked<Place>,
) -> Result<Response, Refusal> {
    let workspace = place.to_read(&app, &caller).await?;
    let (name, wanted) = (slug.clone(), number.parse::<i32>());
    let found = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let Some(preset) = stored::by_slug(tx, workspace, &name).await? else { return Ok(None) };
            match wanted {
                Ok(wanted) => Ok(Some(stored::version(tx, preset.id, wanted).await?)),
                Err(_) => Ok::<_, sqlx::Error>(Some(None)),
            }
        })
    })
    .await?;
    let version = found.ok_or_else(|| presets::Error::Unknown(slug.clone()).refusal())?;
    let version = version.ok_or_else(|| {
        Refusal::new(ErrorType::NotFound, format!("The preset `{slug}` has no version `{number}`."))
    })?;
    Ok(reply::json(StatusCode::OK, &Data { data: VersionRow::of(&version) }))
}
