//! What happens to every request before and after its handler.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use http::{Method, StatusCode};

use super::reply::{Refusal, UserFacing as _};
use crate::metrics::Answered;
use crate::service::App;

/// Counts the answer by route, method and status.
pub(super) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = known(request.method());
    let response = next.run(request).await;
    app.metrics.answered(&Answered { route, method: method.to_owned(), status: response.status().as_u16() });
    response
}

/// The method's name, for as many as there are; a client may make up any number.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

/// Refuses a request line or headers that are too long.
pub(super) async fn bound_head(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let limits = &app.config.http;
    let url = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if url > limits.max_url_bytes.get() {
        let message = format!("The URL is longer than {} bytes.", limits.max_url_bytes);
        return Refusal::with_status(StatusCode::URI_TOO_LONG, message).into_response();
    }
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers > limits.max_header_bytes.get() {
        let message = format!("The headers are longer than {} bytes.", limits.max_header_bytes);
        return Refusal::with_status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message).into_response();
    }
    next.run(request).await
}

/// Answers for a handler that panicked.
pub(super) async fn catch_panic(request: Request, next: Next) -> Response {
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        rpc::Fault::internal().refusal().into_response()
    })
}
