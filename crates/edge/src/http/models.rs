//! The public catalogue: models, their endpoints and providers, at the caller's prices.
//!
//! Reading needs no key. A key that is given has to be in force; it brings the prices of its plan. Latency, throughput
//! and counts are for those who have one, and for people who are signed in.

mod answers;
mod terms;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use dialect::error::ErrorType;
use http::Uri;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use prost::Message as _;
use rpc::billing::GetTermsRequest;

pub(crate) use self::answers::Answers;
use self::answers::Wanted;
pub(crate) use self::terms::DefaultMarkups;
use super::address::ClientAddress;
use super::reply::{Refusal, UNKEPT, UserFacing as _};
use crate::access::{self, Party};
use crate::auth::{self, Markups};
use crate::service::App;

/// Resources without a name of their own, by path.
const RESOURCES: [(&str, &str); 7] = [
    ("/models", "models"),
    ("/models/count", "count"),
    ("/embeddings/models", "embeddings"),
    ("/images/models", "images"),
    ("/videos/models", "videos"),
    ("/endpoints/zdr", "zdr"),
    ("/providers", "providers"),
];

/// Resources of one model, by path.
const OF_A_MODEL: [(&str, &str); 4] = [
    ("/model/{author}/{slug}", "model"),
    ("/models/{author}/{slug}/endpoints", "endpoints"),
    ("/models/{author}/{slug}/endpoints/history", "history"),
    ("/images/models/{author}/{slug}/endpoints", "image_endpoints"),
];

const USER: &str = "/models/user";

/// Everything that is served here.
#[cfg(test)]
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    RESOURCES.iter().chain(&OF_A_MODEL).map(|(path, _)| *path).chain([USER])
}

/// The routes below one base path.
pub(super) fn routes(base: &str) -> Router<Arc<App>> {
    let mut routes = Router::new().route(&format!("{base}{USER}"), get(usable));
    for (path, resource) in RESOURCES {
        let show = async move |State(app): State<Arc<App>>, request: Request| {
            let wanted = Wanted { resource, ..of(&app, &request.into_parts().0).await? };
            answer(&app, wanted).await
        };
        routes = routes.route(&format!("{base}{path}"), get(show));
    }
    for (path, resource) in OF_A_MODEL {
        let show = async move |State(app): State<Arc<App>>,
                               path: Result<Path<(String, String)>, PathRejection>,
                               request: Request| {
            let parts = request.into_parts().0;
            // A name that is no text is nobody's.
            let Path((author, slug)) = path.map_err(|_| unknown(&parts.uri))?;
            let name = format!("{author}/{slug}");
            let wanted = Wanted { resource, name, ..of(&app, &parts).await? };
            answer(&app, wanted).await
        };
        routes = routes.route(&format!("{base}{path}"), get(show));
    }
    routes
}

/// `GET /models/user`: what the caller's own rules leave.
async fn usable(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let context = auth::authenticate(&app.keys, &request).await?;
    let wanted = Wanted {
        resource: "user",
        query: request.uri().query().unwrap_or_default().to_owned(),
        markups: context.terms.markups.clone(),
        authenticated: true,
        policy: context.governance.guardrails.policy.encode_to_vec(),
        ..Wanted::default()
    };
    answer(&app, wanted).await
}

fn unknown(uri: &Uri) -> Refusal {
    Refusal::new(ErrorType::NotFound, format!("There is no model at {}.", uri.path()))
}

/// The caller's view of nothing in particular.
async fn of(app: &App, parts: &Parts) -> Result<Wanted, Refusal> {
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let (markups, authenticated) = if auth::has_key(&parts.headers) {
        (auth::authenticate(&app.keys, parts).await?.terms.markups.clone(), true)
    } else {
        (default_markups(app).await?, is_signed_in(app, parts).await)
    };
    Ok(Wanted { query, markups, authenticated, ..Wanted::default() })
}

/// Whether a session of the console is in force. What everybody may read is read without one: also where it has ended,
/// too many of the caller's network are asked of, or nobody can tell.
async fn is_signed_in(app: &App, parts: &Parts) -> bool {
    let cookie = app.config.sessions.cookie();
    let Some(secret) = access::session_secret(&parts.headers, cookie) else { return false };
    let Some(address) = parts.extensions.get::<ClientAddress>() else { return false };
    let session = access::session_of(app, secret, Party::Network(address.network())).await;
    session.is_ok_and(|session| session.is_some())
}

/// What callers without a key pay on top: the default plan's.
async fn default_markups(app: &App) -> Result<Markups, Refusal> {
    let source = app.keys.source();
    let terms = || async { source.terms(GetTermsRequest::default()).await.map(|terms| terms.markups) };
    app.default_markups.get(terms).await.map_err(|status| (*status).clone().refusal())
}

async fn answer(app: &App, wanted: Wanted) -> Result<Response, Refusal> {
    let is_of_somebody = wanted.authenticated;
    let answer = app.catalogue.get(wanted).await.map_err(|status| (*status).clone().refusal())?;
    let mut response = Response::new(Body::from(answer.body.clone()));
    if let Ok(content_type) = HeaderValue::from_str(&answer.content_type) {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    if is_of_somebody {
        response.headers_mut().insert(CACHE_CONTROL, UNKEPT);
    }
    Ok(response)
}
