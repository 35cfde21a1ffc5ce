//! Serving a generated server over the network.

use std::future::Future;
use std::time::Duration;

use http::{Request, Response};
use identity::Role;
use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Server;
use tower::Service;

use crate::ServiceKeys;
use crate::guard::Guard;

/// The server stopped with an error.
#[derive(Debug, thiserror::Error)]
#[error("the gRPC server of {role} failed")]
pub struct ServeError {
    role: Role,
    #[source]
    source: tonic::transport::Error,
}

/// Serves `server` as `role` on a bound listener until `shutdown`, then lets running calls end.
///
/// # Errors
/// [`ServeError`] when the listener fails.
pub async fn serve<S>(
    listener: TcpListener,
    role: Role,
    keys: ServiceKeys,
    server: S,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    let incoming = TcpListenerStream::new(listener).map(|connection| {
        if let Ok(stream) = &connection {
            // A delayed small write would hold back every streamed frame by tens of milliseconds.
            let _ = stream.set_nodelay(true);
        }
        connection
    });
    Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(8 << 20)
        .add_service(Guard::new(server, Some((role, keys))))
        .serve_with_incoming_shutdown(incoming, shutdown)
        .await
        .map_err(|source| ServeError { role, source })
}
