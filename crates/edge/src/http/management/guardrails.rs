//! Guardrails: making, reading, changing and deleting them. A guardrail forbids nothing until it is assigned; a
//! workspace's default one applies to all of its keys.

mod assignments;
mod budget;
mod names;
mod policy;
mod sent;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use dialect::error::ErrorType;
use http::StatusCode;
use identity::TenantId;
use pg::TenantTx;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Asked, Data, Deleted, Named, Page, Sent, bad, not_found, rows};
use crate::access::Caller;
use crate::guardrails::{Filters, Rules, default_id};
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::guardrails as stored;
use crate::store::{audit, organisations};
use sent::{CreateGuardrail, UpdateGuardrail};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .merge(assignments::routes())
        .merge(policy::routes())
}

/// A guardrail.
#[derive(Debug, Serialize, ToSchema)]
struct Guardrail {
    id: Uuid,
    /// Where it is kept. Being there applies it to nothing.
    workspace_id: Option<Uuid>,
    name: String,
    description: Option<String>,
    /// In USD, for each key and each member that it is assigned to.
    #[schema(value_type = Option<f64>)]
    limit_usd: Option<Number>,
    /// `daily`, `weekly` or `monthly`; null = the limit is for ever.
    reset_interval: Option<String>,
    /// Whether what the organisation's own provider keys serve counts too.
    include_byok_in_budgets: bool,
    /// What the five groups agree on; null where they differ.
    enforce_zdr: Option<bool>,
    created_at: DateTime<Utc>,
    updated_at: Option<DateTime<Utc>>,
    #[serde(flatten)]
    rules: Rules,
}

impl Guardrail {
    fn of(kept: stored::Guardrail) -> Self {
        Self {
            id: kept.id,
            workspace_id: kept.workspace,
            name: kept.name,
            description: kept.description,
            limit_usd: kept.limit.map(|limit| limit.to_json_number()),
            reset_interval: kept.reset_interval,
            include_byok_in_budgets: kept.counts_own_keys,
            enforce_zdr: kept.rules.enforce_zdr(),
            created_at: kept.created_at,
            updated_at: (kept.revision > 0).then_some(kept.updated_at),
            rules: kept.rules,
        }
    }
}

/// A page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Rows to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u32>,
    /// Rows at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

impl Paging {
    /// Offset and limit.
    fn bounds(&self) -> Result<(i64, i64), Refusal> {
        rows(self.offset, self.limit)
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Rows to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u32>,
    /// Rows at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The default workspace, unless another is named.
    workspace_id: Option<Uuid>,
}

/// The workspace with this id, or the default one.
async fn workspace(tx: &mut TenantTx, wanted: Option<Uuid>) -> Result<Option<Uuid>, sqlx::Error> {
    let all = organisations::workspaces(tx).await?;
    let found = all.iter().find(|one| wanted.map_or(one.is_default, |wanted| one.id == wanted));
    Ok(found.map(|one| one.id))
}

/// A guardrail of the tenant's. A workspace's default one is there even where nobody has changed it yet.
async fn find(app: &App, tenant: TenantId, id: Uuid) -> Result<stored::Guardrail, Refusal> {
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            if let Some(found) = stored::find(tx, id).await? {
                return Ok(Some(found));
            }
            let all = organisations::workspaces(tx).await?;
            let of = all.iter().find(|one| default_id(one.id) == id);
            Ok(of.map(|workspace| unmade(id, Some(workspace.id), "Default")))
        })
    })
    .await;
    found?.ok_or_else(not_found)
}

/// A guardrail that is not kept yet and forbids nothing.
fn unmade(id: Uuid, workspace: Option<Uuid>, name: &str) -> stored::Guardrail {
    let now = Utc::now();
    stored::Guardrail {
        id,
        workspace,
        name: name.to_owned(),
        description: None,
        limit: None,
        reset_interval: None,
        counts_own_keys: false,
        rules: Rules::default(),
        created_at: now,
        updated_at: now,
        revision: 0,
    }
}

/// A row that a path names.
fn id(text: &str) -> Result<Uuid, Refusal> {
    text.parse().map_err(|_| not_found())
}

/// Takes over the members of a body that are rules, as far as they may be; `null` takes a rule away.
async fn adopt(
    app: &App,
    guardrail: &mut stored::Guardrail,
    body: &Map<String, Value>,
    names: &[&'static str],
) -> Result<(), Refusal> {
    let mut members = serde_json::to_value(&guardrail.rules).unwrap_or_default();
    for name in names {
        if let Some(value) = body.get(*name) {
            members[*name] = value.clone();
        }
    }
    if let Some(all) = body.get("enforce_zdr") {
        let unset = |name: &&str| name.starts_with("enforce_zdr_") && !body.contains_key(*name);
        for name in names.iter().copied().filter(unset) {
            members[name] = all.clone();
        }
    }
    let mut rules: Rules = serde_json::from_value(members).map_err(|error| bad(error.to_string()))?;
    rules.check().map_err(bad)?;
    rules.label();
    let config = rules.filters().map_err(|error| bad(error.to_string()))?;
    Filters::build(&[config]).map_err(|error| {
        bad(format!("invalid_regex_pattern: content_filters[{}].pattern: {}", error.index, error.message))
    })?;
    names::resolve(app, &mut rules, body).await?;
    guardrail.rules = rules;
    Ok(())
}

/// What the audit log says of a change: which members were sent, and the limit.
fn details(guardrail: &stored::Guardrail, body: &Map<String, Value>) -> Value {
    json!({
        "name": guardrail.name,
        "workspace_id": guardrail.workspace,
        "members": body.keys().collect::<Vec<_>>(),
        "limit_usd": guardrail.limit.map(|limit| limit.to_string()),
        "reset_interval": guardrail.reset_interval,
    })
}

/// Keeps a guardrail as it is now, or says that somebody else changed it meanwhile. Every edge hears of it.
async fn keep(
    app: &App,
    caller: &Caller,
    guardrail: stored::Guardrail,
    entry: audit::Entry,
) -> Result<(), Refusal> {
    let actor = caller.actor();
    let kept: Result<bool, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let is_kept = if guardrail.revision == 0 {
                stored::insert(tx, &guardrail, &actor).await?
            } else {
                stored::update(tx, &guardrail).await?
            };
            if is_kept {
                audit::insert(tx.connection(), &entry).await?;
                stored::changed(tx).await?;
            }
            Ok(is_kept)
        })
    })
    .await;
    if !kept? {
        return Err(Refusal::new(
            ErrorType::Conflict,
            "The guardrail was changed by somebody else at the same time. Read it and try again.",
        ));
    }
    app.announcer.tenant_changed(caller.tenant).await;
    Ok(())
}

/// List guardrails
#[utoipa::path(get, path = "/guardrails", operation_id = "listGuardrails", tag = "Guardrails", params(Listed),
    responses((status = 200, description = "The workspace's guardrails", body = Page<Guardrail>)),
    security(("management_key" = ["guardrails.read"]), ("session" = ["guardrails.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<Listed>,
) -> Result<Response, Refusal> {
    let (offset, limit) = Paging { offset: asked.offset, limit: asked.limit }.bounds()?;
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            match workspace(tx, asked.workspace_id).await? {
                Some(workspace) => stored::list(tx, workspace, offset, limit).await.map(Some),
                None => Ok(None),
            }
        })
    })
    .await;
    let (rows, total_count) = found?.ok_or_else(not_found)?;
    let data = rows.into_iter().map(Guardrail::of).collect();
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// Create a guardrail
#[utoipa::path(post, path = "/guardrails", operation_id = "createGuardrail", tag = "Guardrails",
    request_body = CreateGuardrail,
    responses((status = 201, description = "The guardrail, assigned to nobody yet", body = Data<Guardrail>)),
    security(("management_key" = ["guardrails.write"]), ("session" = ["guardrails.write"])))]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(body): Sent<Map<String, Value>>,
) -> Result<Response, Refusal> {
    let request = sent::read::<CreateGuardrail>(&body)?;
    let wanted = request.workspace_id;
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { workspace(tx, wanted).await })
    })
    .await;
    let workspace = found?.ok_or_else(not_found)?;
    let mut guardrail = unmade(Uuid::now_v7(), Some(workspace), "");
    request.change.put(&mut guardrail, &body)?;
    if guardrail.name.is_empty() {
        return Err(bad("name: use 1 to 200 characters"));
    }
    adopt(&app, &mut guardrail, &body, &Rules::NAMES).await?;
    // Before the guardrail can be assigned, so that it is never in force without its limit.
    budget::put(&app, caller.tenant, None, &guardrail).await?;
    let id = guardrail.id;
    let entry = caller.does("guardrail.create", id.to_string(), details(&guardrail, &body));
    keep(&app, &caller, guardrail, entry).await?;
    let data = Guardrail::of(find(&app, caller.tenant, id).await?);
    Ok(reply::json(StatusCode::CREATED, &Data { data }))
}

/// Get a guardrail
#[utoipa::path(get, path = "/guardrails/{id}", operation_id = "getGuardrail", tag = "Guardrails",
    params(("id" = Uuid, Path, description = "The guardrail's id")),
    responses((status = 200, description = "The guardrail", body = Data<Guardrail>)),
    security(("management_key" = ["guardrails.read"]), ("session" = ["guardrails.read"])))]
async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    let data = Guardrail::of(find(&app, caller.tenant, id(&name)?).await?);
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// Update a guardrail
#[utoipa::path(patch, path = "/guardrails/{id}", operation_id = "updateGuardrail", tag = "Guardrails",
    params(("id" = Uuid, Path, description = "The guardrail's id, or the id of a workspace's default guardrail")),
    request_body = UpdateGuardrail,
    responses((status = 200, description = "The guardrail as it is now", body = Data<Guardrail>)),
    security(("management_key" = ["guardrails.write"]), ("session" = ["guardrails.write"])))]
async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Sent(body): Sent<Map<String, Value>>,
) -> Result<Response, Refusal> {
    let before = find(&app, caller.tenant, id(&name)?).await?;
    let request = sent::read::<UpdateGuardrail>(&body)?;
    let mut guardrail = before.clone();
    request.change.put(&mut guardrail, &body)?;
    adopt(&app, &mut guardrail, &body, &Rules::NAMES).await?;
    budget::put(&app, caller.tenant, Some(&before), &guardrail).await?;
    let entry = caller.does("guardrail.change", before.id.to_string(), details(&guardrail, &body));
    let outcome = keep(&app, &caller, guardrail.clone(), entry).await;
    let kept = find(&app, caller.tenant, before.id).await?;
    if outcome.is_err() {
        // Billing was told of a limit that is not the guardrail's.
        budget::put(&app, caller.tenant, Some(&guardrail), &kept).await?;
    }
    if [before.limit, guardrail.limit, kept.limit].iter().any(Option::is_some) {
        budget::settle(&app, caller.tenant, kept.id, kept.limit.and(Some(&kept))).await?;
    }
    outcome?;
    Ok(reply::json(StatusCode::OK, &Data { data: Guardrail::of(kept) }))
}

/// Delete a guardrail
#[utoipa::path(delete, path = "/guardrails/{id}", operation_id = "deleteGuardrail", tag = "Guardrails",
    params(("id" = Uuid, Path, description = "The guardrail's id")),
    responses((status = 200, description = "The guardrail is gone, from whomever it was assigned to", body = Deleted)),
    security(("management_key" = ["guardrails.write"]), ("session" = ["guardrails.write"])))]
async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
) -> Result<Response, Refusal> {
    let id = id(&name)?;
    let entry = caller.does("guardrail.delete", id.to_string(), json!({}));
    let deleted: Result<bool, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let existed = stored::delete(tx, id).await?;
            if existed {
                audit::insert(tx.connection(), &entry).await?;
                stored::changed(tx).await?;
            }
            Ok(existed)
        })
    })
    .await;
    if !deleted? {
        return Err(not_found());
    }
    app.announcer.tenant_changed(caller.tenant).await;
    // Nobody reserves from its budgets any more: what is left of them there does no harm.
    if let Err(refusal) = budget::settle(&app, caller.tenant, id, None).await {
        tracing::warn!(guardrail.id = %id, error = ?refusal.error(), "budgets of a deleted guardrail are left");
    }
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}
