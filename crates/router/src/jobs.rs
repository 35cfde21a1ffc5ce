//! What runs beside the calls: keeping the snapshot and the standings current.

mod decisions;
mod keep;
mod listen;
mod observe;
mod refresh;
mod share;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use decisions::{keep_decisions, sweep_decisions};
pub(crate) use keep::keep;
pub(crate) use listen::listen;
pub(crate) use observe::{observe, take_in};
pub(crate) use refresh::refresh;
pub(crate) use share::share;

use crate::service::Inner;

/// How often windows roll on while nothing is observed.
const TICK: Duration = Duration::from_secs(1);

/// Lets time pass for health.
pub(crate) async fn tick(inner: Arc<Inner>) {
    while pause(&inner, TICK).await {
        inner.health.tick(inner.clock.now_ms());
    }
}

/// Waits. `false` when the process is to stop.
async fn pause(inner: &Inner, span: Duration) -> bool {
    tokio::select! {
        () = inner.deps.tasks.shutdown().begun() => false,
        () = tokio::time::sleep(span) => true,
    }
}
