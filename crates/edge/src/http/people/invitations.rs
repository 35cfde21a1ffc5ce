//! Invitations into an organisation.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::me::name;
use super::sign_in::begun;
use crate::access::{Caller, Role};
use crate::http::management::{Asked, Data, Deleted, Named, Page, Sent, bad, not_found, rows};
use crate::http::reply::{self, Refusal};
use crate::people::{self, Client, Email, Invite};
use crate::service::App;
use crate::store::invitations;

/// Workspaces of one invitation.
const MAX_WORKSPACES: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke)).routes(routes!(accept))
}

/// An invitation that can be accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Invitation {
    id: String,
    email: String,
    /// `owner`, `admin`, `billing`, `developer` or `viewer`.
    role: String,
    /// Workspaces beside the default one.
    workspaces: Vec<String>,
    /// `user:` or `key:` and an id, or `platform` for whoever operates it.
    invited_by: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl Invitation {
    pub(in crate::http) fn of(invitation: invitations::Invitation) -> Self {
        Self {
            id: invitation.id.to_string(),
            email: invitation.email,
            role: invitation.role,
            workspaces: invitation.workspace_ids.iter().map(Uuid::to_string).collect(),
            invited_by: invitation.invited_by,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    offset: Option<u32>,
    limit: Option<u32>,
}

/// List the open invitations
#[utoipa::path(get, path = "/invitations", operation_id = "listInvitations", tag = "Invitations",
    params(("offset" = Option<u32>, Query, description = "Invitations to pass over"),
        ("limit" = Option<u32>, Query, description = "1 to 100; 50 where it is not said")),
    responses((status = 200, description = "The open invitations, the newest first", body = Page<Invitation>)),
    security(("management_key" = ["members.read"]), ("session" = ["members.read"])))]
async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<Paging>,
) -> Result<Response, Refusal> {
    let (offset, limit) = rows(asked.offset, asked.limit)?;
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { invitations::open(tx, offset, limit).await })
    })
    .await;
    let (found, total_count) = found?;
    let data = found.into_iter().map(Invitation::of).collect();
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// The role that somebody is invited to.
pub(in crate::http) fn role(text: &str) -> Result<Role, Refusal> {
    Role::named(text).ok_or_else(|| bad("role: use owner, admin, billing, developer or viewer"))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Invited {
    email: String,
    /// `owner`, `admin`, `billing`, `developer` or `viewer`. Only owners can invite owners.
    role: String,
    /// Ids of workspaces beside the default one, at most 100.
    workspaces: Option<Vec<Uuid>>,
}

/// Invite somebody by mail
///
/// An open invitation of the same address is replaced. Can be accepted once, within seven days.
#[utoipa::path(post, path = "/invitations", operation_id = "createInvitation", tag = "Invitations",
    request_body = Invited,
    responses((status = 201, description = "The invitation; mail is on its way", body = Data<Invitation>)),
    security(("management_key" = ["members.write"]), ("session" = ["members.write"])))]
async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(sent): Sent<Invited>,
) -> Result<Response, Refusal> {
    let role = role(&sent.role)?;
    let workspaces = sent.workspaces.unwrap_or_default();
    if workspaces.len() > MAX_WORKSPACES {
        return Err(bad("workspaces: name at most 100"));
    }
    let invite = Invite { email: Email::parse(&sent.email)?, role, workspaces };
    let data = Invitation::of(people::invite(&app, &caller, invite).await?);
    Ok(reply::json(StatusCode::CREATED, &Data { data }))
}

/// Take an invitation back
#[utoipa::path(delete, path = "/invitations/{id}", operation_id = "revokeInvitation", tag = "Invitations",
    params(("id" = String, Path, description = "The invitation's id")),
    responses((status = 200, description = "The invitation can be accepted no longer", body = Deleted)),
    security(("management_key" = ["members.write"]), ("session" = ["members.write"])))]
async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<Uuid>,
) -> Result<Response, Refusal> {
    if !people::revoke(&app, caller, id).await? {
        return Err(not_found());
    }
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Accepted {
    /// From the mail.
    token: String,
    /// Of somebody new; at most 200 characters.
    name: Option<String>,
    /// Of somebody new, who must choose one: 12 to 200 characters, and not the e-mail address.
    password: Option<String>,
}

/// What accepting came to.
#[derive(Debug, Serialize, ToSchema)]
struct Joined {
    user_id: String,
    organization_id: String,
    role: String,
    /// Whether a session began, as it does for somebody new. Others sign in.
    is_signed_in: bool,
}

/// Accept an invitation with the token from the mail
#[utoipa::path(post, path = "/invitations/accept", operation_id = "acceptInvitation", tag = "Invitations",
    request_body = Accepted,
    responses((status = 200, description = "The person is a member", body = Data<Joined>)),
    security(()))]
async fn accept(
    State(app): State<Arc<App>>,
    client: Client,
    headers: HeaderMap,
    Sent(sent): Sent<Accepted>,
) -> Result<Response, Refusal> {
    let name = sent.name.as_deref().map(name).transpose()?;
    let joined = people::accept(&app, &sent.token, name, sent.password, &client).await?;
    let data = Joined {
        user_id: joined.person.to_string(),
        organization_id: joined.tenant.to_string(),
        role: joined.role.as_str().to_owned(),
        is_signed_in: joined.is_new,
    };
    let mut response = reply::json(StatusCode::OK, &Data { data });
    if joined.is_new {
        let opened = people::open(&app, joined.person, Some(joined.tenant), &client).await?;
        let begun = begun(&app, &headers, &opened).await?;
        response
            .headers_mut()
            .extend(begun.headers().get(SET_COOKIE).map(|cookie| (SET_COOKIE, cookie.clone())));
    }
    Ok(response)
}
