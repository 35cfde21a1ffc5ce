//! What all edges share, in Redis.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{FromRedisValue, Script, ScriptInvocation};

use super::Rule;

/// How long Redis is left alone after it failed.
const REST: Duration = Duration::from_secs(1);
/// How long what an edge holds outlives it.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// Where the edges are counted.
const EDGES: &str = "patchbay:edges";

/// What Redis said of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    pub(super) granted: u64,
    /// By all edges, this slice included.
    pub(super) spent: u64,
    pub(super) remaining: Duration,
    /// The window's number.
    pub(super) window: u64,
}

/// What an edge says of a window as it asks for a slice.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Claim {
    pub(super) wanted: u64,
    /// The window that the rest is of.
    pub(super) window: u64,
    /// What this edge took of it.
    pub(super) known: u64,
    /// What was used beyond what was granted; below 0 = what comes back.
    pub(super) owed: i64,
}

struct Server {
    connection: ConnectionManager,
    slice: Script,
    places: Script,
    edges: Script,
}

/// The windows and places in Redis, where there is one.
pub(super) struct Shared {
    server: Option<Server>,
    edge: String,
    timeout: Duration,
    started: Instant,
    /// Milliseconds after `started` until which Redis is left alone.
    resting_until: AtomicU64,
    /// Edges that there are, as Redis last said.
    edges: AtomicU64,
}

impl Shared {
    /// # Errors
    /// When the client's address cannot be used.
    pub(super) fn new(
        client: Option<&redis::Client>,
        edge: &str,
        timeout: Duration,
    ) -> Result<Self, redis::RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_response_timeout(Some(timeout))
            .set_connection_timeout(Some(timeout.max(Duration::from_millis(250))));
        let connection = client.map(|client| client.get_connection_manager_lazy(config)).transpose()?;
        Ok(Self {
            server: connection.map(|connection| Server {
                connection,
                slice: Script::new(include_str!("slice.lua")),
                places: Script::new(include_str!("places.lua")),
                edges: Script::new(include_str!("edges.lua")),
            }),
            edge: edge.to_owned(),
            timeout,
            started: Instant::now(),
            resting_until: AtomicU64::new(0),
            edges: AtomicU64::new(1),
        })
    }

    /// This edge's part of a limit while Redis cannot be asked.
    pub(super) fn share(&self, limit: u64) -> u64 {
        limit.div_ceil(self.edges.load(Ordering::Relaxed).max(1))
    }

    /// Takes up to what is wanted of the rule's current window. `None` while Redis cannot be asked.
    pub(super) async fn take(&self, rule: &Rule, claim: Claim) -> Option<Slice> {
        let server = self.server.as_ref()?;
        let mut call = server.slice.key(format!("patchbay:limit:{}", rule.scope));
        call.arg(rule.limit).arg(rule.window.as_secs()).arg(claim.wanted);
        call.arg(claim.window).arg(claim.known).arg(claim.owed);
        let (granted, spent, remaining_ms, window) = self.ask(server, &call).await?;
        Some(Slice { granted, spent, remaining: Duration::from_millis(remaining_ms), window })
    }

    /// Looks at the rule's current window.
    pub(super) async fn look(&self, rule: &Rule) -> Option<Slice> {
        self.take(rule, Claim::default()).await
    }

    /// Gives back all that is spent of the rule's current window.
    pub(super) async fn forgive(&self, rule: &Rule) {
        let Some(slice) = self.look(rule).await.filter(|slice| slice.spent > 0) else { return };
        let owed = i64::try_from(slice.spent).map_or(0, |spent| -spent);
        // Where it cannot be told, it ends with its window.
        let _ = self.take(rule, Claim { window: slice.window, owed, ..Claim::default() }).await;
    }

    /// Holds up to `wanted` of `limit` places for [`LEASE`], never fewer than are `taken`. How many it holds; `None`
    /// while Redis cannot be asked.
    pub(super) async fn hold(&self, scope: &str, limit: u64, (wanted, taken): (u64, u64)) -> Option<u64> {
        let server = self.server.as_ref()?;
        let mut call = server.places.key(format!("patchbay:places:{scope}"));
        call.arg(&self.edge).arg(limit).arg(wanted).arg(taken).arg(millis(LEASE));
        self.ask(server, &call).await
    }

    /// Says that this edge is there, and learns how many there are.
    pub(super) async fn count_edges(&self) {
        let Some(server) = &self.server else { return };
        let mut call = server.edges.key(EDGES);
        call.arg(&self.edge).arg(millis(LEASE));
        // Nobody waits for this, so that it may take its time, and a failure is no reason to leave Redis alone.
        let mut connection = server.connection.clone();
        if let Ok(Ok(edges)) = tokio::time::timeout(REST, call.invoke_async(&mut connection)).await {
            self.edges.store(edges, Ordering::Relaxed);
        }
    }

    async fn ask<T: FromRedisValue>(&self, server: &Server, call: &ScriptInvocation<'_>) -> Option<T> {
        if self.now() < self.resting_until.load(Ordering::Relaxed) {
            return None;
        }
        let mut connection = server.connection.clone();
        match tokio::time::timeout(self.timeout, call.invoke_async(&mut connection)).await {
            Ok(Ok(answer)) => Some(answer),
            outcome => {
                let until = self.now().saturating_add(millis(REST));
                self.resting_until.store(until, Ordering::Relaxed);
                let error = outcome.ok().and_then(|answer: Result<T, redis::RedisError>| answer.err());
                tracing::debug!(error = ?error, "Redis cannot be asked, limits are counted by this edge alone");
                None
            }
        }
    }

    fn now(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
