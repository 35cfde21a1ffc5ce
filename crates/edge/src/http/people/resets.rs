//! Passwords that were forgotten.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::management::Sent;
use crate::http::reply::Refusal;
use crate::people::{self, Client, Email};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(ask)).routes(routes!(confirm))
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Forgotten {
    email: String,
}

/// Ask for a new password by mail
#[utoipa::path(post, path = "/password-reset", operation_id = "requestPasswordReset", tag = "Me",
    request_body = Forgotten,
    responses((status = 202, description = "If somebody has this address, mail is on its way")),
    security(()))]
async fn ask(
    State(app): State<Arc<App>>,
    client: Client,
    Sent(sent): Sent<Forgotten>,
) -> Result<Response, Refusal> {
    people::ask_for_reset(&app, &Email::parse(&sent.email)?, &client).await?;
    Ok(empty(StatusCode::ACCEPTED))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    /// From the mail.
    token: String,
    /// 12 to 200 characters, and not the e-mail address.
    password: String,
}

/// Set a new password with the token from the mail
#[utoipa::path(post, path = "/password-reset/confirm", operation_id = "confirmPasswordReset", tag = "Me",
    request_body = Confirmation,
    responses((status = 204, description = "The password is set, and every session of the person has ended")),
    security(()))]
async fn confirm(
    State(app): State<Arc<App>>,
    client: Client,
    Sent(sent): Sent<Confirmation>,
) -> Result<Response, Refusal> {
    people::confirm_reset(&app, &sent.token, sent.password, &client).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
