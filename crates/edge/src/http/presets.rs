//! Presets: making them from the bodies of requests, and reading them. Whatever a key makes or sees is of its own
//! workspace.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use chrono::{DateTime, SecondsFormat, Utc};
use dialect::client::Dialect;
use dialect::error::{BadRequest, ErrorType};
use http::StatusCode;
use identity::KeyKind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body;
use super::reply::{self, Refusal, UserFacing as _};
use crate::auth::{self, Context};
use crate::presets::{self, Captured, Name};
use crate::service::App;
use crate::store::audit;
use crate::store::presets::{self as stored, NewVersion, Preset, Version};

/// Presets of a workspace, and versions of a preset, at most: nobody pays for keeping them.
const MOST_PRESETS: i64 = 200;
const MOST_VERSIONS: i64 = 100;
/// How often a version is written again that another writer was in the way of.
const TRIES: usize = 5;
/// Rows of a page, unless another number is asked for, and at most.
const USUAL_LIMIT: u32 = 50;
const MOST: u32 = 100;

/// The dialects that a preset is made in, by path.
const DIALECTS: [(&str, Dialect); 3] =
    [("chat/completions", Dialect::Chat), ("messages", Dialect::Messages), ("responses", Dialect::Responses)];

type SlugPath = Result<Path<String>, PathRejection>;

/// The routes below one base path.
pub(super) fn routes(base: &str) -> Router<Arc<App>> {
    let one = format!("{base}/presets/{{slug}}");
    let routes = Router::new()
        .route(&format!("{base}/presets"), get(list))
        .route(&one, get(show))
        .route(&format!("{one}/versions"), get(versions))
        .route(&format!("{one}/versions/{{version}}"), get(version));
    DIALECTS.into_iter().fold(routes, |routes, (path, dialect)| {
        let put = async move |State(app): State<Arc<App>>, slug: SlugPath, request: Request| {
            put(&app, dialect, slug, request).await
        };
        routes.route(&format!("{one}/{path}"), post(put))
    })
}

/// Makes a version of a request's body and puts it in force.
async fn put(app: &App, dialect: Dialect, slug: SlugPath, request: Request) -> Result<Response, Refusal> {
    let caller = auth::authenticate_as(&app.keys, &request, KeyKind::Inference).await?;
    if let Some(rule) = app.limits.of_key(caller.key.id, caller.key.rate_limit) {
        app.limits.spend(&rule).await.map_err(|exceeded| exceeded.refusal())?;
    }
    let slug = slug.map(|Path(slug)| slug).unwrap_or_default();
    if !presets::is_slug(&slug) {
        let message = "the name of a preset must be 1 to 64 characters of a-z, 0-9, - and _";
        return Err(BadRequest::new(message).refusal());
    }
    let http = &app.config.http;
    let body = body::read(request, http.max_body_bytes.get(), http.body_timeout_ms.get()).await?;
    let captured = if body.len() <= presets::LONG {
        presets::capture(dialect, &body)?
    } else {
        let capture = tokio::task::spawn_blocking(move || presets::capture(dialect, &body));
        capture.await.map_err(|_| rpc::Fault::internal())??
    };
    if !has_room(app, &caller, slug.clone()).await? {
        let message = format!(
            "A workspace has at most {MOST_PRESETS} presets of {MOST_VERSIONS} versions each. Use another workspace."
        );
        return Err(Refusal::new(ErrorType::Conflict, message));
    }
    let (preset, version) = write(app, &caller, slug, captured).await?;
    app.presets.forget(&Name::of(&caller, &preset.slug)).await;
    Ok(reply::json(StatusCode::OK, &json!({ "data": with_version(&preset, Some(&version)) })))
}

/// Whether a preset may get a further version, or be made.
async fn has_room(app: &App, caller: &Context, slug: String) -> Result<bool, sqlx::Error> {
    let workspace = caller.key.workspace;
    pg::in_tenant(&app.pool, caller.tenant(), move |tx| {
        Box::pin(async move {
            Ok(match stored::by_slug(tx, workspace, &slug).await? {
                Some(preset) => stored::count_versions(tx, preset.id).await? < MOST_VERSIONS,
                None => stored::count(tx, workspace).await? < MOST_PRESETS,
            })
        })
    })
    .await
}

async fn write(
    app: &App,
    caller: &Context,
    slug: String,
    captured: Captured,
) -> Result<(Preset, Version), sqlx::Error> {
    let new = Arc::new(NewVersion {
        workspace: caller.key.workspace,
        slug,
        config: Value::Object(captured.config),
        system_prompt: captured.system_prompt,
        creator: format!("key:{}", caller.key.id),
    });
    let tenant = caller.tenant();
    let mut tries = 1;
    loop {
        let new = Arc::clone(&new);
        let written: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, tenant, move |tx| {
            Box::pin(async move {
                let (preset, version) = stored::put(tx, &new).await?;
                let entry = audit::Entry {
                    tenant: Some(tenant),
                    actor: new.creator.clone(),
                    action: "preset.put",
                    target: preset.id.to_string(),
                    details: json!({ "slug": preset.slug, "version": version.number }),
                };
                audit::insert(tx.connection(), &entry).await?;
                Ok((preset, version))
            })
        })
        .await;
        match written {
            Err(error) if pg::class(&error) == pg::Class::Retry && tries < TRIES => tries += 1,
            written => return written,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    offset: Option<u32>,
    limit: Option<u32>,
}

impl Page {
    /// Rows to pass over, and rows to answer at most.
    fn of(request: Request) -> Result<(i64, i64), Refusal> {
        let (parts, _) = request.into_parts();
        let page: Self = body::from_query(&parts)?;
        let limit = page.limit.unwrap_or(USUAL_LIMIT);
        if !(1..=MOST).contains(&limit) {
            return Err(BadRequest::new(format!("`limit` must be from 1 to {MOST}")).refusal());
        }
        Ok((page.offset.unwrap_or(0).into(), limit.into()))
    }
}

async fn list(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let caller = auth::authenticate_as(&app.keys, &request, KeyKind::Inference).await?;
    let (offset, limit) = Page::of(request)?;
    let workspace = caller.key.workspace;
    let (presets, count) = pg::in_tenant(&app.pool, caller.tenant(), move |tx| {
        Box::pin(async move {
            let presets = stored::list(tx, workspace, offset, limit).await?;
            Ok::<_, sqlx::Error>((presets, stored::count(tx, workspace).await?))
        })
    })
    .await?;
    let data: Vec<Value> = presets.iter().map(preset_json).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "data": data, "total_count": count })))
}

async fn show(State(app): State<Arc<App>>, slug: SlugPath, request: Request) -> Result<Response, Refusal> {
    let caller = auth::authenticate_as(&app.keys, &request, KeyKind::Inference).await?;
    let slug = slug.map(|Path(slug)| slug).unwrap_or_default();
    let (workspace, name) = (caller.key.workspace, slug.clone());
    let found = pg::in_tenant(&app.pool, caller.tenant(), move |tx| {
        Box::pin(async move {
            let Some(preset) = stored::by_slug(tx, workspace, &name).await? else { return Ok(None) };
            let version = stored::designated(tx, &preset).await?;
            Ok::<_, sqlx::Error>(Some((preset, version)))
        })
    })
    .await?;
    let (preset, version) = found.ok_or_else(|| presets::Error::Unknown(slug).refusal())?;
    Ok(reply::json(StatusCode::OK, &json!({ "data": with_version(&preset, version.as_ref()) })))
}

async fn versions(
    State(app): State<Arc<App>>,
    slug: SlugPath,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = auth::authenticate_as(&app.keys, &request, KeyKind::Inference).await?;
    let (offset, limit) = Page::of(request)?;
    let slug = slug.map(|Path(slug)| slug).unwrap_or_default();
    let (workspace, name) = (caller.key.workspace, slug.clone());
    let found = pg::in_tenant(&app.pool, caller.tenant(), move |tx| {
        Box::pin(async move {
            let Some(preset) = stored::by_slug(tx, workspace, &name).await? else { return Ok(None) };
            let versions = stored::versions(tx, preset.id, offset, limit).await?;
            Ok::<_, sqlx::Error>(Some((versions, stored::count_versions(tx, preset.id).await?)))
        })
    })
    .await?;
    let (versions, count) = found.ok_or_else(|| presets::Error::Unknown(slug).refusal())?;
    let data: Vec<Value> = versions.iter().map(version_json).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "data": data, "total_count": count })))
}

async fn version(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = auth::authenticate_as(&app.keys, &request, KeyKind::Inference).await?;
    let (slug, number) = path.map(|Path(path)| path).unwrap_or_default();
    let (workspace, name, wanted) = (caller.key.workspace, slug.clone(), number.parse::<i32>());
    let found = pg::in_tenant(&app.pool, caller.tenant(), move |tx| {
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
    Ok(reply::json(StatusCode::OK, &json!({ "data": version_json(&version) })))
}

fn preset_json(preset: &Preset) -> Value {
    json!({
        "id": preset.id.to_string(),
        "creator_user_id": preset.creator.strip_prefix("user:"),
        "workspace_id": preset.workspace.to_string(),
        "name": preset.name,
        "slug": preset.slug,
        "description": preset.description,
        "status": preset.status,
        "designated_version_id": preset.designated_version.map(|id| id.to_string()),
        "created_at": time(preset.created_at),
        "updated_at": time(preset.updated_at),
        "status_updated_at": preset.status_updated_at.map(time),
    })
}

fn with_version(preset: &Preset, version: Option<&Version>) -> Value {
    let mut shown = preset_json(preset);
    shown["designated_version"] = version.map(version_json).into();
    shown
}

fn version_json(version: &Version) -> Value {
    json!({
        "id": version.id.to_string(),
        "preset_id": version.preset.to_string(),
        "creator_id": version.creator,
        "version": version.number,
        "system_prompt": version.system_prompt,
        "config": version.config,
        "created_at": time(version.created_at),
        // A version never changes.
        "updated_at": time(version.created_at),
    })
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
