//! The organisation's own credentials for providers.

mod message;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use dialect::error::ErrorType;
use http::StatusCode;
use identity::CredentialId;
use pg::TenantTx;
use rpc::Fault;
use secrecy::SecretString;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::message::{ByokKey, CreateByokKey, ListOfByokKeys, UpdateByokKey};
use super::{Asked, Data, Deleted, Named, Page, Sent, bad, not_found};
use crate::access::Caller;
use crate::byok::{self, Provider};
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::credentials::{self, Credential, Settings, Wanted};
use crate::store::{audit, tenant_keys, workspaces};

/// Credentials of one organisation.
const MOST: i64 = 500;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, update, delete))
}

/// The workspace that goes by this id or slug; by default, the default one.
async fn workspace(tx: &mut TenantTx, name: Option<&str>) -> Result<Uuid, Refusal> {
    match name {
        Some(name) => workspaces::named(tx, name)
            .await?
            .ok_or_else(|| bad("workspace_id: there is no such workspace in your organisation")),
        None => credentials::default_workspace(tx)
            .await?
            .ok_or_else(|| bad("workspace_id: your organisation has no default workspace, so name one")),
    }
}

/// Refuses settings that contradict each other, or name what is not the organisation's.
async fn check(tx: &mut TenantTx, settings: &Settings) -> Result<(), Refusal> {
    if settings.is_byok_only && settings.is_fallback {
        return Err(bad("is_byok_only: a fallback key cannot keep its provider to itself"));
    }
    let (hashes, persons) = (settings.allowed_key_hashes.as_ref(), settings.allowed_person_ids.as_ref());
    match credentials::knows(tx, hashes, persons).await? {
        (false, _) => Err(bad("allowed_api_key_hashes: there is no such key in your organisation")),
        (_, false) => Err(bad("allowed_user_ids: there is no such member in your organisation")),
        (true, true) => Ok(()),
    }
}

/// A key that could not be sealed is nothing that the client could mend.
fn broken(error: crate::Error) -> Refusal {
    match error {
        crate::Error::Database(error) => error.into(),
        error => {
            tracing::error!(error = &error as &dyn std::error::Error, "a credential could not be sealed");
            Fault::internal().into()
        }
    }
}

/// Refuses a credential that the provider could not be shown.
async fn examine(app: &App, provider: &str, key: &SecretString) -> Result<(), Refusal> {
    let provider = Provider::find(app, provider)
        .await?
        .ok_or_else(|| bad("provider: there is no such provider; GET /api/v1/providers lists them"))?;
    byok::check(&provider, key).map_err(bad)
}

/// List BYOK provider credentials
#[utoipa::path(get, path = "/byok", operation_id = "listBYOKKeys", tag = "BYOK",
    params(
        ("offset" = Option<u32>, Query, minimum = 0, description = "How many to skip"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "How many to return; 50 by default"),
        ("workspace_id" = Option<String>, Query,
            description = "The workspace, by default the default one. What every workspace may use is listed too"),
        ("provider" = Option<String>, Query, description = "Only credentials for this provider, by its slug")),
    responses((status = 200, description = "The credentials", body = Page<ByokKey>)),
    security(("management_key" = ["byok.read"]), ("session" = ["byok.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<ListOfByokKeys>,
) -> Result<Response, Refusal> {
    let (offset, limit) = asked.bounds()?;
    let (found, total_count) = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let workspace = workspace(tx, asked.workspace_id.as_deref()).await?;
            let wanted = Wanted { workspace, provider: asked.provider, offset, limit };
            Ok::<_, Refusal>(credentials::list(tx, &wanted).await?)
        })
    })
    .await?;
    let data = found.into_iter().map(ByokKey::from).collect();
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// Create a BYOK provider credential
#[utoipa::path(post, path = "/byok", operation_id = "createBYOKKey", tag = "BYOK",
    request_body = CreateByokKey,
    responses((status = 201, description = "The credential, without the key", body = Data<ByokKey>)),
    security(("management_key" = ["byok.write"]), ("session" = ["byok.write"])))]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(sent): Sent<CreateByokKey>,
) -> Result<Response, Refusal> {
    examine(&app, &sent.provider, &sent.key).await?;
    let (settings, place) = (sent.settings()?, sent.workspace_id);
    let (key, provider, wrapper) = (sent.key, sent.provider, Arc::clone(&app.wrapper));
    let tenant = caller.tenant;
    let made = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            let workspace = match place {
                Some(None) => None,
                Some(Some(name)) => Some(workspace(tx, Some(&name)).await?),
                None => Some(workspace(tx, None).await?),
            };
            check(tx, &settings).await?;
            let id = CredentialId::generate();
            let sealed = byok::seal(tx, wrapper.as_ref(), &key, (&provider, id, 1)).await.map_err(broken)?;
            if credentials::count(tx).await? >= MOST {
                let message = format!("An organisation can have at most {MOST} credentials.");
                return Err(Refusal::new(ErrorType::InvalidRequest, message));
            }
            let label = byok::label(&key);
            let created_at = chrono::Utc::now();
            let new = Credential { id, workspace, provider, label, version: 1, created_at, settings };
            credentials::insert(tx, &new, &sealed).await?;
            let mut details = message::told(&new.settings);
            details["provider"] = new.provider.into();
            details["label"] = new.label.into();
            details["workspace_id"] = json!(new.workspace);
            audit::insert(tx.connection(), &caller.does("byok.create", id.to_string(), details)).await?;
            tenant_keys::tell(tx).await?;
            credentials::find(tx, id).await?.ok_or_else(not_found)
        })
    })
    .await?;
    app.announcer.tenant_changed(tenant).await;
    Ok(reply::json(StatusCode::CREATED, &Data { data: ByokKey::from(made) }))
}

/// The credential that a path names.
async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Credential, Refusal> {
    credentials::find(tx, CredentialId::from_uuid(id)).await?.ok_or_else(not_found)
}

/// Get a BYOK provider credential
#[utoipa::path(get, path = "/byok/{id}", operation_id = "getBYOKKey", tag = "BYOK",
    params(("id" = Uuid, Path, description = "The credential's id")),
    responses((status = 200, description = "The credential, without the key", body = Data<ByokKey>)),
    security(("management_key" = ["byok.read"]), ("session" = ["byok.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<Uuid>,
) -> Result<Response, Refusal> {
    let found =
        pg::in_tenant(&app.pool, caller.tenant, move |tx| Box::pin(async move { find(tx, id).await }))
            .await?;
    Ok(reply::json(StatusCode::OK, &Data { data: ByokKey::from(found) }))
}

/// Update a BYOK provider credential
#[utoipa::path(patch, path = "/byok/{id}", operation_id = "updateBYOKKey", tag = "BYOK",
    params(("id" = Uuid, Path, description = "The credential's id")),
    request_body = UpdateByokKey,
    responses((status = 200, description = "The credential as it is now", body = Data<ByokKey>)),
    security(("management_key" = ["byok.write"]), ("session" = ["byok.write"])))]
async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<Uuid>,
    Sent(mut sent): Sent<UpdateByokKey>,
) -> Result<Response, Refusal> {
    let tenant = caller.tenant;
    let before =
        pg::in_tenant(&app.pool, tenant, move |tx| Box::pin(async move { find(tx, id).await })).await?;
    let key = sent.key.take();
    if let Some(key) = &key {
        examine(&app, &before.provider, key).await?;
    }
    let wrapper = Arc::clone(&app.wrapper);
    let changed = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            tenant_keys::lock(tx).await?;
            let mut credential = find(tx, id).await?;
            sent.said.apply(&mut credential.settings)?;
            check(tx, &credential.settings).await?;
            let mut details = message::told(&credential.settings);
            let action = if key.is_some() { "byok.rotate" } else { "byok.change" };
            if let Some(key) = key {
                credential.version += 1;
                credential.label = byok::label(&key);
                let record = (credential.provider.as_str(), credential.id, credential.version);
                let sealed = byok::seal(tx, wrapper.as_ref(), &key, record).await.map_err(broken)?;
                credentials::reseal(tx, credential.id, credential.version, &sealed).await?;
                details["label"] = credential.label.as_str().into();
            }
            credentials::update(tx, &credential).await?;
            audit::insert(tx.connection(), &caller.does(action, id.to_string(), details)).await?;
            tenant_keys::tell(tx).await?;
            Ok::<_, Refusal>(credential)
        })
    })
    .await?;
    app.announcer.tenant_changed(tenant).await;
    Ok(reply::json(StatusCode::OK, &Data { data: ByokKey::from(changed) }))
}

/// Delete a BYOK provider credential
#[utoipa::path(delete, path = "/byok/{id}", operation_id = "deleteBYOKKey", tag = "BYOK",
    params(("id" = Uuid, Path, description = "The credential's id")),
    responses((status = 200, description = "There is no such credential any more", body = Deleted)),
    security(("management_key" = ["byok.write"]), ("session" = ["byok.write"])))]
async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<Uuid>,
) -> Result<Response, Refusal> {
    let tenant = caller.tenant;
    pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            let credential = find(tx, id).await?;
            if !credentials::delete(tx, credential.id).await? {
                return Err(not_found());
            }
            let details = json!({ "provider": credential.provider, "label": credential.label });
            audit::insert(tx.connection(), &caller.does("byok.delete", id.to_string(), details)).await?;
            Ok::<_, Refusal>(tenant_keys::tell(tx).await?)
        })
    })
    .await?;
    app.announcer.tenant_changed(tenant).await;
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}
