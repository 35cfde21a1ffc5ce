//! The cache of keys: fresh for a minute, good for a quarter of an hour while nothing can be asked, and out
//! of date the moment a change is heard of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use identity::{KeyHash, TenantId};
use moka::Expiry;
use tokio::sync::Semaphore;

use super::{Context, LookupError, Source};
use crate::config::AuthConfig;

/// How long a change is remembered beyond what is known from before it: longer than any look-up that began before it can
/// take.
const REMEMBER_CHANGES: Duration = Duration::from_secs(120);
/// How long a stale answer serves before the source is tried again.
const STALE_FOR: Duration = Duration::from_secs(2);

/// What a look-up came to, and the count of changes when it began.
#[derive(Clone)]
struct Entry {
    context: Option<Arc<Context>>,
    as_of: u64,
    is_stale: bool,
}

/// Every key that was asked for lately.
pub(crate) struct Keys {
    source: Source,
    lookups: Semaphore,
    fresh: moka::future::Cache<KeyHash, Entry>,
    /// The last good answer of each key that exists.
    stale: moka::sync::Cache<KeyHash, Entry>,
    /// At which count of changes a key changed last, by its public name.
    changed: moka::sync::Cache<KeyHash, u64>,
    /// At which count of changes the terms of a tenant's keys changed last.
    terms: moka::sync::Cache<TenantId, u64>,
    changes: AtomicU64,
    /// At which count of changes every key was forgotten last.
    flushed: AtomicU64,
}

struct Lifetimes {
    fresh: Duration,
    unknown: Duration,
}

impl Expiry<KeyHash, Entry> for Lifetimes {
    fn expire_after_create(&self, _: &KeyHash, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(match entry {
            Entry { context: None, .. } => self.unknown,
            Entry { is_stale: true, .. } => STALE_FOR,
            Entry { .. } => self.fresh,
        })
    }
}

impl Keys {
    pub(crate) fn new(config: &AuthConfig, source: Source) -> Self {
        let lifetimes = Lifetimes { fresh: config.fresh_ms.get(), unknown: config.unknown_ms.get() };
        let remember = config.stale_ms.get().saturating_add(REMEMBER_CHANGES);
        Self {
            source,
            lookups: Semaphore::new(config.lookups.get()),
            fresh: moka::future::Cache::builder()
                .max_capacity(config.max_keys.get())
                .expire_after(lifetimes)
                .build(),
            stale: moka::sync::Cache::builder()
                .max_capacity(config.max_keys.get())
                .time_to_live(config.stale_ms.get())
                .build(),
            changed: moka::sync::Cache::builder()
                .max_capacity(config.max_keys.get())
                .time_to_live(remember)
                .build(),
            terms: moka::sync::Cache::builder()
                .max_capacity(config.max_keys.get())
                .time_to_live(remember)
                .build(),
            changes: AtomicU64::new(0),
            flushed: AtomicU64::new(0),
        }
    }

    /// The key with a secret of this hash, or `None` when there is none. Callers of one key share one look-up.
    ///
    /// # Errors
    /// [`LookupError`] when the source cannot be asked and nothing that is recent enough is known.
    pub(crate) async fn get(&self, hash: KeyHash) -> Result<Option<Arc<Context>>, Arc<LookupError>> {
        for _ in 0..4 {
            let entry = match self.fresh.get(&hash).await {
                Some(entry) => entry,
                // Boxed: what few requests wait for is no room in the futures of all.
                None => Box::pin(self.fresh.try_get_with(hash, self.look_up(hash))).await?,
            };
            if self.is_current(hash, &entry) {
                return Ok(entry.context);
            }
            self.fresh.invalidate(&hash).await;
        }
        Err(Arc::new(LookupError::Unsettled))
    }

    async fn look_up(&self, hash: KeyHash) -> Result<Entry, LookupError> {
        let _permit = self.lookups.acquire().await.map_err(|_| LookupError::Timeout)?;
        let as_of = self.changes.load(Ordering::SeqCst);
        match self.source.find(hash).await {
            Ok(found) => {
                let entry = Entry { context: found.map(Arc::new), as_of, is_stale: false };
                if entry.context.is_some() {
                    self.stale.insert(hash, entry.clone());
                } else {
                    self.stale.invalidate(&hash);
                }
                Ok(entry)
            }
            Err(error) => match self.stale.get(&hash).filter(|entry| self.is_current(hash, entry)) {
                Some(entry) => {
                    tracing::warn!(error = %error, "a key cannot be looked up, what is known of it serves on");
                    Ok(Entry { is_stale: true, ..entry })
                }
                None => {
                    tracing::warn!(error = %error, source = ?std::error::Error::source(&error), "a key cannot be looked up");
                    Err(error)
                }
            },
        }
    }

    /// Whether nothing was heard since the look-up began that makes it worthless.
    fn is_current(&self, hash: KeyHash, entry: &Entry) -> bool {
        let is_known = |name: &KeyHash| self.changed.get(name).is_none_or(|changed| entry.as_of >= changed);
        entry.as_of >= self.flushed.load(Ordering::SeqCst)
            && is_known(&hash)
            && entry.context.as_ref().is_none_or(|context| {
                // A key that was rotated is known by other hashes than its name.
                is_known(&context.key.hash)
                    && self.terms.get(&context.tenant()).is_none_or(|changed| entry.as_of >= changed)
            })
    }

    /// A key changed, or whatever is known by the hash of this secret.
    pub(crate) async fn forget(&self, hash: KeyHash) {
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.changed.insert(hash, change);
        self.stale.invalidate(&hash);
        self.fresh.invalidate(&hash).await;
    }

    /// The terms of every key of a tenant changed.
    pub(crate) fn forget_terms(&self, tenant: TenantId) {
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.terms.insert(tenant, change);
    }

    /// Something may have changed that nobody told of: everything is looked up again. What is known serves on where
    /// that is impossible.
    pub(crate) fn look_again(&self) {
        self.fresh.invalidate_all();
    }

    /// Any key may have changed.
    pub(crate) fn forget_all(&self) {
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.flushed.fetch_max(change, Ordering::SeqCst);
        self.stale.invalidate_all();
        self.fresh.invalidate_all();
    }

    /// The keys that are known to exist.
    pub(crate) fn known(&self) -> Vec<Arc<Context>> {
        self.fresh.iter().filter_map(|(_, entry)| entry.context).collect()
    }

    pub(crate) const fn source(&self) -> &Source {
        &self.source
    }
}
