//! Signing in with an account elsewhere. Browsers come here by links and redirects, so errors are the only JSON.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{HeaderValue, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sign_in::{end_old, set_cookie};
use crate::access::{Turn, session_secret};
use crate::config::SessionsConfig;
use crate::http::management::Asked;
use crate::http::reply::Refusal;
use crate::people::{self, Client, Error, OIDC_LASTS, OidcError};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(start)).routes(routes!(callback))
}

/// What says that an attempt began in this browser.
fn cookie_name(config: &SessionsConfig) -> &'static str {
    if config.secure { "__Host-patchbay-oidc" } else { "patchbay-oidc" }
}

/// The cookie of an attempt; `None` takes it away.
fn attempt_cookie(config: &SessionsConfig, state: Option<&str>) -> Option<HeaderValue> {
    let secure = if config.secure { " Secure;" } else { "" };
    let seconds = if state.is_some() { OIDC_LASTS.as_secs() } else { 0 };
    let (name, state) = (cookie_name(config), state.unwrap_or(""));
    HeaderValue::from_str(&format!(
        "{name}={state}; Path=/;{secure} HttpOnly; SameSite=Lax; Max-Age={seconds}"
    ))
    .ok()
}

fn to(location: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Begin to sign in with the configured issuer
#[utoipa::path(get, path = "/oidc/start", operation_id = "startOidc", tag = "Sessions",
    responses((status = 303, description = "On to the issuer")),
    security(()))]
async fn start(State(app): State<Arc<App>>, turn: Turn, client: Client) -> Result<Response, Refusal> {
    let begun = people::begin_oidc(&app, &client, &turn).await?;
    let mut response = to(&begun.location);
    let cookie = attempt_cookie(&app.config.sessions, Some(begun.state.expose()));
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

/// As the issuer sends the browser back; what else it says is not looked at.
#[derive(Debug, Deserialize)]
struct Back {
    state: Option<String>,
    code: Option<String>,
}

/// Come back from the issuer
#[utoipa::path(get, path = "/oidc/callback", operation_id = "finishOidc", tag = "Sessions",
    params(("state" = Option<String>, Query), ("code" = Option<String>, Query)),
    responses((status = 303, description = "The session has begun; on to the console")),
    security(()))]
async fn callback(
    State(app): State<Arc<App>>,
    turn: Turn,
    client: Client,
    headers: HeaderMap,
    Asked(back): Asked<Back>,
) -> Response {
    let mut response = match finish(&app, (&turn, &client), &headers, back).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    let cookie = attempt_cookie(&app.config.sessions, None);
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}

async fn finish(
    app: &App,
    (turn, client): (&Turn, &Client),
    headers: &HeaderMap,
    back: Back,
) -> Result<Response, Refusal> {
    let begun_here = session_secret(headers, cookie_name(&app.config.sessions));
    let state = back.state.filter(|state| begun_here == Some(state));
    let state = state.ok_or_else(|| Error::from(OidcError::Attempt))?;
    let code = back.code.ok_or_else(|| Error::from(OidcError::Refused))?;
    let opened = people::finish_oidc(app, (&state, &code), client, turn).await?;
    end_old(app, headers).await?;
    let mut response = to("/");
    set_cookie(&mut response, &app.config.sessions, Some(opened.token.expose()));
    Ok(response)
}
