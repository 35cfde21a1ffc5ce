//! Members of workspaces.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::StatusCode;
use pg::TenantTx;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::workspaces::Part;
use super::{Asked, Named, Page, Sent, bad, not_found};
use crate::access::Caller;
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::members::{self, Membership};
use crate::store::{audit, workspaces};

/// People of one request at most.
const MOST: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(add)).routes(routes!(remove))
}

/// Somebody's part in a workspace.
#[derive(Debug, Serialize, ToSchema)]
struct WorkspaceMember {
    /// UUIDv5 of the user's id in the namespace of the workspace's.
    id: Uuid,
    workspace_id: Uuid,
    user_id: Uuid,
    /// `admin` for owners and admins of the organization, else `member`.
    role: String,
    created_at: DateTime<Utc>,
}

impl WorkspaceMember {
    fn of(workspace: Uuid, membership: Membership) -> Self {
        Self {
            id: Uuid::new_v5(&workspace, membership.person.as_bytes()),
            workspace_id: workspace,
            user_id: membership.person,
            role: membership.role,
            created_at: membership.created_at,
        }
    }
}

/// List members of a workspace
///
/// Every member of the organization is one of its default workspace.
#[utoipa::path(get, path = "/workspaces/{id}/members", operation_id = "listWorkspaceMembers", tag = "Workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug"), Part),
    responses((status = 200, description = "A page of members", body = Page<WorkspaceMember>)),
    security(("management_key" = ["members.read"]), ("session" = ["members.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Asked(part): Asked<Part>,
) -> Result<Response, Refusal> {
    let rows = part.rows()?;
    let found: Result<_, Refusal> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let place = workspaces::find(tx, &name).await?.ok_or_else(not_found)?;
            let of = (place.id, place.is_default);
            let members = members::of_workspace(tx, of, rows).await?;
            Ok((place.id, members, members::count_of_workspace(tx, of).await?))
        })
    })
    .await;
    let (workspace, members, total_count) = found?;
    let data = members.into_iter().map(|member| WorkspaceMember::of(workspace, member)).collect();
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// Users who are meant.
#[derive(Debug, Deserialize, ToSchema)]
struct People {
    /// 1 to 100 ids of members of the organization.
    #[schema(min_items = 1, max_items = 100)]
    user_ids: Vec<String>,
}

impl People {
    /// Their ids, each once. A name that is no id is nobody's.
    fn ids(&self) -> Result<Vec<Uuid>, Refusal> {
        if !(1..=MOST).contains(&self.user_ids.len()) {
            return Err(bad(format!("user_ids: name 1 to {MOST} users")));
        }
        let ids = self.user_ids.iter().map(|id| id.parse());
        let mut ids: Vec<Uuid> = ids.collect::<Result<_, _>>().map_err(|_| not_found())?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

/// The organisation's members with these ids.
async fn known(tx: &mut TenantTx, people: &[Uuid]) -> Result<Vec<Membership>, Refusal> {
    let known = members::among(tx, people).await?;
    if known.len() == people.len() { Ok(known) } else { Err(not_found()) }
}

#[derive(Debug, Serialize, ToSchema)]
struct Added {
    data: Vec<WorkspaceMember>,
    /// Memberships that were made or renewed.
    added_count: usize,
}

/// Add members to a workspace
///
/// Each gets the part that their role in the organization gives. The default workspace has everybody already.
#[utoipa::path(post, path = "/workspaces/{id}/members/add", operation_id = "bulkAddWorkspaceMembers",
    tag = "Workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    request_body = People,
    responses((status = 200, description = "Their memberships", body = Added)),
    security(("management_key" = ["members.write"]), ("session" = ["members.write"])))]
async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Sent(sent): Sent<People>,
) -> Result<Response, Refusal> {
    let people = sent.ids()?;
    let tenant = caller.tenant;
    let added: Result<_, Refusal> = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            let place = workspaces::hold(tx, &name).await?.ok_or_else(not_found)?;
            let known = known(tx, &people).await?;
            if place.is_default {
                return Ok((place.id, known, 0));
            }
            let added = members::add(tx, place.id, &people).await?;
            let entry =
                caller.does("workspace.members.add", place.id.to_string(), json!({ "user_ids": people }));
            audit::insert(tx.connection(), &entry).await?;
            let count = added.len();
            Ok((place.id, added, count))
        })
    })
    .await;
    let (workspace, members, added_count) = added?;
    let data = members.into_iter().map(|member| WorkspaceMember::of(workspace, member)).collect();
    Ok(reply::json(StatusCode::OK, &Added { data, added_count }))
}

#[derive(Debug, Serialize, ToSchema)]
struct Removed {
    /// Members who were there.
    removed_count: u64,
}

/// Remove members from a workspace
///
/// Nobody is removed when one of them made keys in it that live. Nobody is removed from the default workspace.
#[utoipa::path(post, path = "/workspaces/{id}/members/remove", operation_id = "bulkRemoveWorkspaceMembers",
    tag = "Workspaces",
    params(("id" = String, Path, description = "The workspace's id or slug")),
    request_body = People,
    responses((status = 200, description = "How many were removed", body = Removed)),
    security(("management_key" = ["members.write"]), ("session" = ["members.write"])))]
async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Sent(sent): Sent<People>,
) -> Result<Response, Refusal> {
    let people = sent.ids()?;
    let tenant = caller.tenant;
    let removed: Result<_, Refusal> = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            let place = workspaces::hold(tx, &name).await?.ok_or_else(not_found)?;
            known(tx, &people).await?;
            if place.is_default {
                return Err(bad("Every member of the organization is one of its default workspace."));
            }
            let busy = members::with_live_keys(tx, place.id, &people).await?;
            if !busy.is_empty() {
                let busy: Vec<String> = busy.iter().map(Uuid::to_string).collect();
                let message = "have live API keys in the workspace. Delete the keys first.";
                return Err(bad(format!("These members {message} {}", busy.join(", "))));
            }
            let removed_count = members::remove_from(tx, place.id, &people).await?;
            let entry =
                caller.does("workspace.members.remove", place.id.to_string(), json!({ "user_ids": people }));
            audit::insert(tx.connection(), &entry).await?;
            Ok(Removed { removed_count })
        })
    })
    .await;
    Ok(reply::json(StatusCode::OK, &removed?))
}
