//! The choice of attempts: a pure function of request, catalogue, health, policy and seed.
//!
//! 1. *Names* become models: slugs, aliases and variants; what nobody knows is passed over while another
//!    name is known.
//! 2. *Hard filters* take out every endpoint that cannot or must not serve; each has a reason.
//! 3. *Soft filters* keep, per model, the endpoints that know tools, response formats or verbosity, if any does.
//! 4. *Copies* of what is left are made for the tenant's own credentials.
//! 5. *Order*: as the request says, else by price among what is healthy, the first drawn with weight 1/price².
//!    All endpoints of the first model precede those of the second. Ejected endpoints come last of all, so
//!    that the last hope is never taken away.
//!
//! Wherever prices are compared or told they are the caller's: with the markup that their plan has at the endpoint.
//!
//! The same inputs give the same plan: no clock, no global, no hash order takes part.

mod account;
mod excluded;
mod explain;
mod filter;
mod needs;
mod order;
mod paid;
mod pattern;
mod plugins;
mod preferences;
mod random;
mod rank;
mod reason;
mod refusal;
mod request;
mod resolve;
mod router;
mod task;
mod tools;

pub use account::{AccountPolicy, DeniedUses};
pub use excluded::{Exclusion, Subject};
pub use explain::{Account, explanation, metadata};
pub use paid::Cap;
pub use pattern::Patterns;
pub use plugins::{BadPlugin, CostTier, Plugins};
pub use preferences::{BadPreference, Cutoffs, DataCollection, MaxPrice, Preferences, Sort, Thresholds};
pub use random::mix;
pub use reason::Reason;
pub use refusal::Refusal;
pub use request::{Held, Own, Profile, Request, TierWish};
pub use router::{Rejected, Routed, Router, Weighed};
pub use task::Task;

use crate::AutoConfig;
use crate::catalogue::{Catalogue, Endpoint};
use crate::health::{Key, View};
use excluded::Excluded;
use filter::Question;
use order::{Candidate, Sorting};
use resolve::{Inputs, Named, Wanted};

/// What operators decide about every choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy<'a> {
    /// Attempts that a plan holds at most.
    pub max_attempts: usize,
    /// How `openrouter/auto` ranks models.
    pub auto: &'a AutoConfig,
}

/// An endpoint in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// Index in the catalogue.
    pub endpoint: usize,
    /// Index of the tenant's own credential in the request; `None` = the platform's is used.
    pub own: Option<usize>,
    /// Index of the wanted model that it serves.
    wanted: usize,
    /// Half open: the next request to it shows whether it is well again.
    is_probe: bool,
}

impl Pick {
    /// What its health is kept under; `own` are the request's own credentials.
    #[must_use]
    pub(crate) fn key(&self, endpoint: &Endpoint, own: &[Own<'_>]) -> Key {
        let own = self.own.and_then(|n| own.get(n));
        own.map_or(endpoint.key, |own| Key { credential: own.credential, ..endpoint.key })
    }
}

/// An ordered list of endpoints, never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan<'a> {
    /// First choice first.
    pub attempts: Vec<Pick>,
    /// Everything that is not in it, and why; empty unless the request asked to be told.
    pub exclusions: Vec<Exclusion<'a>>,
    /// How many endpoints are not in it.
    pub excluded: usize,
    /// How the order came about.
    pub order: &'static str,
    /// How the model of the first attempt came about.
    pub strategy: &'static str,
    /// The name, as the client wrote it, that the first attempt answers.
    pub name: &'a str,
    /// What the routers among the names did.
    pub routed: Vec<Routed>,
    /// Whether the first attempt is the one probe that an endpoint half open is sent. Whoever runs the plan
    /// must have claimed it; who cannot, chooses again without probes.
    pub is_probe: bool,
    /// What else an explanation says; only where the request asked to be told.
    pub account: Option<Account<'a>>,
}

/// Chooses attempts.
///
/// # Errors
/// [`Refusal`] when no name is known, or nothing is left to try.
pub fn choose<'a>(
    request: &Request<'a>,
    catalogue: &Catalogue,
    health: View<'_>,
    policy: Policy<'_>,
    seed: u64,
) -> Result<Plan<'a>, Refusal<'a>> {
    match attempt(request, catalogue, health, policy, (seed, request.explain)) {
        // Whoever gets nothing is told why, which is only then worth writing down.
        Err(_) if !request.explain => attempt(request, catalogue, health, policy, (seed, true)),
        outcome => outcome,
    }
}

fn attempt<'a>(
    request: &Request<'a>,
    catalogue: &Catalogue,
    health: View<'_>,
    policy: Policy<'_>,
    (seed, records): (u64, bool),
) -> Result<Plan<'a>, Refusal<'a>> {
    let mut excluded = Excluded::new(records);
    let held_model = request.held.and_then(|held| held.model(catalogue));
    let inputs = Inputs { catalogue, health, policy, seed, held_model };
    let Named { wanted, unknown, routed } = resolve::models(request, inputs)?;
    for (name, reason) in unknown {
        excluded.push_name(name, reason);
    }
    let question = Question::new(request, catalogue, health.now_ms);
    let mut ordered: Vec<Candidate> = Vec::new();
    let mut draws = Vec::new();
    let mut pool: Vec<(usize, Vec<usize>)> = Vec::with_capacity(1);
    let mut order = None;
    for (at, one) in wanted.iter().enumerate() {
        let mut candidates = question.hard(one, &mut excluded);
        question.soft(&mut candidates, &mut excluded);
        pool.push((at, candidates));
        let is_last = at + 1 == wanted.len();
        if is_last || !request.preferences.sorts_across_models {
            let first = pool.first().and_then(|(at, _)| wanted.get(*at)).unwrap_or(one);
            let sorting = Sorting::of(&question, first, &pool);
            let _ = order.get_or_insert(sorting.name(request));
            let (mut sorted, draw) =
                order::order(&question, &pool, &wanted, sorting, (health, seed), &mut excluded);
            ordered.append(&mut sorted);
            draws.extend(draw);
            pool.clear();
        }
    }
    // Stable: within each half the order stands.
    ordered.sort_by_key(Candidate::is_last_resort);
    let attempts = order::keep(&ordered, wanted.len(), request, policy, &mut excluded);
    let Some(first) = attempts.first().copied() else {
        let exclusions = excluded.into_list();
        return Err(Refusal::nothing_left(&wanted, exclusions, catalogue, request, health.now_ms));
    };
    let named = wanted.get(first.wanted);
    Ok(Plan {
        is_probe: first.is_probe,
        order: order.unwrap_or("default"),
        strategy: named.map_or("direct", Wanted::strategy),
        name: named.map_or("", |wanted| wanted.name),
        account: request.explain.then(|| Account::of(&wanted, &ordered, draws)),
        attempts,
        routed,
        excluded: excluded.count(),
        exclusions: excluded.into_list(),
    })
}

#[cfg(test)]
mod tests;
