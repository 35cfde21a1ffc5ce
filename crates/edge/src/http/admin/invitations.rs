//! Invitations into organisations, by whoever operates the platform: how one gets its first owner.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::management::{Data, Named};
use super::super::people::{Invitation, invited_role};
use super::super::reply::{self, Refusal};
use super::{Operator, not_found, read, tenant};
use crate::access::Role;
use crate::people::{Email, Envelope, Invite};
use crate::service::App;
use crate::store::organisations;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTenantInvitation)]
struct Invited {
    email: String,
    /// `owner`, `admin`, `billing`, `developer` or `viewer`; absent = `owner`.
    role: Option<String>,
}

/// An invitation that makes somebody an owner, or what `role` says.
pub(super) fn to(email: &str, role: Option<&str>) -> Result<Invite, Refusal> {
    let role = role.map_or(Ok(Role::Owner), invited_role)?;
    Ok(Invite { email: Email::parse(email)?, role, workspaces: Vec::new() })
}

/// Invite somebody into an organisation by mail
///
/// An open invitation of the same address is replaced. Can be accepted once, within seven days.
#[utoipa::path(post, path = "/tenants/{tenant}/invitations", operation_id = "createTenantInvitation", tag = "Tenants",
    params(("tenant" = uuid::Uuid, Path, description = "The organisation's id")),
    request_body = Invited,
    responses((status = 201, description = "The invitation; mail is on its way", body = Data<Invitation>)),
    security(("operator_token" = [])))]
async fn create(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant(&id)?;
    let sent: Invited = read(&app, request).await?;
    let letter = Envelope::of_the_platform(&app, to(&sent.email, sent.role.as_deref())?)?;
    let made: Result<_, Refusal> = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            organisations::name(tx).await?.ok_or_else(|| not_found("tenant"))?;
            Ok(letter.post(tx, operator.actor).await?)
        })
    })
    .await;
    let data = Invitation::of(made?);
    app.people.mail.wake();
    Ok(reply::json(StatusCode::CREATED, &Data { data }))
}
