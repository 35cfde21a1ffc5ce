//! Workspaces of an organisation.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use dialect::error::ErrorType;
use http::StatusCode;
use identity::TenantId;
use pg::TenantTx;
use rpc::billing::budgets_client::BudgetsClient;
use rpc::billing::{DeleteBudgetRequest, ListBudgetsRequest, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::settings::{self, Settings};
use super::{Asked, Data, Deleted, Named, Page, Sent, bad, not_found, rows};
use crate::access::{Caller, Who};
use crate::guardrails;
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::{audit, workspaces as stored};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, delete))
}

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
#[allow(clippy::struct_excessive_bools, reason = "the public shape has them")]
struct Workspace {
    id: Uuid,
    slug: String,
    name: String,
    description: Option<String>,
    /// The id of the guardrail that governs every key of the workspace, whether it was written yet or not: UUIDv5
    /// of `default-guardrail` in the namespace of the workspace's id.
    default_guardrail_id: Uuid,
    default_text_model: Option<String>,
    default_image_model: Option<String>,
    /// `price`, `throughput`, `latency` or `exacto`.
    default_provider_sort: Option<String>,
    /// An addition of this platform. Null = none.
    #[schema(value_type = Option<Vec<Object>>)]
    default_plugins: Option<Value>,
    /// Why requests go without one of them, which was good when it was set; null = they get all. An addition of this
    /// platform.
    default_plugins_error: Option<String>,
    /// An addition of this platform.
    prevent_plugin_overrides: bool,
    /// Null = none is disabled.
    disabled_server_tools: Option<Vec<String>>,
    is_observability_io_logging_enabled: bool,
    is_observability_broadcast_enabled: bool,
    is_data_discount_logging_enabled: bool,
    io_logging_sampling_rate: f64,
    /// Null = of all keys.
    io_logging_api_key_ids: Option<Vec<i64>>,
    /// The person who made it; null = nobody in particular.
    created_by: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<stored::Workspace> for Workspace {
    fn from(known: stored::Workspace) -> Self {
        Self {
            default_guardrail_id: guardrails::default_id(known.id),
            id: known.id,
            slug: known.slug,
            name: known.name,
            description: known.description,
            default_text_model: known.default_text_model,
            default_image_model: known.default_image_model,
            default_provider_sort: known.default_provider_sort,
            default_plugins: known.default_plugins,
            default_plugins_error: None,
            prevent_plugin_overrides: known.are_plugins_final,
            disabled_server_tools: Some(known.disabled_server_tools).filter(|tools| !tools.is_empty()),
            is_observability_io_logging_enabled: known.is_io_logged,
            is_observability_broadcast_enabled: known.is_broadcast,
            is_data_discount_logging_enabled: known.is_data_discount_logged,
            io_logging_sampling_rate: known.io_logging_sampling_rate,
            io_logging_api_key_ids: known.io_logging_api_key_ids,
            created_by: known.creator,
            created_at: known.created_at,
            updated_at: known.updated_at,
        }
    }
}

/// Says of workspaces which default plugins of theirs no request gets.
async fn note_broken(app: &App, workspaces: &mut [Workspace]) {
    let kept =
        workspaces.iter_mut().map(|one| (one.default_plugins.as_ref(), &mut one.default_plugins_error));
    settings::note_broken(app, kept).await;
}

/// Which part of a list is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// Rows to pass over; 0 unless another number is asked for.
    offset: Option<u32>,
    /// Rows at most, 1 to 100; 50 unless another number is asked for.
    limit: Option<u32>,
}

impl Part {
    /// Rows to pass over, and rows to answer at most.
    pub(super) fn rows(&self) -> Result<(i64, i64), Refusal> {
        rows(self.offset, self.limit)
    }
}

/// List workspaces
#[utoipa::path(get, path = "/workspaces", operation_id = "listWorkspaces", tag = "Workspaces",
    params(Part),
    responses((status = 200, description = "A page of workspaces, the default one first", body = Page<Workspace>)),
    security(("management_key" = ["workspaces.read"]), ("session" = ["workspaces.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(part): Asked<Part>,
) -> Result<Response, Refusal> {
    let (offset, limit) = part.rows()?;
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { Ok((stored::list(tx, offset, limit).await?, stored::count(tx).await?)) })
    })
    .await;
    let (workspaces, total_count) = found?;
    let mut data: Vec<Workspace> = workspaces.into_iter().map(Workspace::from).collect();
    note_broken(&app, &mut data).await;
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// What a new workspace is to be.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = CreateWorkspace)]
struct Create {
    /// 1 to 100 characters.
    name: String,
    /// 1 to 50 of `a-z`, `0-9` and single `-` between them; no id.
    slug: String,
    #[serde(flatten)]
    settings: Settings,
}

/// Create a workspace
#[utoipa::path(post, path = "/workspaces", operation_id = "createWorkspace", tag = "Workspaces",
    request_body = Create,
    responses((status = 201, description = "The workspace", body = Data<Workspace>)),
    security(("management_key" = ["workspaces.write"]), ("session" = ["workspaces.write"])))]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(sent): Sent<Create>,
) -> Result<Response, Refusal> {
    let creator = match &caller.who {
        Who::Key(context) => context.key.creator,
        Who::Person { id, .. } => Some(*id),
    };
    settings::check_name(&sent.name)?;
    settings::check_slug(&sent.slug)?;
    sent.settings.check_plugins(&app).await?;
    let mut new = stored::Workspace::new(sent.slug.clone(), sent.name.clone(), creator);
    sent.settings.apply(&mut new)?;
    let entry = caller.does("workspace.create", new.id.to_string(), json!(sent));
    let made: Result<_, Refusal> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            if stored::count(tx).await? >= stored::MOST {
                return Err(bad(format!("An organization has at most {} workspaces.", stored::MOST)));
            }
            stored::insert(tx, &new).await.map_err(|error| taken(error, &new.slug))?;
            audit::insert(tx.connection(), &entry).await?;
            reread(tx, new.id).await
        })
    })
    .await;
    Ok(reply::json(StatusCode::CREATED, &Data { data: made? }))
}

/// Whatever stands in the way of a slug is a workspace that has it.
fn taken(error: sqlx::Error, slug: &str) -> Refusal {
    if pg::class(&error) == pg::Class::Conflict {
        return bad(format!("slug: another workspace goes by `{slug}`"));
    }
    error.into()
}

/// The workspace as it stands in the database now.
async fn reread(tx: &mut TenantTx, id: Uuid) -> Result<Workspace, Refusal> {
    stored::find(tx, &id.to_string()).await?.map(Workspace::from).ok_or_else(not_found)
}

/// Show a workspace
#[utoipa::path(get, path = "/workspaces/{id}", operation_id = "getWorkspace", tag = "Workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    responses((status = 200, description = "The workspace", body = Data<Workspace>)),
    security(("management_key" = ["workspaces.read"]), ("session" = ["workspaces.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { stored::find(tx, &name).await })
    })
    .await;
    let mut data = found?.map(Workspace::from).ok_or_else(not_found)?;
    note_broken(&app, std::slice::from_mut(&mut data)).await;
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// What is to change of a workspace. What is not sent stays as it is.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ChangeWorkspace)]
struct Change {
    /// 1 to 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// 1 to 50 of `a-z`, `0-9` and single `-` between them; no id.
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<String>,
    #[serde(flatten)]
    settings: Settings,
}

impl Change {
    fn apply(&self, to: &mut stored::Workspace) -> Result<(), Refusal> {
        if let Some(name) = &self.name {
            settings::check_name(name)?;
            to.name.clone_from(name);
        }
        if let Some(slug) = &self.slug {
            settings::check_slug(slug)?;
            to.slug.clone_from(slug);
        }
        self.settings.apply(to)
    }
}

/// Update a workspace
#[utoipa::path(patch, path = "/workspaces/{id}", operation_id = "updateWorkspace", tag = "Workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    request_body = Change,
    responses((status = 200, description = "The workspace as it is now", body = Data<Workspace>)),
    security(("management_key" = ["workspaces.write"]), ("session" = ["workspaces.write"])))]
async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Sent(sent): Sent<Change>,
) -> Result<Response, Refusal> {
    sent.settings.check_plugins(&app).await?;
    let doer = caller.clone();
    let changed: Result<_, Refusal> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let mut known = stored::hold(tx, &name).await?.ok_or_else(not_found)?;
            sent.apply(&mut known)?;
            stored::update(tx, &known).await.map_err(|error| taken(error, &known.slug))?;
            let entry = doer.does("workspace.update", known.id.to_string(), json!(sent));
            audit::insert(tx.connection(), &entry).await?;
            let shown = reread(tx, known.id).await?;
            stored::tenant_changed(tx).await?;
            Ok(shown)
        })
    })
    .await;
    let mut data = changed?;
    app.announcer.tenant_changed(caller.tenant).await;
    note_broken(&app, std::slice::from_mut(&mut data)).await;
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// Delete a workspace
///
/// The default workspace stays, and so does one with keys that live: delete the keys first. Its budgets,
/// memberships, guardrails, presets, credentials and destinations go with it.
#[utoipa::path(delete, path = "/workspaces/{id}", operation_id = "deleteWorkspace", tag = "Workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    responses((status = 200, description = "There is no such workspace any more", body = Deleted)),
    security(("management_key" = ["workspaces.write"]), ("session" = ["workspaces.write"])))]
async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    let doer = caller.clone();
    let deleted: Result<_, Refusal> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let known = stored::hold(tx, &name).await?.ok_or_else(not_found)?;
            if known.is_default {
                let message = "The default workspace cannot be deleted.";
                return Err(Refusal::new(ErrorType::PermissionDenied, message));
            }
            let keys = stored::live_keys(tx, known.id).await?;
            if keys > 0 {
                return Err(bad(format!("The workspace has {keys} live API keys. Delete them first.")));
            }
            let guardrails = stored::delete(tx, known.id).await?;
            let entry = doer.does("workspace.delete", known.id.to_string(), json!({ "slug": known.slug }));
            audit::insert(tx.connection(), &entry).await?;
            stored::tenant_changed(tx).await?;
            Ok((known.id, guardrails))
        })
    })
    .await;
    let (workspace, guardrails) = deleted?;
    app.announcer.tenant_changed(caller.tenant).await;
    let of_guardrails = guardrails.into_iter().map(|id| ("guardrail", id));
    for (kind, id) in std::iter::once(("workspace", workspace)).chain(of_guardrails) {
        if let Err(status) = delete_budgets(&app, caller.tenant, kind, id).await {
            // Without keys they bound nothing.
            tracing::warn!(error = %status, workspace = %workspace, "budgets of a deleted workspace are still there");
        }
    }
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}

/// Deletes what may be spent in a workspace, or under a guardrail, that is no more.
async fn delete_budgets(app: &App, tenant: TenantId, kind: &str, id: Uuid) -> Result<(), tonic::Status> {
    let mut client = BudgetsClient::new(app.billing.clone());
    let subject = Some(Subject { kind: kind.to_owned(), id: id.to_string() });
    let tenant_id = tenant.to_string();
    let asked = ListBudgetsRequest {
        tenant_id: tenant_id.clone(),
        subject: subject.clone(),
        ..ListBudgetsRequest::default()
    };
    for budget in client.list_budgets(asked).await?.into_inner().budgets {
        let message = DeleteBudgetRequest {
            tenant_id: tenant_id.clone(),
            subject: subject.clone(),
            interval: budget.interval,
        };
        client.delete_budget(message).await?;
    }
    Ok(())
}
