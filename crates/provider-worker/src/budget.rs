//! The retry budgets: what keeps retries from amplifying an outage.
//!
//! A retry must be allowed by the tenant's budget and by that of the endpoint it goes to. Each allows retries for
//! a fifth of the first attempts, and ten a second beside; ten seconds' worth is saved up at most. A first attempt
//! earns at every endpoint of its plan, for that is where its retries may go.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One retry costs this much.
const RETRY: u64 = 1_000;
/// Each first attempt earns a fifth of a retry.
const PER_FIRST: u64 = RETRY / 5;
/// So does time: ten retries a second.
const PER_MILLISECOND: u64 = 10 * RETRY / 1_000;
/// The most that is saved up: ten seconds' worth.
const MOST: u64 = 100 * RETRY;
/// Budgets of one kind at most; those beyond share one.
const LIMIT: usize = 10_000;
/// The name of the one that is shared.
const SHARED: &str = "";

/// The budgets of all tenants and endpoints.
#[derive(Default)]
pub(crate) struct RetryBudgets(Mutex<State>);

#[derive(Default)]
struct State {
    tenants: Budgets,
    endpoints: Budgets,
}

/// Only of those that lately retried: whoever is not among them has saved the most.
#[derive(Default)]
struct Budgets(HashMap<String, Budget>);

#[derive(Clone, Copy)]
struct Budget {
    saved: u64,
    at: Instant,
}

impl RetryBudgets {
    /// A first attempt is made; it is always allowed. `endpoints` are those of its plan.
    pub(crate) fn earn<'a>(&self, tenant: &str, endpoints: impl Iterator<Item = &'a str>) {
        let mut state = self.state();
        state.tenants.earn(tenant);
        if !state.endpoints.0.is_empty() {
            endpoints.for_each(|endpoint| state.endpoints.earn(endpoint));
        }
    }

    /// Whether a tenant may retry at all.
    pub(crate) fn allows_tenant(&self, tenant: &str, now: Instant) -> bool {
        self.state().tenants.allows(tenant, now)
    }

    /// Whether a retry may go to an endpoint.
    pub(crate) fn allows_endpoint(&self, endpoint: &str, now: Instant) -> bool {
        self.state().endpoints.allows(endpoint, now)
    }

    /// Takes one retry from both budgets. `false`, and nothing is taken, when either has none.
    pub(crate) fn spend(&self, tenant: &str, endpoint: &str, now: Instant) -> bool {
        let mut state = self.state();
        let is_allowed = state.tenants.allows(tenant, now) && state.endpoints.allows(endpoint, now);
        if is_allowed {
            state.tenants.spend(tenant, now);
            state.endpoints.spend(endpoint, now);
        }
        is_allowed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Budgets {
    fn earn(&mut self, name: &str) {
        if let Some(budget) = self.find(name) {
            budget.saved = budget.saved.saturating_add(PER_FIRST).min(MOST);
        }
    }

    fn allows(&mut self, name: &str, now: Instant) -> bool {
        self.find(name).is_none_or(|budget| budget.at(now).saved >= RETRY)
    }

    fn spend(&mut self, name: &str, now: Instant) {
        let is_kept = self.0.contains_key(name) || self.has_room(now);
        let name = if is_kept { name } else { SHARED };
        let budget = self.0.entry(name.to_owned()).or_insert(Budget { saved: MOST, at: now });
        *budget = budget.at(now);
        budget.saved = budget.saved.saturating_sub(RETRY);
    }

    fn find(&mut self, name: &str) -> Option<&mut Budget> {
        let is_beyond = self.0.len() >= LIMIT && !self.0.contains_key(name);
        self.0.get_mut(if is_beyond { SHARED } else { name })
    }

    /// Whether one more can be kept, once those that have saved the most are dropped.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.0.len() >= LIMIT {
            self.0.retain(|_, budget| budget.at(now).saved < MOST);
        }
        self.0.len() < LIMIT
    }
}

impl Budget {
    /// What it comes to by a moment.
    fn at(self, now: Instant) -> Self {
        let elapsed = now.saturating_duration_since(self.at).as_millis();
        let earned = u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_mul(PER_MILLISECOND);
        Self { saved: self.saved.saturating_add(earned).min(MOST), at: self.at.max(now) }
    }
}

#[cfg(test)]
mod tests;
