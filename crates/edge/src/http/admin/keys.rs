//! The keys of an organisation.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use identity::{ApiKey, KeyHash, KeyId, KeyKind, TenantId};
use pricing::Amount;
use rpc::billing::PutKeyLimitRequest;
use rpc::billing::billing_client::BillingClient;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::{self, Refusal};
use super::{Operator, bad, not_found, read, sent, tenant};
use crate::service::App;
use crate::store::keys::{Key, NewKey};
use crate::store::{self, audit, organisations};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, delete))
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = KeyKind)]
enum Kind {
    #[default]
    Inference,
    Management,
}

/// When a key's limit begins anew.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LimitReset)]
enum Reset {
    Daily,
    Weekly,
    Monthly,
}

impl Reset {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
struct Created {
    name: String,
    #[serde(default)]
    kind: Kind,
    /// USD as a string.
    limit: Option<String>,
    limit_reset: Option<Reset>,
    /// Whether what the tenant's own credentials serve counts against the limit.
    include_byok_in_limit: Option<bool>,
    expires_at: Option<DateTime<Utc>>,
    rate_limit_rpm: Option<u32>,
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
}

fn amount(text: &str) -> Result<Amount, Refusal> {
    let amount: Result<Amount, _> = text.parse();
    amount.ok().filter(|amount| *amount >= Amount::ZERO).ok_or_else(|| {
        bad(format!("limit: `{text}` is no amount: write USD with up to nine decimals, such as \"12.50\""))
    })
}

fn rate_limit(limit: Option<u32>) -> Result<Option<u32>, Refusal> {
    match limit {
        Some(limit) if limit == 0 || i32::try_from(limit).is_err() => {
            Err(bad("rate_limit_rpm: use a number of requests per minute from 1, or null"))
        }
        limit => Ok(limit),
    }
}

/// A key as it is shown; the key itself is shown once, when it is made.
fn shown(hash: KeyHash, key: &Key) -> Value {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({
        "hash": hash.to_string(),
        "id": key.id.to_string(),
        "tenant_id": key.tenant.to_string(),
        "workspace_id": key.workspace.to_string(),
        "kind": key.kind.as_str(),
        "label": key.label,
        "name": key.name,
        "disabled": key.disabled,
        "limit": key.limit.map(|limit| limit.to_string()),
        "limit_reset": key.limit_reset,
        "rate_limit_rpm": key.rate_limit,
        "expires_at": key.expires_at.map(time),
        "created_at": time(key.created_at),
    })
}

/// Tells billing of a key's limit, and waits until it is kept.
async fn put_limit(
    app: &App,
    tenant: TenantId,
    id: KeyId,
    limit: Option<Amount>,
    reset: Option<&str>,
    own_keys: Option<bool>,
) -> Result<(), Refusal> {
    let message = PutKeyLimitRequest {
        tenant_id: tenant.to_string(),
        key_id: id.to_string(),
        limit: limit.map(Amount::nanos),
        reset: reset.unwrap_or_default().to_owned(),
        counts_own_keys: own_keys,
    };
    BillingClient::new(app.billing.clone()).put_key_limit(message).await?;
    Ok(())
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
    let data: Vec<Value> = keys.iter().map(|(hash, key)| shown(*hash, key)).collect();
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
    if sent.name.is_empty() || sent.name.len() > 200 {
        return Err(bad("name: use 1 to 200 characters"));
    }
    let kind = match sent.kind {
        Kind::Inference => KeyKind::Inference,
        Kind::Management => KeyKind::Management,
    };
    let key = ApiKey::generate(kind);
    let hash = key.hash();
    let new = NewKey {
        id: KeyId::generate(),
        hash,
        kind,
        label: key.label(),
        name: sent.name,
        rate_limit: rate_limit(sent.rate_limit_rpm)?,
        limit: sent.limit.as_deref().map(amount).transpose()?,
        limit_reset: sent.limit_reset.map(|reset| reset.as_str().to_owned()),
        expires_at: sent.expires_at,
    };
    if new.limit.is_some() || sent.include_byok_in_limit.is_some() {
        // Before the key exists, so that it is never used without its limit.
        let (reset, own_keys) = (new.limit_reset.as_deref(), sent.include_byok_in_limit);
        put_limit(&app, tenant, new.id, new.limit, reset, own_keys).await?;
    }
    let details = json!({ "kind": kind.as_str(), "name": new.name, "label": new.label,
                          "limit": new.limit.map(|limit| limit.to_string()),
                          "include_byok_in_limit": sent.include_byok_in_limit });
    let entry = operator.does("key.create", Some(tenant), hash.to_string(), details);
    let is_new = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            let is_new = store::keys::insert(tx, &new).await?;
            if is_new {
                audit::insert(tx.connection(), &entry).await?;
            }
            Ok::<_, sqlx::Error>(is_new)
        })
    })
    .await?;
    if !is_new {
        // Without a default workspace to put it in there is no organisation.
        return Err(not_found("tenant"));
    }
    app.announcer.changed(hash).await;
    let stored = store::keys::by_hash(&app.pool, hash).await?.ok_or_else(|| not_found("key"))?;
    Ok(reply::json(StatusCode::CREATED, &json!({ "key": key.expose(), "data": shown(hash, &stored) })))
}

/// The key that a path names.
async fn named(app: &App, text: &str) -> Result<(KeyHash, Key), Refusal> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| not_found("key"))?;
    let hash = KeyHash(bytes);
    let key = store::keys::by_hash(&app.pool, hash).await?.ok_or_else(|| not_found("key"))?;
    Ok((hash, key))
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
    let (hash, key) = named(&app, &text).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "data": shown(hash, &key) })))
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
    let (hash, mut key) = named(&app, &text).await?;
    let sent: Change = read(&app, request).await?;
    let own_keys = sent.include_byok_in_limit;
    let changes_limit = sent.limit.is_some() || sent.limit_reset.is_some() || own_keys.is_some();
    let details = json!({ "name": sent.name, "disabled": sent.disabled, "limit": sent.limit.clone().flatten(),
                          "rate_limit_rpm": sent.rate_limit_rpm.flatten(),
                          "include_byok_in_limit": sent.include_byok_in_limit });
    if let Some(name) = sent.name {
        if name.is_empty() || name.len() > 200 {
            return Err(bad("name: use 1 to 200 characters"));
        }
        key.name = name;
    }
    key.disabled = sent.disabled.unwrap_or(key.disabled);
    if let Some(limit) = sent.limit {
        key.limit = limit.as_deref().map(amount).transpose()?;
    }
    if let Some(reset) = sent.limit_reset {
        key.limit_reset = reset.map(|reset| reset.as_str().to_owned());
    }
    if let Some(limit) = sent.rate_limit_rpm {
        key.rate_limit = rate_limit(limit)?;
    }
    if changes_limit {
        put_limit(&app, key.tenant, key.id, key.limit, key.limit_reset.as_deref(), own_keys).await?;
    }
    let entry = operator.does("key.change", Some(key.tenant), hash.to_string(), details);
    let updated = key.clone();
    pg::in_tenant(&app.pool, key.tenant, move |tx| {
        Box::pin(async move {
            store::keys::update(tx, &updated).await?;
            audit::insert(tx.connection(), &entry).await
        })
    })
    .await?;
    app.announcer.changed(hash).await;
    Ok(reply::json(StatusCode::OK, &json!({ "data": shown(hash, &key) })))
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
    let (hash, key) = named(&app, &text).await?;
    let entry = operator.does("key.delete", Some(key.tenant), hash.to_string(), json!({}));
    let id = key.id;
    pg::in_tenant(&app.pool, key.tenant, move |tx| {
        Box::pin(async move {
            store::keys::delete(tx, id).await?;
            audit::insert(tx.connection(), &entry).await
        })
    })
    .await?;
    app.announcer.changed(hash).await;
    Ok(reply::json(StatusCode::OK, &json!({ "deleted": true })))
}
