//! `/healthz`, `/readyz` and `/metrics` on a port of their own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::{Metrics, Shutdown};

/// The probe listener failed.
#[derive(Debug, thiserror::Error)]
#[error("the probe listener failed")]
pub struct ProbeError(#[source] std::io::Error);

/// What each part of the process says of its readiness. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, bool>>>);

impl Health {
    /// Says whether a part is ready. A part that has spoken once keeps the process unready until it is.
    pub fn set(&self, part: &'static str, ready: bool) {
        self.parts().insert(part, ready);
    }

    /// Whether every part that has spoken is ready, and at least one has spoken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let parts = self.parts();
        !parts.is_empty() && parts.values().all(|ready| *ready)
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One line a part: its name and whether it is ready.
    #[must_use]
    pub fn report(&self) -> String {
        self.parts()
            .iter()
            .map(|(part, ready)| format!("{part}: {}\n", if *ready { "ready" } else { "not ready" }))
            .collect()
    }
}

/// Serves the probes on a bound listener until the stop has begun.
///
/// # Errors
/// [`ProbeError`] when the listener fails.
pub async fn serve_probes(
    listener: TcpListener,
    health: Health,
    metrics: Metrics,
    shutdown: Shutdown,
) -> Result<(), ProbeError> {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(render))
        .with_state((health, metrics));
    axum::serve(listener, routes).with_graceful_shutdown(shutdown.wait()).await.map_err(ProbeError)
}

async fn ready(State((health, _)): State<(Health, Metrics)>) -> impl IntoResponse {
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, health.report())
}

async fn render(State((_, metrics)): State<(Health, Metrics)>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.render())
}
