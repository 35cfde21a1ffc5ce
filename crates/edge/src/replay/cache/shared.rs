//! Sealed answers in Redis.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, FromRedisValue};

/// How long Redis is left alone after it failed.
const REST: Duration = Duration::from_secs(1);

/// What Redis said.
#[derive(Debug)]
pub(super) enum Found {
    Sealed(Vec<u8>),
    Nothing,
    /// It cannot be asked.
    Away,
}

pub(super) struct Shared {
    connection: ConnectionManager,
    timeout: Duration,
    started: Instant,
    /// Milliseconds after `started` until which Redis is left alone.
    resting_until: AtomicU64,
}

fn key(name: &str) -> String {
    format!("patchbay:answer:{name}")
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
            timeout,
            started: Instant::now(),
            resting_until: AtomicU64::new(0),
        })
    }

    pub(super) async fn get(&self, name: &str) -> Found {
        match self.ask(redis::cmd("GET").arg(key(name))).await {
            Some(Some(sealed)) => Found::Sealed(sealed),
            Some(None) => Found::Nothing,
            None => Found::Away,
        }
    }

    pub(super) async fn put(&self, name: &str, sealed: Vec<u8>, ttl: u32) {
        let _: Option<()> = self.ask(redis::cmd("SETEX").arg(key(name)).arg(ttl).arg(sealed)).await;
    }

    pub(super) async fn forget(&self, name: &str) {
        let _: Option<u64> = self.ask(redis::cmd("DEL").arg(key(name))).await;
    }

    /// `None` while Redis cannot be asked.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        if self.now() < self.resting_until.load(Ordering::Relaxed) {
            return None;
        }
        let mut connection = self.connection.clone();
        match tokio::time::timeout(self.timeout, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => Some(answer),
            outcome => {
                let rest = u64::try_from(REST.as_millis()).unwrap_or(u64::MAX);
                self.resting_until.store(self.now().saturating_add(rest), Ordering::Relaxed);
                let error = outcome.ok().and_then(Result::<T, _>::err);
                tracing::debug!(error = ?error, "Redis cannot be asked, this edge caches alone");
                None
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
