//! A forgotten password: asking for a link by mail, and setting another one with it.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::{Form, Trouble, asked, message, page, said};
use crate::http::reply::Refusal;
use crate::people::{self, Client, Email};
use crate::service::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/reset-password", get(show).post(send))
}

#[derive(Template)]
#[template(path = "reset_password.html")]
struct ResetPassword<'a> {
    /// From the mail; empty = a link is asked for.
    token: &'a str,
    problem: &'a str,
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    token: String,
}

async fn show(uri: Uri) -> Result<Response, Trouble> {
    let Query { token } = asked(&uri)?;
    Ok(page(StatusCode::OK, "", &ResetPassword { token: &token, problem: "" }))
}

async fn send(State(app): State<Arc<App>>, client: Client, form: Form) -> Response {
    let token = form.field("token");
    let done =
        if token.is_empty() { ask(&app, &client, &form).await } else { set(&app, &client, &form).await };
    done.unwrap_or_else(|refusal| {
        let problem = refusal.error().message.clone();
        said(refusal, |status| page(status, "", &ResetPassword { token, problem: &problem }))
    })
}

async fn ask(app: &Arc<App>, client: &Client, form: &Form) -> Result<Response, Refusal> {
    people::ask_for_reset(app, &Email::parse(form.field("email"))?, client).await?;
    Ok(message("Look into your mail", "If somebody here has this address, a link is on its way."))
}

async fn set(app: &App, client: &Client, form: &Form) -> Result<Response, Refusal> {
    people::confirm_reset(app, form.field("token"), form.field("password").to_owned(), client).await?;
    Ok(message("The password is set", "Every session that you had has ended. Sign in with the new password."))
}
