//! One's own name and password.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sign_in::{Whole, whole};
use crate::access::{Session, session_secret};
use crate::http::management::{Data, Sent};
use crate::http::reply::{self, Refusal};
use crate::people::{self, Client, Error, note};
use crate::service::App;
use crate::store;
use crate::text;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(rename)).routes(routes!(change_password))
}

/// A name as it is kept.
///
/// # Errors
/// [`Error::Name`].
pub(in crate::http) fn name(sent: &str) -> Result<String, Error> {
    let name = sent.trim();
    text::optional_line("name", name, 200).map_err(|_| Error::Name)?;
    Ok(name.to_owned())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Changes {
    /// At most 200 characters.
    name: String,
}

/// Change one's own name
#[utoipa::path(patch, path = "/me", operation_id = "updateMe", tag = "Me", request_body = Changes,
    responses((status = 200, description = "The session as it is now", body = Data<Whole>)),
    security(("session" = ["self"])))]
async fn rename(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    Sent(sent): Sent<Changes>,
) -> Result<Response, Refusal> {
    let name = name(&sent.name)?;
    let tenant = session.membership.map(|(tenant, _)| tenant);
    let renamed: Result<_, sqlx::Error> = store::people::as_person(&app.pool, session.person, move |tx| {
        Box::pin(async move {
            store::people::rename(tx, &name).await?;
            note(tx, tenant, "person.update", json!({ "changed": ["name"] })).await
        })
    })
    .await;
    renamed?;
    let secret = session_secret(&headers, app.config.sessions.cookie()).unwrap_or_default();
    Ok(reply::json(StatusCode::OK, &whole(&app, &session, secret).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Passwords {
    old_password: String,
    /// 12 to 200 characters, and not the e-mail address.
    new_password: String,
}

/// Change one's own password
#[utoipa::path(put, path = "/me/password", operation_id = "changePassword", tag = "Me", request_body = Passwords,
    responses((status = 204, description = "The password is another one, and every other session has ended")),
    security(("session" = ["self"])))]
async fn change_password(
    State(app): State<Arc<App>>,
    session: Session,
    client: Client,
    Sent(sent): Sent<Passwords>,
) -> Result<Response, Refusal> {
    people::change_password(&app, &session, sent.old_password, sent.new_password, &client).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
