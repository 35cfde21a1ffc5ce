//! Connections and routing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use lifecycle::Shutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::admin::json_response;
use crate::body::{Body, Broken};
use crate::config::{Config, Mode};
use crate::dialect::Dialect;
use crate::error::Error;
use crate::failure::Failure;
use crate::route::{Address, Operation, Route, Target, route};
use crate::simulator::{Call, Simulator, unix_millis};
use crate::stripe;

/// Longer request bodies are refused.
const LONGEST_BODY: usize = 64 * 1024 * 1024;
/// How long open answers may go on after the stop has begun.
const GRACE: Duration = Duration::from_secs(2);
/// The pause when the system gives no more sockets.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Serves the simulated providers on a bound listener until the stop has begun, then lets open answers go on
/// for 2 seconds.
///
/// # Errors
/// [`Error::Listener`] when the listener is unusable.
pub async fn serve(listener: TcpListener, config: Config, shutdown: Shutdown) -> Result<(), Error> {
    listener.local_addr().map_err(Error::Listener)?;
    let (outbox, posts) = tokio::sync::mpsc::unbounded_channel();
    let simulator = Arc::new(Simulator::new(config, outbox));
    let warm = Arc::clone(&simulator);
    if simulator.config.mode == Mode::Full {
        tokio::task::spawn_blocking(move || warm.tokenizer.warm());
    }
    let served = Arc::new(AtomicU64::new(0));
    let mut connections = JoinSet::new();
    connections.spawn(stripe::deliver(posts, shutdown.clone()));
    loop {
        tokio::select! {
            () = shutdown.begun() => break,
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(connection(socket, Arc::clone(&simulator), Arc::clone(&served), shutdown.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the simulator cannot accept");
                    tokio::time::sleep(EXHAUSTED).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

async fn connection(
    socket: TcpStream,
    simulator: Arc<Simulator>,
    served: Arc<AtomicU64>,
    shutdown: Shutdown,
) {
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let simulator = Arc::clone(&simulator);
        let number = served.fetch_add(1, Ordering::Relaxed);
        async move { handle(&simulator, request, number).await }
    });
    let builder = Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(serving);
    // A connection that breaks is the client's affair or a fault's effect; the log has it.
    tokio::select! {
        _ = serving.as_mut() => return,
        () = shutdown.begun() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

async fn handle(
    simulator: &Arc<Simulator>,
    request: Request<Incoming>,
    number: u64,
) -> Result<Response<Body>, Broken> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or("").to_owned();
    let target = route(&parts.method, parts.uri.path(), &query);
    let body = Limited::new(body, LONGEST_BODY).collect().await.map_err(|_| Broken)?.to_bytes();
    if let Route::Admin(rest) = &target.route {
        return Ok(simulator.admin(&parts.method, &target, rest, &query, &body));
    }
    let Target { provider, route, .. } = target;
    if route == Route::Stripe {
        let asked = stripe::Asked {
            method: &parts.method,
            path: parts.uri.path(),
            query: &query,
            headers: &parts.headers,
            body: &body,
        };
        return simulator.stripe.answer(&asked);
    }
    if route == Route::Token {
        return Ok(simulator.token(&provider, &body));
    }
    let call = |dialect, operation, address| Call {
        dialect,
        operation,
        address,
        provider,
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query,
        headers: parts.headers,
        length: body.len(),
    };
    match route {
        Route::Work(dialect, operation, address) => {
            work(simulator, call(dialect, operation, address), body, number).await
        }
        Route::CountTokens(dialect, address) => {
            Ok(simulator.count_tokens(call(dialect, Operation::Chat, address), body).await)
        }
        Route::Models(dialect) => Ok(simulator.models(dialect)),
        Route::Health => Ok(Response::new(Body::whole("ok\n"))),
        Route::Unknown(dialect) => {
            let dialect = dialect.unwrap_or(Dialect::OpenAi);
            Ok(unknown(simulator, &call(dialect, Operation::Chat, Address::default())))
        }
        Route::Admin(_) | Route::Token | Route::Stripe => Err(Broken),
    }
}

async fn work(
    simulator: &Arc<Simulator>,
    call: Call,
    body: Bytes,
    number: u64,
) -> Result<Response<Body>, Broken> {
    match simulator.config.mode {
        Mode::Fast if call.operation == Operation::Chat => Ok(simulator.chat_fast(call, &body, number).await),
        Mode::Fast | Mode::Full => simulator.answer(call, body).await,
    }
}

fn unknown(simulator: &Simulator, call: &Call) -> Response<Body> {
    let stamp = simulator.stamp(call, "", 0, unix_millis());
    let failure = Failure::new(404, format!("Unknown request URL: {}", call.path));
    json_response(StatusCode::NOT_FOUND, &call.dialect.wire().error_body(&failure, &stamp))
}
