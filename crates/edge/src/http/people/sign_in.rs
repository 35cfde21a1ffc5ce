//! Signing in and out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::{HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Action, Session, csrf_token, session_secret};
use crate::config::SessionsConfig;
use crate::http::management::{Data, Sent};
use crate::http::reply::{self, Refusal};
use crate::people::{self, Client, Email, Error, Opened};
use crate::service::App;
use crate::store;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(sign_in)).routes(routes!(sign_out))
}

/// Somebody who signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct User {
    id: String,
    email: String,
    name: String,
    /// May use the operators' API.
    is_platform_admin: bool,
    /// Whether they can sign in with a password.
    has_password: bool,
}

/// An organisation that one is a member of.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Organization {
    id: String,
    slug: String,
    name: String,
    /// `owner`, `admin`, `billing`, `developer` or `viewer`.
    role: String,
}

/// What somebody may do in an organisation, as operations name it.
fn actions(session: &Session) -> Vec<&'static str> {
    let role = session.membership.map(|(_, role)| role);
    let may = |action: &Action| *action == Action::Self_ || role.is_some_and(|role| role.may(*action));
    Action::ALL.iter().copied().filter(may).map(Action::as_str).collect()
}

impl Organization {
    fn of(membership: &store::people::Membership) -> Self {
        Self {
            id: membership.tenant.to_string(),
            slug: membership.slug.clone(),
            name: membership.name.clone(),
            role: membership.role.as_str().to_owned(),
        }
    }
}

/// A session, with what its pages need to know.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Whole {
    session_id: String,
    /// To be sent in the header `x-csrf-token` with whatever changes something.
    csrf_token: String,
    user: User,
    /// Where the session works now.
    organization: Option<Organization>,
    /// What the person's role allows there, such as `keys.write`: the scopes of operations that take sessions.
    actions: Vec<&'static str>,
    organizations: Vec<Organization>,
}

/// The whole of a session, read anew.
pub(super) async fn whole(app: &App, session: &Session, secret: &str) -> Result<Data<Whole>, Refusal> {
    let found: Result<_, sqlx::Error> = store::people::as_person(&app.pool, session.person, |tx| {
        Box::pin(async { Ok((store::people::profile(tx).await?, store::people::memberships(tx).await?)) })
    })
    .await;
    let (profile, memberships) = found?;
    let here = session.membership.map(|(tenant, _)| tenant);
    let data = Whole {
        session_id: session.id.to_string(),
        csrf_token: csrf_token(secret),
        user: User {
            id: session.person.to_string(),
            email: profile.email,
            name: profile.name,
            is_platform_admin: profile.is_platform_admin,
            has_password: profile.password_hash.is_some(),
        },
        organization: memberships.iter().find(|one| Some(one.tenant) == here).map(Organization::of),
        actions: actions(session),
        organizations: memberships.iter().map(Organization::of).collect(),
    };
    Ok(Data { data })
}

/// Adds the cookie of a session to an answer, or takes it away.
pub(in crate::http) fn set_cookie(response: &mut Response, config: &SessionsConfig, secret: Option<&str>) {
    let secure = if config.secure { " Secure;" } else { "" };
    let end = if secret.is_some() { "" } else { "; Max-Age=0" };
    let cookie =
        format!("{}={}; Path=/;{secure} HttpOnly; SameSite=Lax{end}", config.cookie(), secret.unwrap_or(""));
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Ends the session that the browser had before it signed in.
pub(in crate::http) async fn end_old(app: &App, headers: &HeaderMap) -> Result<(), sqlx::Error> {
    match session_secret(headers, app.config.sessions.cookie()) {
        Some(old) => store::sessions::end(&app.pool, old).await,
        None => Ok(()),
    }
}

/// The answer to somebody whose session begins. The one that they had before ends.
pub(super) async fn begun(app: &App, headers: &HeaderMap, opened: &Opened) -> Result<Response, Refusal> {
    end_old(app, headers).await?;
    let secret = opened.token.expose();
    let mut response = reply::json(StatusCode::OK, &whole(app, &opened.session, secret).await?);
    set_cookie(&mut response, &app.config.sessions, Some(secret));
    Ok(response)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: String,
    password: String,
}

/// Sign in with e-mail address and password
#[utoipa::path(post, path = "/sign-in", operation_id = "signIn", tag = "Sessions", request_body = Credentials,
    responses((status = 200, description = "The session that begins; its secret is in the cookie", body = Data<Whole>)),
    security(()))]
async fn sign_in(
    State(app): State<Arc<App>>,
    client: Client,
    headers: HeaderMap,
    Sent(sent): Sent<Credentials>,
) -> Result<Response, Refusal> {
    // What is no address is nobody's.
    let Ok(email) = Email::parse(&sent.email) else { return Err(Error::Denied.into()) };
    let person = people::check(&app, &email, sent.password, &client).await?;
    let opened = people::open(&app, person, None, &client).await?;
    begun(&app, &headers, &opened).await
}

/// Sign out
#[utoipa::path(post, path = "/sign-out", operation_id = "signOut", tag = "Sessions",
    responses((status = 204, description = "The session has ended")),
    security(("session" = ["self"])))]
async fn sign_out(State(app): State<Arc<App>>, session: Session) -> Result<Response, Refusal> {
    let ended: Result<_, sqlx::Error> = store::people::as_person(&app.pool, session.person, move |tx| {
        Box::pin(async move { store::sessions::revoke(tx, session.id).await })
    })
    .await;
    ended?;
    Ok(super::sessions::gone(&app))
}
