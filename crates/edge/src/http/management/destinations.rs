//! Where traces of generations are sent.

mod failures;
mod message;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use dialect::error::ErrorType;
use http::StatusCode;
use identity::CredentialId;
use pg::TenantTx;
use rpc::Fault;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::message::{CreateDestination, ListOfDestinations, ObservabilityDestination, UpdateDestination};
use super::{Asked, Data, Deleted, Named, Page, Sent, bad, not_found};
use crate::access::{Caller, Outside, Turn};
use crate::byok;
use crate::destinations::{Configuration, Kind};
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::destinations::{self, Destination};
use crate::store::{audit, credentials, tenant_keys, workspaces};

/// Destinations of one kind in one workspace.
const MOST: i64 = 5;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
        .merge(failures::routes())
}

/// The workspace that goes by this id or slug; by default, the default one.
async fn workspace(tx: &mut TenantTx, name: Option<&str>) -> Result<Uuid, Refusal> {
    let found = match name {
        Some(name) => workspaces::named(tx, name).await?,
        None => credentials::default_workspace(tx).await?,
    };
    found.ok_or_else(|| bad("workspace_id: there is no such workspace in your organisation"))
}

/// The destination that a path names.
async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Destination, Refusal> {
    destinations::find(tx, id).await?.ok_or_else(not_found)
}

/// The ids of the keys that a destination is for.
async fn keys(tx: &mut TenantTx, destination: &Destination) -> Result<Option<Vec<Uuid>>, Refusal> {
    let Some(hashes) = &destination.settings.key_hashes else { return Ok(None) };
    let ids = destinations::key_ids(tx, hashes).await?;
    ids.map(Some).ok_or_else(|| bad("api_key_hashes: there is no such key in your organisation"))
}

/// Refuses a configuration that leads nowhere; one that is in use has to answer.
async fn examine(
    app: &App,
    turn: &Turn,
    configuration: &Configuration,
    is_used: bool,
) -> Result<(), Refusal> {
    let member = configuration.kind().address();
    app.sender.check(configuration).map_err(|fault| bad(format!("config.{member}: {fault}")))?;
    if !is_used {
        return Ok(());
    }
    let tested = turn.outside(app, Outside::Named, app.sender.test(configuration)).await?;
    tested.map_err(|fault| bad(format!("config: the test of the connection failed: {fault}")))
}

/// What could not be sealed is nothing that the client could mend.
fn broken(error: &(dyn std::error::Error + 'static)) -> Refusal {
    tracing::error!(error, "a destination's configuration could not be sealed or opened");
    Fault::internal().into()
}

/// Seals a destination's configuration.
async fn seal(
    tx: &mut TenantTx,
    app: &App,
    destination: &Destination,
    configuration: &Configuration,
) -> Result<byok::Sealed, Refusal> {
    let record = (destination.kind.sealed_as(), destination.id, destination.version);
    let sealed = byok::seal(tx, app.wrapper.as_ref(), &configuration.to_text(), record).await;
    sealed.map_err(|error| match error {
        crate::Error::Database(error) => error.into(),
        error => broken(&error),
    })
}

/// The configuration that a destination has, with its secrets.
async fn opened(app: &App, caller: &Caller, id: Uuid) -> Result<(Destination, Configuration), Refusal> {
    let (destination, envelope) = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let destination = find(tx, id).await?;
            let envelope = destinations::envelope(tx, destination.id).await?;
            Ok::<_, Refusal>((destination, envelope))
        })
    })
    .await?;
    let kind = destination.kind;
    let envelope = envelope.ok_or_else(|| Refusal::from(Fault::internal()))?;
    let text = envelope.open(app.wrapper.as_ref(), caller.tenant, kind.sealed_as(), destination.id).await;
    let text = text.map_err(|error| broken(&error))?;
    let configuration = Configuration::open(kind, &text).ok_or_else(|| Refusal::from(Fault::internal()))?;
    Ok((destination, configuration))
}

/// List observability destinations
#[utoipa::path(get, path = "/observability/destinations", operation_id = "listObservabilityDestinations",
    tag = "Observability",
    params(
        ("offset" = Option<u32>, Query, minimum = 0, description = "How many to skip"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "How many to return; 50 by default"),
        ("workspace_id" = Option<String>, Query, description = "The workspace, by default the default one")),
    responses((status = 200, description = "The destinations", body = Page<ObservabilityDestination>)),
    security(("management_key" = ["observability.read"]), ("session" = ["observability.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<ListOfDestinations>,
) -> Result<Response, Refusal> {
    let bounds = asked.bounds()?;
    let (found, total_count) = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let workspace = workspace(tx, asked.workspace_id.as_deref()).await?;
            Ok::<_, Refusal>(destinations::list(tx, (Some(workspace), None), bounds).await?)
        })
    })
    .await?;
    let data = found.into_iter().map(ObservabilityDestination::from).collect();
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// Create an observability destination
///
/// One that is enabled is asked first whether it takes traces.
#[utoipa::path(post, path = "/observability/destinations", operation_id = "createObservabilityDestination",
    tag = "Observability", request_body = CreateDestination,
    responses((status = 201, description = "The destination, its secrets masked",
        body = Data<ObservabilityDestination>)),
    security(("management_key" = ["observability.write"]), ("session" = ["observability.write"])))]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    turn: Turn,
    Sent(sent): Sent<CreateDestination>,
) -> Result<Response, Refusal> {
    let (kind, settings) = (sent.kind()?, sent.settings()?);
    let configuration = Configuration::new(kind, sent.config).map_err(bad)?;
    examine(&app, &turn, &configuration, settings.enabled).await?;
    let (tenant, place, shared) = (caller.tenant, sent.workspace_id, Arc::clone(&app));
    let made = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            let workspace = workspace(tx, place.as_deref()).await?;
            if destinations::count(tx, workspace, kind).await? >= MOST {
                let message =
                    format!("A workspace can have at most {MOST} destinations of type {}.", kind.as_str());
                return Err(Refusal::new(ErrorType::InvalidRequest, message));
            }
            let now = chrono::Utc::now();
            let new = Destination {
                id: CredentialId::generate(),
                workspace,
                kind,
                shown: configuration.shown(),
                version: 1,
                created_at: now,
                updated_at: now,
                settings,
            };
            let keys = keys(tx, &new).await?;
            let sealed = seal(tx, &shared, &new, &configuration).await?;
            destinations::insert(tx, &new, keys.as_deref(), &sealed).await?;
            let details = message::told(&new);
            let entry = caller.does("destination.create", new.id.to_string(), details);
            audit::insert(tx.connection(), &entry).await?;
            tenant_keys::tell(tx).await?;
            find(tx, new.id.uuid()).await
        })
    })
    .await?;
    app.announcer.tenant_changed(tenant).await;
    Ok(reply::json(StatusCode::CREATED, &Data { data: ObservabilityDestination::from(made) }))
}

/// Get an observability destination
#[utoipa::path(get, path = "/observability/destinations/{id}", operation_id = "getObservabilityDestination",
    tag = "Observability", params(("id" = Uuid, Path, description = "The destination's id")),
    responses((status = 200, description = "The destination, its secrets masked",
        body = Data<ObservabilityDestination>)),
    security(("management_key" = ["observability.read"]), ("session" = ["observability.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<Uuid>,
) -> Result<Response, Refusal> {
    let found =
        pg::in_tenant(&app.pool, caller.tenant, move |tx| Box::pin(async move { find(tx, id).await }))
            .await?;
    Ok(reply::json(StatusCode::OK, &Data { data: ObservabilityDestination::from(found) }))
}

/// Update an observability destination
///
/// What is left out stays, and so does a secret that is sent as it is shown.
#[utoipa::path(patch, path = "/observability/destinations/{id}",
    operation_id = "updateObservabilityDestination", tag = "Observability",
    params(("id" = Uuid, Path, description = "The destination's id")), request_body = UpdateDestination,
    responses((status = 200, description = "The destination as it is now",
        body = Data<ObservabilityDestination>)),
    security(("management_key" = ["observability.write"]), ("session" = ["observability.write"])))]
async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    turn: Turn,
    Named(id): Named<Uuid>,
    Sent(mut sent): Sent<UpdateDestination>,
) -> Result<Response, Refusal> {
    let (before, kept) = opened(&app, &caller, id).await?;
    let mut wanted = before.settings.clone();
    sent.said.apply(&mut wanted)?;
    let configuration = kept.changed(sent.config.take().unwrap_or_default()).map_err(bad)?;
    let is_changed = configuration != kept;
    if is_changed || (wanted.enabled && !before.settings.enabled) {
        examine(&app, &turn, &configuration, wanted.enabled).await?;
    }
    let (tenant, shared) = (caller.tenant, Arc::clone(&app));
    let changed = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            tenant_keys::lock(tx).await?;
            let mut destination = find(tx, id).await?;
            if destination.version != before.version {
                return Err(Refusal::new(ErrorType::Conflict, "Resource conflict. Please try again later."));
            }
            sent.said.apply(&mut destination.settings)?;
            let keys = keys(tx, &destination).await?;
            if is_changed {
                destination.version += 1;
                destination.shown = configuration.shown();
                let sealed = seal(tx, &shared, &destination, &configuration).await?;
                destinations::reseal(tx, destination.id, destination.version, &sealed).await?;
            }
            destinations::update(tx, &destination, keys.as_deref()).await?;
            let mut details = message::told(&destination);
            details["config_changed"] = is_changed.into();
            audit::insert(tx.connection(), &caller.does("destination.change", id.to_string(), details))
                .await?;
            tenant_keys::tell(tx).await?;
            find(tx, id).await
        })
    })
    .await?;
    app.announcer.tenant_changed(tenant).await;
    Ok(reply::json(StatusCode::OK, &Data { data: ObservabilityDestination::from(changed) }))
}

/// Delete an observability destination
#[utoipa::path(delete, path = "/observability/destinations/{id}",
    operation_id = "deleteObservabilityDestination", tag = "Observability",
    params(("id" = Uuid, Path, description = "The destination's id")),
    responses((status = 200, description = "There is no such destination any more", body = Deleted)),
    security(("management_key" = ["observability.write"]), ("session" = ["observability.write"])))]
async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<Uuid>,
) -> Result<Response, Refusal> {
    let tenant = caller.tenant;
    pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            let destination = find(tx, id).await?;
            if !destinations::delete(tx, id).await? {
                return Err(not_found());
            }
            let details = json!({ "type": destination.kind.as_str(), "name": destination.settings.name });
            audit::insert(tx.connection(), &caller.does("destination.delete", id.to_string(), details))
                .await?;
            Ok::<_, Refusal>(tenant_keys::tell(tx).await?)
        })
    })
    .await?;
    app.announcer.tenant_changed(tenant).await;
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}

/// A kind by its public name.
fn kind(text: &str) -> Result<Kind, Refusal> {
    Kind::named(text).ok_or_else(|| {
        let known = Kind::ALL.map(Kind::as_str).join(", ");
        bad(format!("type: destinations of this type are not served here; use one of {known}"))
    })
}
