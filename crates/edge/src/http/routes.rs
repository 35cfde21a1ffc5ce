//! Every route, and the layers around them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use dialect::client::Dialect;
use http::{HeaderName, StatusCode, Uri};
use tower_http::cors::{AllowHeaders, AllowMethods, Any, CorsLayer};

use super::reply::Refusal;
use super::{
    admin, availability, console, count_tokens, documents, inference, layers, management, models, pages,
    payments, people,
};
use crate::access::guard;
use crate::service::App;

/// The whole surface.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    let (operated, document) = guard(app, "/admin/v1", admin::routes(app));
    Router::new()
        .merge(public(app))
        // Browsers may call the API from anywhere: keys travel in a header that no browser adds by itself.
        .layer(cors())
        .nest("/admin/v1", operated)
        .merge(documents::routes("/admin/v1", document))
        .merge(people::routes(app))
        .merge(pages::routes(app))
        .route("/webhooks/stripe", post(payments::webhook))
        .route("/docs/errors/{code}", get(explain_error))
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(console::routes())
        .method_not_allowed_fallback(wrong_method)
        // Pages of the console have any address that is nobody else's.
        .fallback(console::elsewhere)
        // Layers run from the last one here to the first.
        // 4. A request that was refused unread ends its connection.
        .layer(axum::middleware::from_fn(layers::close_unread))
        // 3. A handler that panics is one request's matter.
        .layer(axum::middleware::from_fn(layers::catch_panic))
        // 2. Oversized request lines and headers get no further.
        .layer(axum::middleware::from_fn_with_state(Arc::clone(app), layers::bound_head))
        // 1. Every answer is counted, whoever gave it.
        .layer(axum::middleware::from_fn_with_state(Arc::clone(app), layers::count))
        .with_state(Arc::clone(app))
}

fn public(app: &Arc<App>) -> Router<Arc<App>> {
    let (managed, document) = guard(app, "/api/v1", management::routes());
    let (also_managed, _) = guard(app, "/v1", management::routes());
    Router::new()
        .nest("/api/v1", managed)
        .nest("/v1", also_managed)
        .merge(documents::routes("/api/v1", document.merge_from(documents::unguarded())))
        .merge(inference())
        .route(&format!("/api/v1{COUNT_TOKENS}"), post(count_tokens::count))
        .route(&format!("/v1{COUNT_TOKENS}"), post(count_tokens::count))
        .merge(models::routes("/api/v1"))
        .merge(models::routes("/v1"))
        .method_not_allowed_fallback(wrong_method)
}

const COUNT_TOKENS: &str = "/messages/count_tokens";

/// Where each dialect is spoken.
const INFERENCE: [(&str, Dialect); 11] = [
    ("/chat/completions", Dialect::Chat),
    ("/completions", Dialect::Completions),
    ("/responses", Dialect::Responses),
    ("/messages", Dialect::Messages),
    ("/embeddings", Dialect::Embeddings),
    ("/rerank", Dialect::Rerank),
    ("/images", Dialect::Images),
    // As OpenAI's clients know it.
    ("/images/generations", Dialect::Images),
    ("/images/edits", Dialect::Images),
    ("/audio/speech", Dialect::Speech),
    ("/audio/transcriptions", Dialect::Transcription),
];

fn inference() -> Router<Arc<App>> {
    // Some clients are given the address without `/api`.
    let bases = ["/api/v1", "/v1"];
    let paths =
        bases.iter().flat_map(|base| INFERENCE.map(|(path, dialect)| (format!("{base}{path}"), dialect)));
    paths.fold(Router::new(), |router, (path, dialect)| router.route(&path, inference::route(dialect)))
}

fn cors() -> CorsLayer {
    let shown = [
        "x-generation-id",
        "x-request-id",
        "request-id",
        "x-patchbay-simulated",
        "retry-after",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-openrouter-cache-status",
        "x-openrouter-cache-age",
        "x-openrouter-cache-ttl",
        "x-openrouter-cache-source-id",
        "idempotent-replayed",
    ];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(shown.map(HeaderName::from_static))
        .max_age(std::time::Duration::from_secs(86_400))
}

/// What `error.availability.docs_url` leads to.
async fn explain_error(Path(code): Path<String>) -> Result<String, Refusal> {
    availability::explain(&code).map(|text| format!("{code}\n\n{text}\n")).ok_or_else(|| {
        Refusal::new(dialect::error::ErrorType::NotFound, format!("There is no error `{code}`."))
    })
}

/// There is nothing at a path, but perhaps a page for whoever accepts pages.
pub(super) fn unknown_path(uri: &Uri) -> axum::response::Response {
    let message = format!("There is nothing at {}.", uri.path());
    let refusal = Refusal::new(dialect::error::ErrorType::NotFound, message);
    refusal.with_header("vary", console::VARIES).into_response()
}

pub(super) async fn wrong_method(method: http::Method, uri: Uri) -> axum::response::Response {
    let message = format!("{method} is not possible at {}.", uri.path());
    Refusal::with_status(StatusCode::METHOD_NOT_ALLOWED, message).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_served_without_a_guard_is_documented() {
        let served = INFERENCE.iter().map(|(path, _)| *path);
        let served: BTreeSet<&str> = served.chain(models::paths()).chain([COUNT_TOKENS]).collect();
        let document = documents::unguarded();
        let documented: BTreeSet<&str> = document.paths.paths.keys().map(String::as_str).collect();
        assert_eq!(served, documented);
    }
}
