//! An invitation, as the link in its mail shows it.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;

use super::{Form, Trouble, asked, message, page, said};
use crate::http::people::{display_name, end_old, set_cookie};
use crate::http::reply::Refusal;
use crate::people::{self, Client};
use crate::service::App;
use crate::store::organisations;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/accept-invitation", get(show).post(send))
}

/// Asks for a token that was not in the address.
#[derive(Template)]
#[template(path = "token.html")]
struct Token;

#[derive(Template)]
#[template(path = "accept_invitation.html")]
struct AcceptInvitation {
    token: String,
    organisation: String,
    email: String,
    /// Nobody has the address yet.
    is_new: bool,
    name: String,
    problem: String,
}

impl AcceptInvitation {
    /// # Errors
    /// A 404 when the token is not in force.
    async fn of(app: &App, token: &str, client: &Client) -> Result<Self, Refusal> {
        let held = people::invited(app, token, client).await?;
        let organisation: Result<_, sqlx::Error> =
            pg::in_tenant(&app.pool, held.tenant, |tx| Box::pin(organisations::name(tx))).await;
        Ok(Self {
            token: token.to_owned(),
            organisation: organisation?.unwrap_or_default(),
            email: held.email,
            is_new: held.person.is_none(),
            name: String::new(),
            problem: String::new(),
        })
    }
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    token: String,
}

async fn show(State(app): State<Arc<App>>, client: Client, uri: Uri) -> Result<Response, Trouble> {
    let Query { token } = asked(&uri)?;
    if token.is_empty() {
        return Ok(page(StatusCode::OK, "", &Token));
    }
    Ok(page(StatusCode::OK, "", &AcceptInvitation::of(&app, &token, &client).await?))
}

async fn send(
    State(app): State<Arc<App>>,
    client: Client,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Trouble> {
    let mut shown = AcceptInvitation::of(&app, form.field("token"), &client).await?;
    match accept(&app, &client, &headers, &form).await {
        Ok(response) => Ok(response),
        Err(refusal) => {
            form.field("name").clone_into(&mut shown.name);
            shown.problem.clone_from(&refusal.error().message);
            Ok(said(refusal, |status| page(status, "", &shown)))
        }
    }
}

async fn accept(app: &App, client: &Client, headers: &HeaderMap, form: &Form) -> Result<Response, Refusal> {
    let name = form.filled("name").map(display_name).transpose()?;
    let password = form.filled("password").map(str::to_owned);
    let joined = people::accept(app, form.field("token"), name, password, client).await?;
    if !joined.is_new {
        return Ok(message("You are a member now", "Sign in as you always do."));
    }
    let opened = people::open(app, joined.person, Some(joined.tenant), client).await?;
    end_old(app, headers).await?;
    let mut response = message("You are a member now", "You are signed in.");
    set_cookie(&mut response, &app.config.sessions, Some(opened.token.expose()));
    Ok(response)
}
