//! One's own sessions.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use identity::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::sign_in::{Whole, set_cookie, whole};
use crate::access::{Session, session_secret};
use crate::http::management::{Data, Deleted, Named, Sent, not_found};
use crate::http::reply::{self, Refusal};
use crate::people::note;
use crate::service::App;
use crate::store::{people, sessions};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(current))
        .routes(routes!(choose))
        .routes(routes!(list, revoke_all))
        .routes(routes!(revoke))
}

/// An answer without a body after which the browser has no session any more.
pub(super) fn gone(app: &App) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    set_cookie(&mut response, &app.config.sessions, None);
    response
}

/// Show the session and who it is
#[utoipa::path(get, path = "/session", operation_id = "getSession", tag = "Sessions",
    responses((status = 200, description = "The session", body = Data<Whole>)),
    security(("session" = ["self"])))]
async fn current(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let secret = session_secret(&headers, app.config.sessions.cookie()).unwrap_or_default();
    Ok(reply::json(StatusCode::OK, &whole(&app, &session, secret).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Choice {
    organization_id: String,
}

/// Work in another organisation
#[utoipa::path(put, path = "/session/organization", operation_id = "chooseOrganization", tag = "Sessions",
    request_body = Choice,
    responses((status = 200, description = "The session as it is now", body = Data<Whole>)),
    security(("session" = ["self"])))]
async fn choose(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    Sent(sent): Sent<Choice>,
) -> Result<Response, Refusal> {
    let tenant: TenantId = sent.organization_id.parse().map_err(|_| not_found())?;
    let id = session.id;
    let chosen: Result<_, Refusal> = people::as_person(&app.pool, session.person, move |tx| {
        Box::pin(async move {
            let memberships = people::memberships(tx).await?;
            let chosen = memberships.iter().find(|one| one.tenant == tenant).ok_or_else(not_found)?;
            sessions::choose(tx, id, tenant).await?;
            note(tx, Some(tenant), "person.enter", json!({ "session_id": id })).await?;
            Ok((tenant, chosen.role))
        })
    })
    .await;
    let session = Session { membership: Some(chosen?), ..session };
    let secret = session_secret(&headers, app.config.sessions.cookie()).unwrap_or_default();
    Ok(reply::json(StatusCode::OK, &whole(&app, &session, secret).await?))
}

/// One of one's own sessions.
#[derive(Debug, Serialize, ToSchema)]
struct Listed {
    id: String,
    /// The one that asks.
    is_current: bool,
    organization_id: Option<String>,
    created_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    user_agent: String,
    /// Where it signed in from.
    address: String,
}

impl Listed {
    fn of(session: sessions::Listed, current: Uuid) -> Self {
        Self {
            id: session.id.to_string(),
            is_current: session.id == current,
            organization_id: session.tenant_id.map(|tenant| tenant.to_string()),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            user_agent: session.user_agent,
            address: session.address,
        }
    }
}

/// List one's own sessions
#[utoipa::path(get, path = "/sessions", operation_id = "listSessions", tag = "Sessions",
    responses((status = 200, description = "The sessions in force, the last used first", body = Data<Vec<Listed>>)),
    security(("session" = ["self"])))]
async fn list(State(app): State<Arc<App>>, session: Session) -> Result<Response, Refusal> {
    let found: Result<_, sqlx::Error> =
        people::as_person(&app.pool, session.person, |tx| Box::pin(sessions::of_person(tx))).await;
    let data: Vec<Listed> = found?.into_iter().map(|one| Listed::of(one, session.id)).collect();
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// Sign out everywhere
#[utoipa::path(delete, path = "/sessions", operation_id = "revokeSessions", tag = "Sessions",
    responses((status = 204, description = "Every session has ended, the one that asked too")),
    security(("session" = ["self"])))]
async fn revoke_all(State(app): State<Arc<App>>, session: Session) -> Result<Response, Refusal> {
    let tenant = session.membership.map(|(tenant, _)| tenant);
    let done: Result<_, sqlx::Error> = people::as_person(&app.pool, session.person, move |tx| {
        Box::pin(async move {
            let ended = sessions::revoke_all(tx, None).await?;
            note(tx, tenant, "session.revoke_all", json!({ "sessions": ended })).await
        })
    })
    .await;
    done?;
    Ok(gone(&app))
}

/// End one of one's own sessions
#[utoipa::path(delete, path = "/sessions/{id}", operation_id = "revokeSession", tag = "Sessions",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 200, description = "The session has ended", body = Deleted)),
    security(("session" = ["self"])))]
async fn revoke(
    State(app): State<Arc<App>>,
    session: Session,
    Named(id): Named<Uuid>,
) -> Result<Response, Refusal> {
    let tenant = session.membership.map(|(tenant, _)| tenant);
    let done: Result<(), Refusal> = people::as_person(&app.pool, session.person, move |tx| {
        Box::pin(async move {
            if !sessions::revoke(tx, id).await? {
                return Err(not_found());
            }
            Ok(note(tx, tenant, "session.revoke", json!({ "session_id": id })).await?)
        })
    })
    .await;
    done?;
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}
