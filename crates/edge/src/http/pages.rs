//! The few pages that the service shows by itself: an app that asks for a key, an invitation, a forgotten password.
//!
//! Plain HTML, written here: no script, nothing fetched, no frame around them. Templates escape whatever is put into them.

mod accept_invitation;
mod consent;
mod form;
mod reset_password;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dialect::error::ErrorType;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, StatusCode, Uri};
use rpc::Fault;
use sha2::{Digest as _, Sha256};

use self::form::Form;
use super::people::FETCH_SITE;
use super::reply::{Refusal, UserFacing};
use crate::access;
use crate::service::App;

/// As the layout writes it into each page.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .merge(consent::routes())
        .merge(accept_invitation::routes())
        .merge(reset_password::routes())
        .layer(axum::middleware::from_fn_with_state(Arc::clone(app), place))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(app), own_forms_only))
}

/// Shows a page, or takes a form, once there is a place for a call from where it comes from.
async fn place(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let answered = access::serve_anybody(&app, request, next).await;
    answered.unwrap_or_else(|refusal| Trouble(refusal).into_response())
}

/// Forms are sent by these pages alone, and nothing of them is kept on the way.
async fn own_forms_only(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_own = request.method().is_safe() || is_own(request.headers(), &app.config.public_base());
    let mut response = if is_own {
        next.run(request).await
    } else {
        let message = "This form was sent by a page of another site.";
        Trouble(Refusal::new(ErrorType::PermissionDenied, message)).into_response()
    };
    let fixed: [(HeaderName, &'static str); 4] = [
        (CACHE_CONTROL, "no-store"),
        // Forms of these pages still say where they come from; other sites are told nothing.
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a form was sent by a page of this site, as far as the browser says.
fn is_own(headers: &HeaderMap, base: &str) -> bool {
    if let Some(site) = headers.get(FETCH_SITE) {
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    origin == base || origin.split_once("://").is_some_and(|(_, authority)| authority == host)
}

/// What went wrong, as a page.
struct Trouble(Refusal);

impl<E: UserFacing> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self(error.refusal())
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let message = self.0.error().message.clone();
        said(self.0, |status| page(status, "", &Message { title: "This cannot be done", message }))
    }
}

/// A page in place of a refusal, with its status and what its headers say of coming back.
fn said(refusal: Refusal, page: impl FnOnce(StatusCode) -> Response) -> Response {
    let (parts, _) = refusal.into_response().into_parts();
    let mut response = page(parts.status);
    for (name, value) in &parts.headers {
        if !response.headers().contains_key(name) && name != http::header::CONTENT_LENGTH {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// A page that says something and asks nothing.
#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    title: &'static str,
    message: String,
}

fn message(title: &'static str, message: impl Into<String>) -> Response {
    page(StatusCode::OK, "", &Message { title, message: message.into() })
}

/// A page whose forms lead here, and to `sources` of a content security policy.
pub(super) fn page(status: StatusCode, sources: &str, template: &impl Template) -> Response {
    let Ok(text) = template.render() else {
        tracing::error!("a page could not be written");
        return Fault::internal().refusal().into_response();
    };
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' {sources}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// On to another page.
fn to(location: &str) -> Result<Response, Trouble> {
    let location = HeaderValue::from_str(location).map_err(|_| Fault::internal())?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// What stands in the address, into a struct of optional texts. Empty ones were not sent.
fn asked<T: serde::de::DeserializeOwned>(uri: &Uri) -> Result<T, Trouble> {
    Ok(super::body::from_uri(uri)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_other_sites_are_told_apart() {
        let base = "https://pb.example.com";
        let from = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            is_own(&HeaderMap::from_iter(pairs), base)
        };
        assert!(from(&[]) && from(&[("sec-fetch-site", "same-origin")]) && from(&[("origin", base)]));
        assert!(from(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]));
        assert!(!from(&[("sec-fetch-site", "cross-site"), ("origin", base)]));
        assert!(!from(&[("sec-fetch-site", "same-site")]));
        assert!(!from(&[("origin", "null"), ("host", "pb.example.com")]));
        assert!(!from(&[("origin", "https://evil.example"), ("host", "pb.example.com")]));
    }
}
