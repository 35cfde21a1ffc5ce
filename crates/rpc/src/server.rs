//! Serving generated servers over the network.

use std::future::Future;
use std::time::Duration;

use identity::Role;
use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tonic::transport::Server;

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
pub async fn serve(
    listener: TcpListener,
    role: Role,
    keys: ServiceKeys,
    server: Routes,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
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
        .layer(tower::layer::layer_fn(move |routes| Guard::new(routes, Some((role, keys.clone())))))
        .add_routes(server)
        .serve_with_incoming_shutdown(incoming, shutdown)
        .await
        .map_err(|source| ServeError { role, source })
}
