//! What a key, an organisation and a caller may: requests and tokens in windows, and requests at once. An edge takes a
//! slice of each limit from Redis and spends it by itself, or its share of the limit when there is no Redis.

mod keeper;
mod pass;
mod places;
mod shared;
mod window;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dialect::error::ErrorType;
use lifecycle::Tasks;

use crate::access::Party;
use crate::auth::Context;
use crate::config::LimitsConfig;
use crate::http::reply::{Refusal, UserFacing};
pub(crate) use pass::Pass;
use places::Places;
use shared::Shared;
use window::Window;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
/// When whoever finds no place is to come back.
const COME_BACK: Duration = Duration::from_secs(1);
/// Scopes that are remembered.
const MAX_SCOPES: u64 = 200_000;

/// What is allowed of a key or an organisation; `None` = what the platform allows by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ceilings {
    pub(crate) requests_per_minute: Option<u32>,
    pub(crate) tokens_per_minute: Option<u32>,
    /// Requests at once.
    pub(crate) concurrent: Option<u32>,
}

/// A limit: so much in each window of the wall clock.
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

/// A limit on what runs at once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AtOnce {
    scope: String,
    limit: u64,
    name: &'static str,
}

/// The limit is spent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the limit {name} is spent")]
pub(crate) struct Exceeded {
    name: &'static str,
    limit: u64,
    /// What is left, but less than was asked for.
    left: u64,
    remaining: Duration,
}

impl Exceeded {
    /// All places are taken.
    pub(crate) fn at_once(name: &'static str, limit: usize) -> Self {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        Self { name, limit, left: 0, remaining: COME_BACK }
    }
}

impl UserFacing for Exceeded {
    fn refusal(self) -> Refusal {
        let reset = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.remaining;
        let seconds = self.remaining.as_millis().div_ceil(1_000).max(1);
        Refusal::new(ErrorType::RateLimitExceeded, format!("Rate limit exceeded: {}", self.name))
            .with_retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
            .with_header("x-ratelimit-limit", &self.limit.to_string())
            .with_header("x-ratelimit-remaining", &self.left.to_string())
            .with_header("x-ratelimit-reset", &reset.as_millis().to_string())
    }
}

/// The limits of everybody who calls.
pub(crate) struct Limits {
    config: LimitsConfig,
    shared: Arc<Shared>,
    windows: moka::sync::Cache<String, Arc<Window>>,
    places: Arc<Places>,
}

impl Limits {
    /// `edge` names this edge among all.
    ///
    /// # Errors
    /// When the Redis client's address cannot be used.
    pub(crate) fn new(
        config: LimitsConfig,
        redis: Option<&redis::Client>,
        edge: &str,
    ) -> Result<Self, redis::RedisError> {
        let shared = Arc::new(Shared::new(redis, edge, config.redis_timeout_ms.get())?);
        Ok(Self {
            config,
            windows: moka::sync::Cache::builder().max_capacity(MAX_SCOPES).time_to_idle(DAY).build(),
            places: Arc::new(Places::new(Arc::clone(&shared))),
            shared,
        })
    }

    /// Keeps what this edge holds in Redis from expiring, and gives back what it does not use, until the stop.
    pub(crate) fn keep(&self, tasks: &Tasks) {
        keeper::keep(tasks, &self.shared, &self.places);
    }

    /// Counts one request of a key and its organisation.
    ///
    /// # Errors
    /// [`Exceeded`] when the window of either holds no more.
    pub(crate) async fn count_request(&self, caller: &Context) -> Result<(), Exceeded> {
        for rule in self.on_requests(caller).into_iter().flatten() {
            self.spend(&rule).await?;
        }
        Ok(())
    }

    /// Counts one call of the management API or of people to their account.
    ///
    /// # Errors
    /// [`Exceeded`] when the minute of the organisation, or of the person who works in none, holds no more.
    pub(crate) async fn count_management(&self, party: &Party) -> Result<(), Exceeded> {
        let limit = self.config.organization_management_requests_per_minute;
        match per_minute(format!("{party}:management"), limit, party.per_minute()) {
            Some(rule) => self.spend(&rule).await,
            None => Ok(()),
        }
    }

    /// Admits one request that is to be executed, and that may take so many tokens.
    ///
    /// # Errors
    /// [`Exceeded`] when any limit of the key or the organisation is spent.
    pub(crate) async fn admit(&self, caller: &Context, tokens: u64) -> Result<Pass, Exceeded> {
        self.count_request(caller).await?;
        let mut pass = Pass::new(Arc::clone(&self.shared));
        match self.fill(&mut pass, caller, tokens).await {
            Ok(()) => Ok(pass),
            Err(exceeded) => {
                pass.end(Some(0)).await;
                Err(exceeded)
            }
        }
    }

    async fn fill(&self, pass: &mut Pass, caller: &Context, tokens: u64) -> Result<(), Exceeded> {
        for rule in self.at_once(caller).into_iter().flatten() {
            pass.places.push(self.places.enter(&rule).await?);
        }
        for rule in self.on_tokens(caller).into_iter().flatten() {
            let window = self.window(&rule);
            let taken = window.take(&self.shared, &rule, tokens).await?;
            pass.tokens.push((window, rule, taken));
        }
        Ok(())
    }

    fn on_requests(&self, caller: &Context) -> [Option<Rule>; 2] {
        let of_key = caller.key.ceilings.requests_per_minute.unwrap_or(self.config.requests_per_minute);
        let of_all = caller.governance.ceilings.requests_per_minute;
        let of_all = of_all.unwrap_or(self.config.organization_requests_per_minute);
        [
            per_minute(format!("key:{}:minute", caller.key.id), of_key, "requests per minute of this key"),
            per_minute(
                format!("tenant:{}:minute", caller.tenant()),
                of_all,
                "requests per minute of this organization",
            ),
        ]
    }

    fn on_tokens(&self, caller: &Context) -> [Option<Rule>; 2] {
        let of_key = caller.key.ceilings.tokens_per_minute.unwrap_or(self.config.tokens_per_minute);
        let of_all = caller.governance.ceilings.tokens_per_minute;
        let of_all = of_all.unwrap_or(self.config.organization_tokens_per_minute);
        [
            per_minute(format!("key:{}:tokens", caller.key.id), of_key, "tokens per minute of this key"),
            per_minute(
                format!("tenant:{}:tokens", caller.tenant()),
                of_all,
                "tokens per minute of this organization",
            ),
        ]
    }

    fn at_once(&self, caller: &Context) -> [Option<AtOnce>; 2] {
        let of_key = caller.key.ceilings.concurrent.unwrap_or(self.config.concurrent);
        let of_all = caller.governance.ceilings.concurrent.unwrap_or(self.config.organization_concurrent);
        let rule =
            |scope, limit: u32, name| (limit > 0).then_some(AtOnce { scope, limit: u64::from(limit), name });
        [
            rule(format!("key:{}", caller.key.id), of_key, "concurrent requests of this key"),
            rule(format!("tenant:{}", caller.tenant()), of_all, "concurrent requests of this organization"),
        ]
    }

    /// The limits on an organisation's requests to free models, where it `bought` so much credit, in nano-USD.
    pub(crate) fn of_free_models(&self, tenant: identity::TenantId, bought: i64) -> Vec<Rule> {
        let limit = self.config.free_requests_per_minute;
        let minute = per_minute(format!("free:{tenant}:minute"), limit, "free-models-per-min");
        let day = Some(self.free_per_day(tenant, bought)).filter(|rule| rule.limit > 0);
        [minute, day].into_iter().flatten().collect()
    }

    /// The daily one of them; its limit is 0 when there is none.
    pub(crate) fn free_per_day(&self, tenant: identity::TenantId, bought: i64) -> Rule {
        let config = &self.config;
        let is_paid = bought > 0 && bought >= config.free_requests_paid_from_nano;
        let limit = if is_paid { config.free_requests_per_day_paid } else { config.free_requests_per_day };
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
        self.window(rule).take(&self.shared, rule, 1).await?;
        Ok(())
    }

    /// How much of the rule's current window is spent, as far as this edge can tell.
    pub(crate) async fn spent(&self, rule: &Rule) -> u64 {
        match self.shared.look(rule).await {
            Some(slice) => slice.spent,
            None => self.windows.get(&rule.scope).map_or(0, |window| window.spent(rule)),
        }
    }

    /// Gives back what is spent of the rule's current window. Another edge that spent of it says so again with the next
    /// that it spends.
    pub(crate) async fn forgive(&self, rule: &Rule) {
        self.windows.invalidate(&rule.scope);
        self.shared.forgive(rule).await;
    }

    fn window(&self, rule: &Rule) -> Arc<Window> {
        self.windows.get_with_by_ref(rule.scope.as_str(), Arc::default)
    }
}

fn per_minute(scope: String, limit: u32, name: &'static str) -> Option<Rule> {
    (limit > 0).then(|| Rule { scope, limit: u64::from(limit), window: MINUTE, name })
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
