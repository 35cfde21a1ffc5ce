//! Windows shared by all edges, in Redis.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::Script;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use super::Rule;

/// How long Redis is left alone after it failed.
const REST: Duration = Duration::from_secs(1);

/// What Redis said of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    pub(super) granted: u64,
    /// By all edges, this slice included.
    pub(super) spent: u64,
    pub(super) remaining: Duration,
}

/// The windows in Redis.
pub(super) struct Shared {
    connection: ConnectionManager,
    script: Script,
    timeout: Duration,
    started: Instant,
    /// Milliseconds after `started` until which Redis is left alone.
    resting_until: AtomicU64,
}

impl Shared {
    /// # Errors
    /// When the client's address cannot be used.
    pub(super) fn new(client: &redis::Client, timeout: Duration) -> Result<Self, redis::RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_response_timeout(Some(timeout))
            .set_connection_timeout(Some(timeout.max(Duration::from_millis(250))));
        Ok(Self {
            connection: client.get_connection_manager_lazy(config)?,
            script: Script::new(include_str!("slice.lua")),
            timeout,
            started: Instant::now(),
            resting_until: AtomicU64::new(0),
        })
    }

    /// Takes up to `wanted` of the rule's current window, or only looks when that is 0. `None` while Redis
    /// cannot be asked.
    pub(super) async fn take(&self, rule: &Rule, wanted: u64) -> Option<Slice> {
        if self.now() < self.resting_until.load(Ordering::Relaxed) {
            return None;
        }
        let mut connection = self.connection.clone();
        let mut call = self.script.key(format!("patchbay:limit:{}", rule.scope));
        call.arg(rule.limit).arg(rule.window.as_secs()).arg(wanted);
        match tokio::time::timeout(self.timeout, call.invoke_async(&mut connection)).await {
            Ok(Ok((granted, spent, remaining_ms))) => {
                Some(Slice { granted, spent, remaining: Duration::from_millis(remaining_ms) })
            }
            outcome => {
                let rest = u64::try_from(REST.as_millis()).unwrap_or(u64::MAX);
                self.resting_until.store(self.now().saturating_add(rest), Ordering::Relaxed);
                let error = outcome.ok().and_then(|answer: Result<(u64, u64, u64), _>| answer.err());
                tracing::debug!(error = ?error, "Redis cannot be asked, limits are counted by this edge alone");
                None
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
