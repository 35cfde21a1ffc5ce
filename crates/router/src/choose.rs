//! The choice of attempts: a pure function of request, catalogue, health, policy and seed.
//!
//! 1. *Names* become models: slugs, aliases and variants; what nobody knows is passed over while another
//!    name is known.
//! 2. *Hard filters* take out every endpoint that cannot or must not serve; each leaves a reason.
//! 3. *Soft filters* keep, per model, the endpoints that know tools, response formats or verbosity, if any does.
//! 4. *Order*: as the request says, else by price among what is healthy, the first drawn with weight 1/price².
//!    All endpoints of the first model precede those of the second. Ejected endpoints come last of all, so
//!    that the last hope is never taken away.
//!
//! The same inputs give the same plan: no clock, no global, no hash order takes part.

mod filter;
mod needs;
mod order;
mod pattern;
mod plugins;
mod random;
mod reason;
mod refusal;
mod request;
mod resolve;
mod router;
mod task;

pub use pattern::Patterns;
pub use plugins::{BadPlugin, CostTier, Plugins};
pub use random::mix;
pub use reason::Reason;
pub use refusal::Refusal;
pub use request::{BadPreference, DataCollection, MaxPrice, Preferences, Profile, Request, Sort, TierWish};
pub use router::{Rejected, Routed, Router, Weighed};
pub use task::Task;

use crate::AutoConfig;
use crate::catalogue::Catalogue;
use crate::health::View;
use order::Candidate;
use resolve::{Inputs, Named, Wanted};

/// What operators decide about every choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy<'a> {
    /// Attempts that a plan holds at most.
    pub max_attempts: usize,
    /// How `openrouter/auto` ranks models.
    pub auto: &'a AutoConfig,
}

/// An endpoint, or a model's name where there is no endpoint, that is not in the plan, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exclusion<'a> {
    pub subject: Subject<'a>,
    pub reason: Reason,
}

/// What was excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Index of an endpoint in the catalogue.
    Endpoint(usize),
    /// A name as the client wrote it.
    Name(&'a str),
}

/// An ordered list of endpoints, never empty, and the reason for everything that is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan<'a> {
    /// Indices of endpoints in the catalogue, first choice first.
    pub attempts: Vec<usize>,
    pub exclusions: Vec<Exclusion<'a>>,
    /// How the order came about.
    pub strategy: &'static str,
    /// The name, as the client wrote it, that led to the first attempt.
    pub name: &'a str,
    /// How the first attempt's model came about, in the public vocabulary.
    pub via: &'static str,
    /// What the routers among the names did.
    pub routed: Vec<Routed>,
    /// Whether the first attempt is the one probe that an endpoint half open is sent. Whoever runs the plan
    /// must have claimed it; who cannot, chooses again without probes.
    pub is_probe: bool,
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
    let inputs = Inputs { catalogue, health, policy, seed, held_model: None };
    let Named { wanted, unknown, routed } = resolve::models(request, inputs)?;
    let of_name = |(name, reason)| Exclusion { subject: Subject::Name(name), reason };
    let mut exclusions: Vec<Exclusion<'a>> = unknown.into_iter().map(of_name).collect();
    let mut random = random::Random::new(seed);
    let mut ordered: Vec<Candidate> = Vec::new();
    let mut pool = Vec::new();
    for (at, one) in wanted.iter().enumerate() {
        let mut candidates = filter::hard(request, catalogue, one, health.now_ms, &mut exclusions);
        filter::soft(request, catalogue, &mut candidates, &mut exclusions);
        pool.append(&mut candidates);
        let is_last = at + 1 == wanted.len();
        if is_last || !request.preferences.sorts_across_models {
            let endpoints = std::mem::take(&mut pool);
            ordered.extend(order::order(endpoints, request, catalogue, health, one.sort, &mut random));
        }
    }
    // Stable: within each half the order stands.
    ordered.sort_by_key(Candidate::is_last_resort);
    let kept = order::keep(ordered.len(), request, policy);
    for left_out in ordered.drain(kept.count..) {
        exclusions.push(Exclusion { subject: Subject::Endpoint(left_out.endpoint), reason: kept.reason });
    }
    let Some(first) = ordered.first() else {
        return Err(Refusal::nothing_left(&wanted, exclusions, catalogue, request, health.now_ms));
    };
    let model = |wanted: &&Wanted<'_>| {
        let endpoints = catalogue.models().get(wanted.model).map(|model| &model.endpoints);
        endpoints.is_some_and(|endpoints| endpoints.contains(&first.endpoint))
    };
    Ok(Plan {
        is_probe: first.is_probe,
        attempts: ordered.iter().map(|candidate| candidate.endpoint).collect(),
        exclusions,
        strategy: strategy(request, &wanted),
        name: wanted.iter().find(model).map_or("", |wanted| wanted.name),
        via: wanted.iter().find(model).map_or("direct", Wanted::strategy),
        routed,
    })
}

fn strategy(request: &Request<'_>, wanted: &[Wanted<'_>]) -> &'static str {
    if !request.preferences.order.is_empty() {
        return "order";
    }
    match wanted.first().and_then(|wanted| wanted.sort) {
        Some(Sort::Price) => "price",
        Some(Sort::Throughput) => "throughput",
        Some(Sort::Latency) => "latency",
        Some(Sort::Exacto) => "exacto",
        None => "default",
    }
}

#[cfg(test)]
mod tests;
