//! How often a caller may: windows whose slices this edge takes from Redis and spends by itself, or counts
//! alone when there is no Redis.

mod shared;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dialect::error::ErrorType;
use tokio::sync::Mutex;

use crate::config::LimitsConfig;
use crate::http::reply::{Refusal, UserFacing};
use shared::Shared;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
/// Scopes that are remembered.
const MAX_SCOPES: u64 = 200_000;

/// A limit: so many requests in each window of the wall clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Whose and which limit it is, such as `key:…:minute`.
    pub(crate) scope: String,
    pub(crate) limit: u64,
    pub(crate) window: Duration,
    /// What the limit is called to the caller.
    pub(crate) name: &'static str,
}

impl Rule {
    /// Small limits are taken one by one and so are exact; of larger ones a tenth at a time.
    fn slice(&self) -> u64 {
        let per_minute = self.limit.saturating_mul(60) / self.window.as_secs().max(1);
        if per_minute <= 60 { 1 } else { (self.limit / 10).max(1) }
    }
}

/// The limit is spent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the limit {name} is spent")]
pub(crate) struct Exceeded {
    name: &'static str,
    limit: u64,
    remaining: Duration,
}

impl UserFacing for Exceeded {
    fn refusal(self) -> Refusal {
        let reset = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.remaining;
        let seconds = self.remaining.as_millis().div_ceil(1_000).max(1);
        Refusal::new(ErrorType::RateLimitExceeded, format!("Rate limit exceeded: {}", self.name))
            .with_retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
            .with_header("x-ratelimit-limit", &self.limit.to_string())
            .with_header("x-ratelimit-remaining", "0")
            .with_header("x-ratelimit-reset", &reset.as_millis().to_string())
    }
}

/// What this edge holds of one limit.
#[derive(Debug)]
struct Held {
    /// Taken from Redis and not yet spent, or found to be nothing, until the window ends.
    left: u64,
    is_spent: bool,
    ends: Instant,
    /// The window that this edge counts by itself.
    window: u64,
    spent_here: u64,
}

/// The limits of everybody who calls.
pub(crate) struct Limits {
    config: LimitsConfig,
    shared: Option<Shared>,
    held: moka::sync::Cache<String, Arc<Mutex<Held>>>,
}

impl Limits {
    /// # Errors
    /// When the Redis client's address cannot be used.
    pub(crate) fn new(
        config: LimitsConfig,
        redis: Option<&redis::Client>,
    ) -> Result<Self, redis::RedisError> {
        let timeout = config.redis_timeout_ms.get();
        Ok(Self {
            shared: redis.map(|client| Shared::new(client, timeout)).transpose()?,
            config,
            held: moka::sync::Cache::builder().max_capacity(MAX_SCOPES).time_to_idle(DAY).build(),
        })
    }

    /// The limit on a key's requests, when it has one.
    pub(crate) fn of_key(&self, key: identity::KeyId, own: Option<u32>) -> Option<Rule> {
        let limit = own.unwrap_or(self.config.requests_per_minute);
        (limit > 0).then(|| Rule {
            scope: format!("key:{key}:minute"),
            limit: u64::from(limit),
            window: MINUTE,
            name: "requests per minute of this key",
        })
    }

    /// The limits on an organisation's requests to free models.
    pub(crate) fn of_free_models(&self, tenant: identity::TenantId, has_paid: bool) -> Vec<Rule> {
        let per_minute = Rule {
            scope: format!("free:{tenant}:minute"),
            limit: u64::from(self.config.free_requests_per_minute),
            window: MINUTE,
            name: "free-models-per-min",
        };
        [per_minute, self.free_per_day(tenant, has_paid)].into_iter().filter(|rule| rule.limit > 0).collect()
    }

    /// The daily one of them; its limit is 0 when there is none.
    pub(crate) fn free_per_day(&self, tenant: identity::TenantId, has_paid: bool) -> Rule {
        let limit =
            if has_paid { self.config.free_requests_per_day_paid } else { self.config.free_requests_per_day };
        Rule {
            scope: format!("free:{tenant}:day"),
            limit: u64::from(limit),
            window: DAY,
            name: "free-models-per-day",
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// [`Exceeded`] when the window holds no more.
    pub(crate) async fn spend(&self, rule: &Rule) -> Result<(), Exceeded> {
        let held = self.held(rule);
        // Callers of one limit wait for one slice instead of taking one each.
        let mut held = held.lock().await;
        let (window, remaining) = wall_window(rule.window);
        if held.window != window {
            (held.window, held.spent_here) = (window, 0);
        }
        if Instant::now() >= held.ends {
            (held.left, held.is_spent) = (0, false);
        }
        if held.left == 0
            && !held.is_spent
            && let Some(shared) = &self.shared
            && let Some(slice) = shared.take(rule, rule.slice()).await
        {
            held.left = slice.granted;
            held.is_spent = slice.granted == 0;
            held.ends = Instant::now() + slice.remaining;
        } else if held.left == 0 && !held.is_spent && held.spent_here < rule.limit {
            // No Redis: the whole limit is this edge's.
            held.spent_here += 1;
            return Ok(());
        }
        if held.left == 0 {
            let remaining =
                if held.is_spent { held.ends.saturating_duration_since(Instant::now()) } else { remaining };
            return Err(Exceeded { name: rule.name, limit: rule.limit, remaining });
        }
        held.left -= 1;
        held.spent_here += 1;
        Ok(())
    }

    /// How much of the rule's current window is spent, as far as this edge can tell.
    pub(crate) async fn spent(&self, rule: &Rule) -> u64 {
        if let Some(shared) = &self.shared
            && let Some(slice) = shared.take(rule, 0).await
        {
            return slice.spent;
        }
        let Some(held) = self.held.get(&rule.scope) else { return 0 };
        let held = held.lock().await;
        if held.window == wall_window(rule.window).0 { held.spent_here } else { 0 }
    }

    fn held(&self, rule: &Rule) -> Arc<Mutex<Held>> {
        self.held.get_with_by_ref(rule.scope.as_str(), || {
            let empty = Held { left: 0, is_spent: false, ends: Instant::now(), window: 0, spent_here: 0 };
            Arc::new(Mutex::new(empty))
        })
    }
}

/// The number of the current window, and how long it still lasts.
fn wall_window(length: Duration) -> (u64, Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let window = now.as_secs() / length.as_secs().max(1);
    let end = Duration::from_secs((window + 1).saturating_mul(length.as_secs()));
    (window, end.saturating_sub(now))
}

#[cfg(test)]
mod tests;
