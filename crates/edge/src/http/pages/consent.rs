//! The page that an app sends somebody to who is to allow it a key.

mod choice;
mod query;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use dialect::error::ErrorType;
use http::{HeaderMap, StatusCode, Uri};

use self::choice::{Barred, Choices, Organisation};
use self::query::Query;
use super::{Form, Trouble, asked, message, page, said, to};
use crate::access::{Session, is_csrf_token, session_secret};
use crate::http::people::{end_old, set_cookie};
use crate::http::reply::{Refusal, UserFacing as _};
use crate::keys::{self, Reset};
use crate::oauth::{self, Callback, Wish};
use crate::people::{self, Client, Email, Error};
use crate::service::App;
use crate::store::sessions;

/// When a limit begins anew, as the form has it.
const RESETS: [(&str, &str); 4] =
    [("", "never"), ("daily", "every day"), ("weekly", "every week"), ("monthly", "every month")];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/auth", get(show).post(decide)).route("/auth/sign-in", post(sign_in))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    app: &'a str,
    query: String,
    email: &'a str,
    problem: &'a str,
    has_issuer: bool,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct Consent<'a> {
    app: &'a str,
    email: &'a str,
    key_name: String,
    callback: &'a str,
    expires_at: String,
    query: String,
    csrf_token: String,
    organisations: &'a [Organisation],
    barred: &'a [Barred],
    limit: &'a str,
    limit_reset: &'a str,
    resets: [(&'static str, &'static str); 4],
    problem: &'a str,
}

#[derive(Template)]
#[template(path = "code.html")]
struct Code<'a> {
    code: &'a str,
}

/// Somebody who is signed in, and the secret of their session.
struct Visitor<'a> {
    session: Session,
    secret: &'a str,
}

impl<'a> Visitor<'a> {
    async fn of(app: &App, headers: &'a HeaderMap) -> Result<Option<Self>, sqlx::Error> {
        let Some(secret) = session_secret(headers, app.config.sessions.cookie()) else { return Ok(None) };
        let session = sessions::by_secret(&app.pool, secret, app.config.sessions.idle_ms.get()).await?;
        Ok(session.map(|session| Self { session, secret }))
    }
}

/// What somebody is asked, and what they filled in so far.
struct Asked<'a> {
    query: &'a Query,
    wish: &'a Wish,
    limit: &'a str,
    limit_reset: &'a str,
    problem: &'a str,
}

impl<'a> Asked<'a> {
    fn of(query: &'a Query, wish: &'a Wish) -> Self {
        Self {
            query,
            wish,
            limit: query.limit.as_deref().unwrap_or_default(),
            limit_reset: wish.limit_reset.map(Reset::as_str).unwrap_or_default(),
            problem: "",
        }
    }

    fn page(&self, status: StatusCode, visitor: &Visitor<'_>, choices: &Choices) -> Response {
        let callback = self.wish.callback.as_ref();
        let consent = Consent {
            app: self.wish.app(),
            email: &choices.email,
            key_name: self.wish.key_name(),
            callback: callback.map(Callback::as_str).unwrap_or_default(),
            expires_at: self.wish.expires_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
            query: self.query.encoded(),
            csrf_token: crate::access::csrf_token(visitor.secret),
            organisations: &choices.organisations,
            barred: &choices.barred,
            limit: self.limit,
            limit_reset: self.limit_reset,
            resets: RESETS,
            problem: self.problem,
        };
        page(status, callback.map(Callback::sources).unwrap_or_default(), &consent)
    }
}

fn sign_in_page(app: &App, status: StatusCode, query: &Query, wish: &Wish, tried: (&str, &str)) -> Response {
    let (email, problem) = tried;
    let has_issuer = !app.config.oidc.issuer.is_empty();
    page(status, "", &SignIn { app: wish.app(), query: query.encoded(), email, problem, has_issuer })
}

async fn show(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Result<Response, Trouble> {
    let query: Query = asked(&uri)?;
    let wish = query.wish()?;
    let Some(visitor) = Visitor::of(&app, &headers).await? else {
        return Ok(sign_in_page(&app, StatusCode::OK, &query, &wish, ("", "")));
    };
    let choices = Choices::of(&app, &visitor.session, query.workspace()?).await?;
    Ok(Asked::of(&query, &wish).page(StatusCode::OK, &visitor, &choices))
}

async fn sign_in(
    State(app): State<Arc<App>>,
    client: Client,
    headers: HeaderMap,
    uri: Uri,
    form: Form,
) -> Result<Response, Trouble> {
    let query: Query = asked(&uri)?;
    let wish = query.wish()?;
    match enter(&app, &client, &form).await {
        Ok(opened) => {
            end_old(&app, &headers).await?;
            let mut response = to(&format!("/auth?{}", query.encoded()))?;
            set_cookie(&mut response, &app.config.sessions, Some(opened.token.expose()));
            Ok(response)
        }
        Err(error) => {
            let refusal = error.refusal();
            let problem = refusal.error().message.clone();
            let tried = (form.field("email"), problem.as_str());
            Ok(said(refusal, |status| sign_in_page(&app, status, &query, &wish, tried)))
        }
    }
}

async fn enter(app: &App, client: &Client, form: &Form) -> Result<people::Opened, Error> {
    // What is no address is nobody's.
    let email = Email::parse(form.field("email")).map_err(|_| Error::Denied)?;
    let person = people::check(app, &email, form.field("password").to_owned(), client).await?;
    people::open(app, person, None, client).await
}

async fn decide(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    uri: Uri,
    form: Form,
) -> Result<Response, Trouble> {
    let query: Query = asked(&uri)?;
    let mut wish = query.wish()?;
    let Some(visitor) = Visitor::of(&app, &headers).await? else {
        return Ok(sign_in_page(&app, StatusCode::OK, &query, &wish, ("", "Sign in again.")));
    };
    if !is_csrf_token(form.field("csrf_token"), visitor.secret) {
        let message = "This form is not one of your session. Open the app's page again.";
        return Err(Refusal::new(ErrorType::PermissionDenied, message).into());
    }
    if form.field("decision") != "allow" {
        return deny(&query, &wish);
    }
    let choices = Choices::of(&app, &visitor.session, query.workspace()?).await?;
    match allow(&app, &choices, &form, &mut wish).await {
        Ok(issued) => hand_over(&query, &wish, issued.code.expose()),
        Err(refusal) => {
            let problem = refusal.error().message.clone();
            let asked = Asked {
                limit: form.field("limit"),
                limit_reset: form.field("limit_reset"),
                problem: &problem,
                ..Asked::of(&query, &wish)
            };
            Ok(said(refusal, |status| asked.page(status, &visitor, &choices)))
        }
    }
}

async fn allow(app: &App, choices: &Choices, form: &Form, wish: &mut Wish) -> Result<oauth::Issued, Refusal> {
    wish.limit = form.filled("limit").map(str::trim).map(keys::limit).transpose()?;
    wish.limit_reset = form.filled("limit_reset").and_then(Reset::named);
    let (caller, workspace) = choices.chosen(form.field("place")).ok_or(oauth::Error::Workspace)?;
    Ok(oauth::allow(app, &caller, Some(workspace), wish).await?)
}

/// Sends the code where the app wants it, or shows it.
fn hand_over(query: &Query, wish: &Wish, code: &str) -> Result<Response, Trouble> {
    match &wish.callback {
        Some(callback) => to(&callback.with("code", code, query.state.as_deref())),
        None => Ok(page(StatusCode::OK, "", &Code { code })),
    }
}

fn deny(query: &Query, wish: &Wish) -> Result<Response, Trouble> {
    match &wish.callback {
        Some(callback) => to(&callback.with("error", "access_denied", query.state.as_deref())),
        None => Ok(message("Denied", "The app gets no key. You can close this page.")),
    }
}
