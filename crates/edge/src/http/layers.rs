//! What happens to every request before and after its handler.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{CACHE_CONTROL, CONNECTION, HeaderValue};
use http::{Method, StatusCode, Version};
use http_body::{Body as _, Frame};

use super::reply::{Refusal, UNKEPT, UserFacing as _};
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

/// Says of an answer that nobody on its way is to keep it, unless its handler says otherwise.
pub(crate) async fn unkept(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(CACHE_CONTROL).or_insert(UNKEPT);
    response
}

/// Answers for a handler that panicked.
pub(super) async fn catch_panic(request: Request, next: Next) -> Response {
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        rpc::Fault::internal().refusal().into_response()
    })
}

/// Closes a connection whose request was answered without being read to its end: what is left of it would be
/// taken for the next request, and a client that does not know would send that one into nothing.
pub(super) async fn close_unread(request: Request, next: Next) -> Response {
    if request.version() > Version::HTTP_11 || request.body().is_end_stream() {
        return next.run(request).await;
    }
    let is_read = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_read);
    let request = request.map(|body| Body::new(Watched { body, is_read: seen }));
    let mut response = next.run(request).await;
    if !is_read.load(Ordering::Relaxed) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A body that says when it has been read to its end.
struct Watched {
    body: Body,
    is_read: Arc<AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.is_read.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
