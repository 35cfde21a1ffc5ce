//! The accept loop. `axum::serve` arms no timers and bounds nothing, so connections are made here.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::silence::{HeadTimer, Heard};
use super::{address, routes};
use crate::config::HttpConfig;
use crate::metrics::Open;
use crate::service::App;

/// How long accepting pauses when the process has no file descriptors left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);
/// What every HTTP/2 connection begins with.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long to wait before looking again at a preface that came in part.
const REST_OF_PREFACE: Duration = Duration::from_millis(20);
/// Headers of one request.
const MAX_HEADERS: usize = 100;
/// What an HTTP/1 connection buffers.
const BUFFER: usize = 128 * 1024;

/// Serves until the stop has begun, then drains.
pub(crate) async fn serve(app: &Arc<App>, listener: TcpListener) -> io::Result<()> {
    let stay = app.leases.outbox().stay().await;
    let routes = routes::routes(app);
    let proxies: Arc<[IpNet]> = app.config.http.trusted_proxies.as_slice().into();
    let graceful = GracefulShutdown::new();
    let (closing, cut) = (CancellationToken::new(), CancellationToken::new());
    let places = Arc::new(Semaphore::new(app.config.http.max_connections.get().min(Semaphore::MAX_PERMITS)));
    let mut stop = pin!(stop(app));
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted?,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        // A delayed small write would hold back every streamed frame by tens of milliseconds.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(address::located(routes.clone(), peer, Arc::clone(&proxies)));
        let watcher = graceful.watcher();
        let (closing, cut) = (closing.clone(), cut.clone());
        let open = Open::one(&app.metrics.connections);
        let heard = Heard::default();
        let http = builder(&app.config.http, &heard);
        let patience = app.config.http.header_timeout_ms.get();
        app.tasks.spawn(async move {
            let speaks = tokio::select! {
                speaks = tokio::time::timeout(patience, speaks(&stream)) => speaks.unwrap_or(false),
                () = closing.cancelled() => false,
            };
            if !speaks {
                return;
            }
            let stream = TokioIo::new(heard.listen(stream));
            let connection = http.serve_connection(stream, service).into_owned();
            tokio::select! {
                served = watcher.watch(connection) => {
                    if let Err(error) = served {
                        tracing::debug!(error = %error, "a connection ended early");
                    }
                }
                () = cut.cancelled() => {}
            }
            drop((place, open));
        });
    }
    drop(listener);
    closing.cancel();
    if tokio::time::timeout(app.config.http.drain_ms.get(), graceful.shutdown()).await.is_err() {
        tracing::warn!("answers that still run are cut off, the time to drain is over");
    }
    cut.cancel();
    drop(stay);
    Ok(())
}

/// The next connection, once there is a place for it. `None` for one that is gone already.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<Option<(TcpStream, IpAddr, tokio::sync::OwnedSemaphorePermit)>> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    match listener.accept().await {
        Ok((stream, peer)) => Ok(Some((stream, peer.ip(), place))),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted => Ok(None),
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => {
                tracing::warn!(error = %error, "no connection can be accepted");
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

/// Whether a client says enough to tell HTTP/1 from HTTP/2: until then no timer of either runs, and a
/// connection that says nothing would keep its place for good.
async fn speaks(stream: &TcpStream) -> bool {
    let mut head = [0; HTTP2_PREFACE.len()];
    loop {
        match stream.peek(&mut head).await {
            Ok(length) if length > 0 => {
                if length == head.len() || !HTTP2_PREFACE.starts_with(&head[..length]) {
                    return true;
                }
                // What was peeked at is still there, so that there is nothing to wait for but time.
                tokio::time::sleep(REST_OF_PREFACE).await;
            }
            Ok(_) | Err(_) => return false,
        }
    }
}

/// The stop has begun, and whoever sends clients here has had time to notice.
async fn stop(app: &App) {
    app.tasks.shutdown().begun().await;
    app.health.set("edge", false);
    tokio::time::sleep(Duration::from_millis(app.config.http.linger_ms)).await;
}

/// How one connection is served.
fn builder(config: &HttpConfig, heard: &Heard) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(HeadTimer { heard: heard.clone(), patience: config.header_timeout_ms.get() })
        .header_read_timeout(config.idle_timeout_ms.get())
        .max_headers(MAX_HEADERS)
        .max_buf_size(BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_streams.get())
        .max_header_list_size(u32::try_from(config.max_header_bytes.get()).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    builder
}
