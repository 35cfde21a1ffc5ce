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
mod order;
mod random;
mod reason;
mod refusal;
mod request;
mod resolve;

pub use random::mix;
pub use reason::Reason;
pub use refusal::Refusal;
pub use request::{BadPreference, DataCollection, MaxPrice, Preferences, Profile, Request, Sort, TierWish};

use crate::catalogue::Catalogue;
use crate::health::View;
use order::Candidate;
use resolve::Wanted;

/// What operators decide about every choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Attempts that a plan holds at most.
    pub max_attempts: usize,
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
    policy: Policy,
    seed: u64,
) -> Result<Plan<'a>, Refusal<'a>> {
    let mut exclusions = Vec::new();
    let wanted = resolve::models(request, catalogue, &mut exclusions)?;
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
        return Err(Refusal::nothing_left(&wanted, exclusions, catalogue, request.profile.operation));
    };
    Ok(Plan {
        is_probe: first.is_probe,
        attempts: ordered.iter().map(|candidate| candidate.endpoint).collect(),
        exclusions,
        strategy: strategy(request, &wanted),
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
        None => "default",
    }
}

#[cfg(test)]
mod tests;
