//! The layers around every served call, local or remote: deadline, trace, and a panic that stays one
//! call's matter.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use http::{Request, Response};
use identity::Role;
use tonic::Status;
use tonic::body::Body;
use tower::Service;
use tracing::Instrument as _;

use crate::{ServiceKeys, trace};

/// Wraps a generated server.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    inner: S,
    /// Who we are and how callers prove themselves; `None` in process.
    auth: Option<(Role, ServiceKeys)>,
}

impl<S> Guard<S> {
    pub(crate) const fn new(inner: S, auth: Option<(Role, ServiceKeys)>) -> Self {
        Self { inner, auth }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, std::convert::Infallible>> + Send>>;

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some((role, keys)) = &self.auth
            && let Err(status) = keys.verify(*role, request.headers().get(http::header::AUTHORIZATION))
        {
            return Box::pin(async move { Ok(status.into_http()) });
        }
        let span = trace::server_span(request.headers(), request.uri().path());
        let deadline = request.headers().get("grpc-timeout").and_then(|value| timeout(value.to_str().ok()?));
        let call = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let answer = async move {
            let outcome = match deadline {
                Some(limit) => match tokio::time::timeout(limit, call).await {
                    Ok(outcome) => outcome,
                    Err(_) => return Ok(Status::deadline_exceeded("the call's deadline passed").into_http()),
                },
                None => call.await,
            };
            outcome.unwrap_or_else(|_| {
                tracing::error!("a handler panicked");
                Ok(Status::internal("the call failed").into_http())
            })
        };
        if span.is_none() { Box::pin(answer) } else { Box::pin(answer.instrument(span)) }
    }
}

/// Reads gRPC's `grpc-timeout`: up to eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count.checked_mul(3_600)?)),
        "M" => Some(Duration::from_secs(count.checked_mul(60)?)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}
