//! The people's own API, below `/account/v1`: signing in, one's sessions and password, invitations. For the console's
//! pages and for scripts; pages of other sites are kept out.

mod audit;
mod generations;
mod invitations;
mod me;
mod oidc;
mod resets;
mod sessions;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use dialect::error::ErrorType;
use http::header::{HeaderName, HeaderValue, USER_AGENT};
use http::request::Parts;
use utoipa_axum::router::OpenApiRouter;

pub(super) use self::invitations::{Invitation, role as invited_role};
pub(super) use self::me::name as display_name;
pub(super) use self::sign_in::{end_old, set_cookie};
use super::address::ClientAddress;
use super::documents;
use super::reply::Refusal;
use super::routes::wrong_method;
use crate::access::guard;
use crate::people::Client;
use crate::service::App;

const BASE: &str = "/account/v1";
/// What browsers say of the page that sent a request.
pub(super) const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Characters of a browser's name that are kept.
const USER_AGENT_LENGTH: usize = 300;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let (api, document) = guard(app, BASE, api());
    Router::new()
        .nest(BASE, api)
        .merge(documents::routes(BASE, document))
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn(own_pages_only))
}

fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(sign_in::routes())
        .merge(sessions::routes())
        .merge(me::routes())
        .merge(invitations::routes())
        .merge(resets::routes())
        .merge(oidc::routes())
        .merge(audit::routes())
        .merge(generations::routes())
}

/// Nothing of this is for pages of other sites. Signing in takes no token of the session that it begins, so that another
/// site could otherwise sign somebody in as somebody else.
async fn own_pages_only(request: Request, next: Next) -> Response {
    let site = request.headers().get(FETCH_SITE).map(HeaderValue::as_bytes);
    let is_foreign = !request.method().is_safe() && matches!(site, Some(b"cross-site" | b"same-site"));
    if is_foreign {
        return Refusal::new(ErrorType::PermissionDenied, "Pages of other sites cannot do this.")
            .into_response();
    }
    next.run(request).await
}

impl FromRequestParts<Arc<App>> for Client {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        let user_agent =
            parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self { address, user_agent: user_agent.chars().take(USER_AGENT_LENGTH).collect() })
    }
}
