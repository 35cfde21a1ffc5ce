//! Guardrails of members.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::StatusCode;
use identity::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::super::{Asked, Named, Page, Sent, not_found};
use super::super::{Paging, find, id};
use super::{announce, distinct};
use crate::access::Caller;
use crate::http::reply::{self, Refusal};
use crate::service::App;
use crate::store::audit;
use crate::store::guardrails as stored;
use crate::store::guardrails::assignments::{self, OfMember};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(all)).routes(routes!(of_one, assign)).routes(routes!(unassign))
}

/// A guardrail of a member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MemberAssignment)]
struct Assignment {
    id: Uuid,
    guardrail_id: Uuid,
    user_id: Uuid,
    organization_id: String,
    /// The person who assigned it; null where a key did.
    assigned_by: Option<Uuid>,
    created_at: DateTime<Utc>,
}

impl Assignment {
    fn of(row: &OfMember, tenant: TenantId) -> Self {
        Self {
            id: row.id,
            guardrail_id: row.guardrail,
            user_id: row.person,
            organization_id: tenant.to_string(),
            assigned_by: row.assigned_by,
            created_at: row.created_at,
        }
    }
}

/// Members to assign, or no longer to assign.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BulkMembersRequest)]
struct NamedMembers {
    /// Ids of members of the organisation.
    #[schema(min_items = 1)]
    member_user_ids: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkAssignMembersResponse)]
struct Assigned {
    assigned_count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkUnassignMembersResponse)]
struct Unassigned {
    unassigned_count: u64,
}

async fn page(app: &App, caller: &Caller, of: Option<Uuid>, paging: &Paging) -> Result<Response, Refusal> {
    let bounds = paging.bounds()?;
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { assignments::members(tx, of, bounds).await })
    })
    .await;
    let (rows, total_count) = found?;
    let data = rows.iter().map(|row| Assignment::of(row, caller.tenant)).collect();
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// List all member assignments
#[utoipa::path(get, path = "/guardrails/assignments/members", operation_id = "listMemberAssignments",
    tag = "Guardrails", params(Paging),
    responses((status = 200, description = "The assignments of all guardrails", body = Page<Assignment>)),
    security(("management_key" = ["guardrails.read"]), ("session" = ["guardrails.read"])))]
async fn all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Refusal> {
    page(&app, &caller, None, &paging).await
}

/// List member assignments for a guardrail
#[utoipa::path(get, path = "/guardrails/{id}/assignments/members", operation_id = "listGuardrailMemberAssignments",
    tag = "Guardrails", params(("id" = Uuid, Path, description = "The guardrail's id"), Paging),
    responses((status = 200, description = "The guardrail's assignments", body = Page<Assignment>)),
    security(("management_key" = ["guardrails.read"]), ("session" = ["guardrails.read"])))]
async fn of_one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Refusal> {
    let guardrail = find(&app, caller.tenant, id(&name)?).await?;
    page(&app, &caller, Some(guardrail.id), &paging).await
}

/// Ids as they are written; what is none names nobody.
fn read(named: &[String]) -> Result<Vec<Uuid>, Refusal> {
    named.iter().map(|text| id(text)).collect()
}

/// Bulk assign members to a guardrail
#[utoipa::path(post, path = "/guardrails/{id}/assignments/members", operation_id = "bulkAssignMembersToGuardrail",
    tag = "Guardrails", params(("id" = Uuid, Path, description = "The guardrail's id")),
    request_body = NamedMembers,
    responses((status = 200, description = "The guardrail is in force for all of them, in place of any other",
        body = Assigned)),
    security(("management_key" = ["guardrails.write"]), ("session" = ["guardrails.write"])))]
async fn assign(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Sent(sent): Sent<NamedMembers>,
) -> Result<Response, Refusal> {
    let (guardrail, by) = (id(&name)?, caller.person());
    let named = sent.member_user_ids;
    let wanted = distinct("member_user_ids", read(&named)?)?;
    let entry = caller.does("guardrail.assign", guardrail.to_string(), json!({ "member_user_ids": named }));
    let assigned: Result<Option<u64>, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let found = assignments::member_ids(tx, &wanted).await?;
            if found.len() < wanted.len() || stored::find(tx, guardrail).await?.is_none() {
                return Ok(None);
            }
            let count = assignments::assign_members(tx, guardrail, &found, by).await?;
            audit::insert(tx.connection(), &entry).await?;
            stored::changed(tx).await?;
            Ok(Some(count))
        })
    })
    .await;
    let assigned_count = assigned?.ok_or_else(not_found)?;
    announce(&app, &caller).await;
    Ok(reply::json(StatusCode::OK, &Assigned { assigned_count }))
}

/// Bulk unassign members from a guardrail
#[utoipa::path(post, path = "/guardrails/{id}/assignments/members/remove",
    operation_id = "bulkUnassignMembersFromGuardrail", tag = "Guardrails",
    params(("id" = Uuid, Path, description = "The guardrail's id")),
    request_body = NamedMembers,
    responses((status = 200, description = "The guardrail is in force for none of them", body = Unassigned)),
    security(("management_key" = ["guardrails.write"]), ("session" = ["guardrails.write"])))]
async fn unassign(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Sent(sent): Sent<NamedMembers>,
) -> Result<Response, Refusal> {
    let guardrail = find(&app, caller.tenant, id(&name)?).await?.id;
    let named = sent.member_user_ids;
    let wanted = distinct("member_user_ids", read(&named)?)?;
    let entry = caller.does("guardrail.unassign", guardrail.to_string(), json!({ "member_user_ids": named }));
    let unassigned: Result<Option<u64>, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let found = assignments::member_ids(tx, &wanted).await?;
            if found.len() < wanted.len() {
                return Ok(None);
            }
            let count = assignments::unassign_members(tx, guardrail, &found).await?;
            audit::insert(tx.connection(), &entry).await?;
            stored::changed(tx).await?;
            Ok(Some(count))
        })
    })
    .await;
    let unassigned_count = unassigned?.ok_or_else(not_found)?;
    announce(&app, &caller).await;
    Ok(reply::json(StatusCode::OK, &Unassigned { unassigned_count }))
}
