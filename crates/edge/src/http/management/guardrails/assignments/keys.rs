//! Guardrails of keys.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::StatusCode;
use identity::KeyHash;
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
use crate::store::guardrails::assignments::{self, OfKey};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(all)).routes(routes!(of_one, assign)).routes(routes!(unassign))
}

/// A guardrail of a key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeyAssignment)]
struct Assignment {
    id: Uuid,
    guardrail_id: Uuid,
    key_hash: String,
    key_name: String,
    key_label: String,
    /// The person who assigned it; null where a key did.
    assigned_by: Option<Uuid>,
    created_at: DateTime<Utc>,
}

impl Assignment {
    fn of(row: OfKey) -> Self {
        Self {
            id: row.id,
            guardrail_id: row.guardrail,
            key_hash: hex::encode(row.hash),
            key_name: row.name,
            key_label: row.label,
            assigned_by: row.assigned_by,
            created_at: row.created_at,
        }
    }
}

/// Keys to assign, or no longer to assign.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BulkKeysRequest)]
struct NamedKeys {
    /// Hashes of keys, as lists of keys show them.
    #[schema(min_items = 1)]
    key_hashes: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkAssignKeysResponse)]
struct Assigned {
    assigned_count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkUnassignKeysResponse)]
struct Unassigned {
    unassigned_count: u64,
}

async fn page(app: &App, caller: &Caller, of: Option<Uuid>, paging: &Paging) -> Result<Response, Refusal> {
    let bounds = paging.bounds()?;
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { assignments::keys(tx, of, bounds).await })
    })
    .await;
    let (rows, total_count) = found?;
    let data = rows.into_iter().map(Assignment::of).collect();
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// List all key assignments
#[utoipa::path(get, path = "/guardrails/assignments/keys", operation_id = "listKeyAssignments",
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

/// List key assignments for a guardrail
#[utoipa::path(get, path = "/guardrails/{id}/assignments/keys", operation_id = "listGuardrailKeyAssignments",
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

/// Hashes as they are written; what is none names no key.
fn read(named: &[String]) -> Result<Vec<KeyHash>, Refusal> {
    let hash = |text: &String| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map(|()| KeyHash(bytes)).map_err(|_| not_found())
    };
    named.iter().map(hash).collect()
}

/// Bulk assign keys to a guardrail
#[utoipa::path(post, path = "/guardrails/{id}/assignments/keys", operation_id = "bulkAssignKeysToGuardrail",
    tag = "Guardrails", params(("id" = Uuid, Path, description = "The guardrail's id")),
    request_body = NamedKeys,
    responses((status = 200, description = "The guardrail is in force for all of them, in place of any other",
        body = Assigned)),
    security(("management_key" = ["guardrails.write"]), ("session" = ["guardrails.write"])))]
async fn assign(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Sent(sent): Sent<NamedKeys>,
) -> Result<Response, Refusal> {
    let (guardrail, by) = (id(&name)?, caller.person());
    let named = sent.key_hashes;
    let wanted = distinct("key_hashes", read(&named)?)?;
    let entry = caller.does("guardrail.assign", guardrail.to_string(), json!({ "key_hashes": named }));
    let assigned: Result<Option<u64>, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let found = assignments::key_ids(tx, &wanted).await?;
            if found.len() < wanted.len() || stored::find(tx, guardrail).await?.is_none() {
                return Ok(None);
            }
            let count = assignments::assign_keys(tx, guardrail, &found, by).await?;
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

/// Bulk unassign keys from a guardrail
#[utoipa::path(post, path = "/guardrails/{id}/assignments/keys/remove",
    operation_id = "bulkUnassignKeysFromGuardrail", tag = "Guardrails",
    params(("id" = Uuid, Path, description = "The guardrail's id")),
    request_body = NamedKeys,
    responses((status = 200, description = "The guardrail is in force for none of them", body = Unassigned)),
    security(("management_key" = ["guardrails.write"]), ("session" = ["guardrails.write"])))]
async fn unassign(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Sent(sent): Sent<NamedKeys>,
) -> Result<Response, Refusal> {
    let guardrail = find(&app, caller.tenant, id(&name)?).await?.id;
    let named = sent.key_hashes;
    let wanted = distinct("key_hashes", read(&named)?)?;
    let entry = caller.does("guardrail.unassign", guardrail.to_string(), json!({ "key_hashes": named }));
    let unassigned: Result<Option<u64>, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let found = assignments::key_ids(tx, &wanted).await?;
            if found.len() < wanted.len() {
                return Ok(None);
            }
            let count = assignments::unassign_keys(tx, guardrail, &found).await?;
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
