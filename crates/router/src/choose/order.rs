//! In which order endpoints are tried.

use std::cmp::Ordering;

use super::filter::is_named;
use super::random::Random;
use super::{Policy, Reason, Request, Sort};
use crate::catalogue::{Catalogue, minute_of_day};
use crate::health::{Standing, State, Uptime, View};

/// How willingly an endpoint is tried, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Stable,
    /// 80 to 94 % of the last five minutes went well.
    Degraded,
    /// A significant outage in the last 30 seconds, or under 80 % went well; also one that regains its share.
    Unstable,
    /// Asked to be left alone.
    Cooling,
    /// Ejected, or half open with the probe taken.
    Ejected,
}

/// One endpoint on its way into the plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Index in the catalogue.
    pub(super) endpoint: usize,
    pub(super) is_probe: bool,
    rank: Rank,
    /// Position in `provider.order`; `usize::MAX` when it is not there.
    position: usize,
    /// Blended, in pico-USD per token.
    price: u64,
    standing: Standing,
    tie: u64,
}

impl Candidate {
    pub(super) fn is_last_resort(&self) -> bool {
        self.rank == Rank::Ejected
    }
}

/// Puts endpoints in order.
pub(super) fn order(
    endpoints: Vec<usize>,
    request: &Request<'_>,
    catalogue: &Catalogue,
    health: View<'_>,
    sort: Option<Sort>,
    random: &mut Random,
) -> Vec<Candidate> {
    let prompt_tokens = request.profile.likely_prompt_tokens();
    let minute = minute_of_day(health.now_ms);
    let mut candidates: Vec<Candidate> = endpoints
        .into_iter()
        .filter_map(|at| {
            let endpoint = catalogue.endpoints().get(at)?;
            let standing = health.standing(endpoint.key);
            // Every endpoint draws, whatever becomes of it, so that health moves none but its own.
            let (tie, coin) = (random.next(), random.fraction());
            let (rank, is_probe) = rank(&standing, health, coin);
            let named = |name: &String| is_named(name, endpoint);
            Some(Candidate {
                endpoint: at,
                is_probe,
                rank,
                position: request.preferences.order.iter().position(named).unwrap_or(usize::MAX),
                price: endpoint.prices.at(minute)?.blended.at(prompt_tokens),
                standing,
                tie,
            })
        })
        .collect();
    candidates.sort_by(|one, two| compare(one, two, sort));
    if matches!(sort, None | Some(Sort::Exacto)) && request.preferences.order.is_empty() {
        draw_first(&mut candidates, random);
    }
    candidates
}

fn rank(standing: &Standing, health: View<'_>, coin: f64) -> (Rank, bool) {
    match standing.state {
        State::Ejected { until_ms } if health.now_ms < until_ms => return (Rank::Ejected, false),
        State::Ejected { .. } => {
            let is_due = health.probes && standing.next_probe_ms <= health.now_ms;
            return if is_due { (Rank::Stable, true) } else { (Rank::Ejected, false) };
        }
        State::Recovering { since_ms } if coin >= regained(since_ms, health) => {
            return (Rank::Unstable, false);
        }
        State::Recovering { .. } | State::Closed => {}
    }
    let rank = match standing.uptime {
        _ if standing.cooling_until_ms > health.now_ms => Rank::Cooling,
        // What it did before the probe no longer speaks against one that recovers.
        _ if standing.state != State::Closed => Rank::Stable,
        _ if standing.outage => Rank::Unstable,
        Uptime::Poor => Rank::Unstable,
        Uptime::Degraded => Rank::Degraded,
        Uptime::Good => Rank::Stable,
    };
    (rank, false)
}

/// The share of requests that a recovering endpoint may have again: a tenth at first, all in the end.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of a short span")]
fn regained(since_ms: u64, health: View<'_>) -> f64 {
    let share = health.now_ms.saturating_sub(since_ms) as f64 / health.regain_ms.max(1) as f64;
    share.max(0.1)
}

/// What the request put first goes first, then what is wished for, then the rest by health and price.
fn compare(one: &Candidate, two: &Candidate, sort: Option<Sort>) -> Ordering {
    // An explicit wish is not overruled by a passing weakness, only by an outage or worse.
    let serious = |candidate: &Candidate| candidate.rank.max(Rank::Degraded);
    let by_position =
        (one.rank >= Rank::Cooling).cmp(&(two.rank >= Rank::Cooling)).then(one.position.cmp(&two.position));
    let by_wish = match sort {
        None | Some(Sort::Exacto) => one.rank.cmp(&two.rank),
        Some(Sort::Price) => serious(one).cmp(&serious(two)),
        Some(Sort::Throughput) => {
            serious(one).cmp(&serious(two)).then(two.standing.throughput.total_cmp(&one.standing.throughput))
        }
        Some(Sort::Latency) => {
            serious(one).cmp(&serious(two)).then(one.standing.latency_ms.total_cmp(&two.standing.latency_ms))
        }
    };
    by_position.then(by_wish).then(one.price.cmp(&two.price)).then(one.tie.cmp(&two.tie))
}

/// Moves one of the best-ranked endpoints to the front, drawn with weight 1/price². Free ones leave the
/// others no chance.
fn draw_first(candidates: &mut [Candidate], random: &mut Random) {
    let Some(best) = candidates.first().copied() else { return };
    let pool = candidates.iter().take_while(|candidate| candidate.rank == best.rank).count();
    let weight = |candidate: &Candidate| weight(best.price, candidate.price);
    let total: f64 = candidates.iter().take(pool).map(weight).sum();
    let mut point = random.fraction() * total;
    let drawn = candidates.iter().take(pool).position(|candidate| {
        point -= weight(candidate);
        point < 0.0
    });
    if let Some(front) = candidates.get_mut(..=drawn.unwrap_or(0)) {
        front.rotate_right(1);
    }
}

/// 1/price², scaled so that the cheapest weighs one.
#[expect(clippy::cast_precision_loss, reason = "a weight; the last bits of a price do not matter")]
fn weight(cheapest: u64, price: u64) -> f64 {
    if price == cheapest {
        return 1.0;
    }
    let ratio = cheapest as f64 / price as f64;
    ratio * ratio
}

/// How many of the ordered endpoints the plan keeps, and why not the others.
pub(super) struct Kept {
    pub(super) count: usize,
    pub(super) reason: Reason,
}

pub(super) fn keep(available: usize, request: &Request<'_>, policy: Policy<'_>) -> Kept {
    let only_one = !request.preferences.allow_fallbacks && request.preferences.order.is_empty();
    if only_one {
        return Kept { count: available.min(1), reason: Reason::NoFallbacks };
    }
    Kept { count: available.min(policy.max_attempts.max(1)), reason: Reason::PlanFull }
}
