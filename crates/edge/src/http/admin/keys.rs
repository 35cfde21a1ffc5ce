//! The keys of an organisation.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::{self, Refusal};
use super::{Operator, not_found, read, sent, tenant};
use crate::keys::{self, Kind, Manager, Minted, Reset};
use crate::limits::Ceilings;
use crate::service::App;
use crate::store::keys::Key;
use crate::store::{self, organisations};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(rotate))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
struct Created {
    name: String,
    #[serde(default)]
    kind: Kind,
    workspace_id: Option<uuid::Uuid>,
    /// USD as a string.
    limit: Option<String>,
    limit_reset: Option<Reset>,
    /// Whether what the tenant's own credentials serve counts against the limit.
    include_byok_in_limit: Option<bool>,
    /// In UTC.
    expires_at: Option<String>,
    /// Requests per minute; absent = the platform's default, as of the next two.
    #[schema(minimum = 1)]
    rate_limit_rpm: Option<u32>,
    /// Tokens per minute.
    #[schema(minimum = 1)]
    rate_limit_tpm: Option<u32>,
    /// Requests at once.
    #[schema(minimum = 1)]
    max_concurrent: Option<u32>,
    allowed_ips: Option<Vec<String>>,
}

/// What is not sent stays; `null` takes a limit away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyChange)]
struct Change {
    name: Option<String>,
    disabled: Option<bool>,
    #[serde(default, deserialize_with = "sent")]
    limit: Option<Option<String>>,
    #[serde(default, deserialize_with = "sent")]
    limit_reset: Option<Option<Reset>>,
    include_byok_in_limit: Option<bool>,
    #[serde(default, deserialize_with = "sent")]
    rate_limit_rpm: Option<Option<u32>>,
    #[serde(default, deserialize_with = "sent")]
    rate_limit_tpm: Option<Option<u32>>,
    #[serde(default, deserialize_with = "sent")]
    max_concurrent: Option<Option<u32>>,
    #[serde(default, deserialize_with = "sent")]
    allowed_ips: Option<Option<Vec<String>>>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyRotation)]
struct Rotation {
    /// For how long the former secret stays in force.
    #[serde(default)]
    overlap_seconds: u64,
}

/// A key as it is shown; its secret is shown once, when it is made.
fn shown(key: &Key) -> Value {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({
        "hash": key.hash.to_string(),
        "id": key.id.to_string(),
        "tenant_id": key.tenant.to_string(),
        "workspace_id": key.workspace.to_string(),
        "kind": key.kind.as_str(),
        "label": key.label,
        "name": key.name,
        "disabled": key.disabled,
        "limit": key.limit.map(|limit| limit.to_string()),
        "limit_reset": key.limit_reset,
        "rate_limit_rpm": key.ceilings.requests_per_minute,
        "rate_limit_tpm": key.ceilings.tokens_per_minute,
        "max_concurrent": key.ceilings.concurrent,
        "allowed_ips": key.allowed_ips,
        "creator_user_id": key.creator.map(|person| person.to_string()),
        "expires_at": key.expires_at.map(time),
        "created_at": time(key.created_at),
        "last_used_at": key.last_used_at.map(time),
        "rotated_at": key.rotated_at.map(time),
        "previous_key_expires_at": key.previous_until.map(time),
    })
}

fn minted(status: StatusCode, minted: &Minted) -> Response {
    reply::json(status, &json!({ "key": minted.secret.expose(), "data": shown(&minted.key) }))
}

/// List the keys of an organisation
#[utoipa::path(get, path = "/tenants/{tenant}/keys", operation_id = "listTenantKeys", tag = "Keys",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    responses((status = 200, description = "The keys", body = Document)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let found = pg::in_tenant(&app.pool, tenant, |tx| {
        Box::pin(async move {
            let name = organisations::name(tx).await?;
            Ok::<_, sqlx::Error>((name, store::keys::list(tx).await?))
        })
    })
    .await?;
    let (Some(_), keys) = found else { return Err(not_found("tenant")) };
    let data: Vec<Value> = keys.iter().map(shown).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "data": data })))
}

/// Create a key for an organisation
#[utoipa::path(post, path = "/tenants/{tenant}/keys", operation_id = "createTenantKey", tag = "Keys",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    request_body = Created,
    responses((status = 201, description = "The key; the secret is shown this once", body = Document)),
    security(("operator_token" = [])))]
async fn create(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let sent: Created = read(&app, request).await?;
    let draft = keys::Draft {
        name: sent.name,
        kind: sent.kind.into(),
        workspace: sent.workspace_id,
        creator: None,
        app: None,
        limit: sent.limit.as_deref().map(keys::limit).transpose()?,
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
    let made = keys::create(&app, Manager::operator(&operator, tenant), draft).await?;
    Ok(minted(StatusCode::CREATED, &made))
}

/// The key that a path names.
async fn named(app: &App, text: &str) -> Result<Key, Refusal> {
    let name = keys::named(text).ok_or_else(|| not_found("key"))?;
    store::keys::named(&app.pool, name).await?.ok_or_else(|| not_found("key"))
}

/// Show a key
#[utoipa::path(get, path = "/keys/{hash}", operation_id = "getKey", tag = "Keys",
    params(("hash" = String, Path, description = "SHA-256 of the key in hexadecimal")),
    responses((status = 200, description = "The key", body = Document)),
    security(("operator_token" = [])))]
async fn show(
    _operator: Operator,
    State(app): State<Arc<App>>,
    Named(text): Named<String>,
) -> Result<Response, Refusal> {
    let key = named(&app, &text).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "data": shown(&key) })))
}

/// Change a key
#[utoipa::path(patch, path = "/keys/{hash}", operation_id = "updateKey", tag = "Keys",
    params(("hash" = String, Path, description = "SHA-256 of the key in hexadecimal")),
    request_body = Change,
    responses((status = 200, description = "The key as it is now", body = Document)),
    security(("operator_token" = [])))]
async fn change(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(text): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let key = named(&app, &text).await?;
    let sent: Change = read(&app, request).await?;
    let change = keys::Change {
        name: sent.name,
        disabled: sent.disabled,
        limit: sent.limit.map(|limit| limit.as_deref().map(keys::limit).transpose()).transpose()?,
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
    let key = keys::change(&app, Manager::operator(&operator, key.tenant), key.hash, change).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "data": shown(&key) })))
}

/// Rotate a key
///
/// The key gets another secret; the former one stays in force for as long as is asked for.
#[utoipa::path(post, path = "/keys/{hash}/rotate", operation_id = "rotateKey", tag = "Keys",
    params(("hash" = String, Path, description = "SHA-256 of the key in hexadecimal")),
    request_body = Rotation,
    responses((status = 200, description = "The key with its new secret", body = Document)),
    security(("operator_token" = [])))]
async fn rotate(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(text): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let key = named(&app, &text).await?;
    let sent: Rotation = read(&app, request).await?;
    let overlap = Duration::from_secs(sent.overlap_seconds);
    let made = keys::rotate(&app, Manager::operator(&operator, key.tenant), key.hash, overlap).await?;
    Ok(minted(StatusCode::OK, &made))
}

/// Delete a key
#[utoipa::path(delete, path = "/keys/{hash}", operation_id = "deleteKey", tag = "Keys",
    params(("hash" = String, Path, description = "SHA-256 of the key in hexadecimal")),
    responses((status = 200, description = "There is no such key any more", body = Document)),
    security(("operator_token" = [])))]
async fn delete(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(text): Named<String>,
) -> Result<Response, Refusal> {
    let key = named(&app, &text).await?;
    keys::delete(&app, Manager::operator(&operator, key.tenant), key.hash).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "deleted": true })))
}
