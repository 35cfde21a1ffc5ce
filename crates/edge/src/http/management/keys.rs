//! API keys of the caller's organisation.

mod current;
mod row;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use identity::{KeyHash, KeyKind};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) use self::current::{CurrentKey, current};
use self::row::Row;
pub(super) use self::row::usd;
use super::{Asked, Data, Deleted, Named, Sent, bad, not_found};
use crate::access::Caller;
use crate::http::body::{self, sent};
use crate::http::reply::{self, Refusal};
use crate::keys::{self, Kind, Manager, Minted, Reset};
use crate::limits::Ceilings;
use crate::service::App;
use crate::store;
use crate::store::keys::{Filter, Key};

/// Keys that a page has.
const PAGE: i64 = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(rotate))
        .routes(routes!(current::current))
}

/// Keys, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct Keys {
    data: Vec<Row>,
}

/// A key with its secret.
#[derive(Debug, Serialize, ToSchema)]
struct MintedKey {
    data: Row,
    /// The key itself. Shown now and never again.
    key: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// `true` lists disabled keys too.
    include_disabled: Option<String>,
    /// Keys to skip; a page has 100.
    #[param(minimum = 0)]
    offset: Option<i64>,
    /// Left out, it is the default workspace.
    #[param(value_type = Option<Uuid>)]
    workspace_id: Option<String>,
    /// `management` lists the organisation's management keys instead, which belong to no workspace.
    kind: Option<Kind>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CreateKey)]
struct Create {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The member whom the key is for; left out, the caller.
    creator_user_id: Option<Uuid>,
    /// In UTC; other time zones are refused.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Whether what the organisation's own provider keys serve counts towards the limit.
    include_byok_in_limit: Option<bool>,
    /// In USD, with up to nine decimals.
    #[schema(minimum = 0)]
    limit: Option<f64>,
    /// When the limit begins anew: at UTC midnight, on Monday, or on the first. Null = never.
    limit_reset: Option<Reset>,
    /// Left out, it is the default workspace.
    workspace_id: Option<Uuid>,
    /// Addresses and networks that the key may be used from, such as `203.0.113.0/24`; at most 100. Null = any.
    #[schema(min_items = 1, max_items = 100)]
    allowed_ips: Option<Vec<String>>,
    /// Requests per minute, beside those of the whole organisation. Left out, it is the platform's default.
    #[schema(minimum = 1)]
    rate_limit_rpm: Option<u32>,
    /// Tokens per minute.
    #[schema(minimum = 1)]
    rate_limit_tpm: Option<u32>,
    /// Requests at once.
    #[schema(minimum = 1)]
    max_concurrent: Option<u32>,
    /// `management` makes a management key, which owners, admins and management keys may.
    kind: Option<Kind>,
}

/// What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
struct Update {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    disabled: Option<bool>,
    include_byok_in_limit: Option<bool>,
    /// In USD, with up to nine decimals. Null = no limit.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    limit: Option<Option<f64>>,
    /// Null = the limit never begins anew.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Reset>)]
    limit_reset: Option<Option<Reset>>,
    /// Null = from anywhere.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100)]
    allowed_ips: Option<Option<Vec<String>>>,
    /// Requests per minute. Null = the platform's default.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_limit_rpm: Option<Option<u32>>,
    /// Tokens per minute. Null = the platform's default.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_limit_tpm: Option<Option<u32>>,
    /// Requests at once. Null = the platform's default.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    max_concurrent: Option<Option<u32>>,
    /// Members that this is not about.
    #[serde(flatten)]
    #[schema(ignore)]
    others: BTreeMap<String, IgnoredAny>,
}

/// Members of a key that are said when it is made, and for good.
const FIXED: [&str; 4] = ["creator_user_id", "expires_at", "kind", "workspace_id"];

impl Update {
    /// Refuses to change what stays: passed over, it would seem changed.
    fn check(&self) -> Result<(), Refusal> {
        match FIXED.into_iter().find(|name| self.others.contains_key(*name)) {
            Some(name) => {
                Err(bad(format!("{name}: a key keeps the one that it was made with; make another key")))
            }
            None => Ok(()),
        }
    }
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotate {
    /// How long the former secret stays in force beside the new one, at most a week. 0 = it ends at once.
    #[serde(default)]
    #[schema(maximum = 604_800)]
    overlap_seconds: u64,
}

/// A limit that a client writes as a JSON number.
fn limit(number: f64) -> Result<pricing::Amount, keys::Error> {
    // The shortest digits that mean the number are those that were sent.
    keys::limit(&number.to_string())
}

fn hash(text: &str) -> Result<KeyHash, Refusal> {
    keys::named(text).ok_or_else(not_found)
}

/// A key with what billing knows of it.
async fn row(app: &App, key: Key) -> Result<Row, Refusal> {
    let key = [key];
    let used = keys::usage(app, key[0].tenant, &key).await?;
    let [key] = key;
    Ok(Row::of(key, used.first()))
}

async fn minted(app: &App, status: StatusCode, minted: Minted) -> Result<Response, Refusal> {
    let body = MintedKey { key: minted.secret.expose().to_owned(), data: row(app, minted.key).await? };
    Ok(reply::json(status, &body))
}

impl Wanted {
    fn with_disabled(&self) -> Result<bool, Refusal> {
        match self.include_disabled.as_deref() {
            None | Some("false" | "") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(bad("include_disabled: use true or false")),
        }
    }

    fn offset(&self) -> Result<i64, Refusal> {
        let offset = self.offset.unwrap_or_default();
        if offset < 0 { Err(bad("offset: use a number from 0")) } else { Ok(offset) }
    }

    fn workspace(&self) -> Result<Option<Uuid>, Refusal> {
        let id = self.workspace_id.as_deref().map(str::parse).transpose();
        id.map_err(|_| bad("workspace_id: use the UUID of a workspace"))
    }
}

/// List API keys
#[utoipa::path(get, path = "/keys", operation_id = "list", tag = "API Keys",
    params(Wanted),
    responses((status = 200, description = "A page of keys, newest first", body = Keys)),
    security(("management_key" = ["keys.read"]), ("session" = ["keys.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Refusal> {
    let (with_disabled, offset) = (wanted.with_disabled()?, wanted.offset()?);
    let (kind, workspace) = (KeyKind::from(wanted.kind.unwrap_or_default()), wanted.workspace()?);
    let found = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let workspace = match kind {
                KeyKind::Management => None,
                KeyKind::Inference => match store::keys::place(tx, workspace, None).await? {
                    Some(place) => Some(place.workspace),
                    None => return Ok(None),
                },
            };
            let filter = Filter { kind, workspace, with_disabled };
            store::keys::page(tx, filter, offset, PAGE).await.map(Some)
        })
    });
    let found: Result<_, sqlx::Error> = found.await;
    let found = found?.ok_or_else(|| bad("workspace_id: there is no such workspace"))?;
    let used = keys::usage(&app, caller.tenant, &found).await?;
    let data = found.into_iter().enumerate().map(|(at, key)| Row::of(key, used.get(at))).collect();
    Ok(reply::json(StatusCode::OK, &Keys { data }))
}

/// Create a new API key
#[utoipa::path(post, path = "/keys", operation_id = "createKeys", tag = "API Keys",
    request_body = Create,
    responses((status = 201, description = "The key, with its secret", body = MintedKey)),
    security(("management_key" = ["keys.write"]), ("session" = ["keys.write"])))]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(sent): Sent<Create>,
) -> Result<Response, Refusal> {
    let draft = keys::Draft {
        name: sent.name,
        kind: sent.kind.unwrap_or_default().into(),
        workspace: sent.workspace_id,
        creator: sent.creator_user_id.map(identity::PersonId::from_uuid),
        app: None,
        limit: sent.limit.map(limit).transpose()?,
        limit_reset: sent.limit_reset,
        counts_own_keys: sent.include_byok_in_limit,
        ceilings: Ceilings {
            requests_per_minute: sent.rate_limit_rpm,
            tokens_per_minute: sent.rate_limit_tpm,
            concurrent: sent.max_concurrent,
        },
        allowed_ips: sent.allowed_ips.as_deref().map(keys::addresses).transpose()?,
        expires_at: sent.expires_at.as_deref().map(keys::expiry).transpose()?,
    };
    let made = keys::create(&app, Manager::of(&caller), draft).await?;
    minted(&app, StatusCode::CREATED, made).await
}

/// Get a single API key
#[utoipa::path(get, path = "/keys/{hash}", operation_id = "getKey", tag = "API Keys",
    params(("hash" = String, Path, description = "The key's hash")),
    responses((status = 200, description = "The key", body = Data<Row>)),
    security(("management_key" = ["keys.read"]), ("session" = ["keys.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    let name = hash(&name)?;
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { store::keys::find(tx, name).await })
    })
    .await;
    let data = row(&app, found?.ok_or_else(not_found)?).await?;
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// Update an API key
#[utoipa::path(patch, path = "/keys/{hash}", operation_id = "updateKeys", tag = "API Keys",
    params(("hash" = String, Path, description = "The key's hash")),
    request_body = Update,
    responses((status = 200, description = "The key as it is now", body = Data<Row>)),
    security(("management_key" = ["keys.write"]), ("session" = ["keys.write"])))]
async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Sent(sent): Sent<Update>,
) -> Result<Response, Refusal> {
    sent.check()?;
    let change = keys::Change {
        name: sent.name,
        disabled: sent.disabled,
        limit: sent.limit.map(|number| number.map(limit).transpose()).transpose()?,
        limit_reset: sent.limit_reset,
        counts_own_keys: sent.include_byok_in_limit,
        requests_per_minute: sent.rate_limit_rpm,
        tokens_per_minute: sent.rate_limit_tpm,
        concurrent: sent.max_concurrent,
        allowed_ips: sent
            .allowed_ips
            .map(|ips| ips.as_deref().map(keys::addresses).transpose())
            .transpose()?,
    };
    let key = keys::change(&app, Manager::of(&caller), hash(&name)?, change).await?;
    Ok(reply::json(StatusCode::OK, &Data { data: row(&app, key).await? }))
}

/// Delete an API key
#[utoipa::path(delete, path = "/keys/{hash}", operation_id = "deleteKeys", tag = "API Keys",
    params(("hash" = String, Path, description = "The key's hash")),
    responses((status = 200, description = "There is no such key any more", body = Deleted)),
    security(("management_key" = ["keys.write"]), ("session" = ["keys.write"])))]
async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    keys::delete(&app, Manager::of(&caller), hash(&name)?).await?;
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}

/// Give an API key another secret
///
/// Its hash, limits, usage and assignments stay. The former secret ends at once, or after the overlap that is asked for.
#[utoipa::path(post, path = "/keys/{hash}/rotate", operation_id = "rotateKey", tag = "API Keys",
    params(("hash" = String, Path, description = "The key's hash")),
    request_body = Option<Rotate>,
    responses((status = 200, description = "The key, with its new secret", body = MintedKey)),
    security(("management_key" = ["keys.write"]), ("session" = ["keys.write"])))]
async fn rotate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let name = hash(&name)?;
    let http = &app.config.http;
    let bytes = body::read(request, http.max_admin_body_bytes.get(), http.body_timeout_ms.get()).await?;
    let sent: Rotate = if bytes.is_empty() { Rotate::default() } else { body::from_json(&bytes)? };
    let overlap = Duration::from_secs(sent.overlap_seconds);
    let made = keys::rotate(&app, Manager::of(&caller), name, overlap).await?;
    minted(&app, StatusCode::OK, made).await
}
