//! The response cache: in Redis for all edges where there is one, and in this process where it cannot be asked.

mod shared;

use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::MasterKey;
use moka::Expiry;

use super::fingerprint::Fingerprint;
use super::kept::{Kept, Sealer};
use crate::config::CacheConfig;
use shared::{Found, Shared};

/// What an entry weighs beside its frames.
const OVERHEAD: usize = 256;

/// Answers that may be given again.
pub(super) struct Cache {
    local: moka::sync::Cache<Fingerprint, Kept>,
    shared: Option<Shared>,
    sealer: Sealer,
    max_answer: usize,
}

struct Lifetime;

impl Expiry<Fingerprint, Kept> for Lifetime {
    fn expire_after_create(&self, _: &Fingerprint, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.remaining())
    }

    fn expire_after_update(
        &self,
        _: &Fingerprint,
        kept: &Kept,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.remaining())
    }
}

impl Cache {
    /// # Errors
    /// When the Redis client's address cannot be used.
    pub(super) fn new(
        config: &CacheConfig,
        redis: Option<&redis::Client>,
        key: Arc<MasterKey>,
    ) -> Result<Self, redis::RedisError> {
        let weigh = |_: &Fingerprint, kept: &Kept| {
            u32::try_from(kept.frames.len().saturating_add(OVERHEAD)).unwrap_or(u32::MAX)
        };
        let local = moka::sync::Cache::builder()
            .max_capacity(config.max_bytes)
            .weigher(weigh)
            .expire_after(Lifetime)
            .build();
        let shared = redis.map(|redis| Shared::new(redis, config.redis_timeout_ms.get())).transpose()?;
        Ok(Self {
            local,
            shared,
            sealer: Sealer::new(key, "response cache"),
            max_answer: config.max_answer_bytes.get(),
        })
    }

    pub(super) const fn max_answer(&self) -> usize {
        self.max_answer
    }

    /// What is cached of a request. Redis has the last word as long as it can be asked, so that what one edge
    /// forgets is forgotten by all of them.
    pub(super) async fn get(&self, request: Fingerprint) -> Option<Kept> {
        let Some(shared) = &self.shared else { return self.local(request) };
        match shared.get(&request.to_hex()).await {
            Found::Sealed(sealed) => match self.sealer.open(sealed, request.to_hex()).await {
                Ok(kept) if kept.is_over() => None,
                Ok(kept) => {
                    // For when Redis is away.
                    self.local.insert(request, kept.clone());
                    Some(kept)
                }
                Err(error) => {
                    tracing::warn!(error = %error, "a cached answer cannot be opened");
                    None
                }
            },
            Found::Nothing => None,
            Found::Away => self.local(request),
        }
    }

    /// What this process itself has cached.
    pub(super) fn local(&self, request: Fingerprint) -> Option<Kept> {
        self.local.get(&request).filter(|kept| !kept.is_over())
    }

    /// Caches an answer that is not too large for it.
    pub(super) async fn put(&self, request: Fingerprint, kept: Kept) {
        if kept.frames.len() > self.max_answer {
            return;
        }
        self.local.insert(request, kept.clone());
        let Some(shared) = &self.shared else { return };
        match self.sealer.seal(&kept, request.to_hex()).await {
            Ok(sealed) => shared.put(&request.to_hex(), sealed, kept.about.ttl).await,
            Err(error) => tracing::warn!(error = %error, "an answer could not be sealed for the cache"),
        }
    }

    pub(super) async fn forget(&self, request: Fingerprint) {
        self.local.invalidate(&request);
        if let Some(shared) = &self.shared {
            shared.forget(&request.to_hex()).await;
        }
    }
}
