//! In which order endpoints are tried.

use std::cmp::Ordering;

use pricing::Class;

use super::filter::{Question, is_named, serves};
use super::random::Random;
use super::rank::Rank;
use super::resolve::Wanted;
use super::{Excluded, Own, Pick, Policy, Reason, Request, Sort, TierWish, paid, tools};
use crate::catalogue::{Endpoint, Tier};
use crate::health::{Key, View};

/// Sets the draws apart from what else is drawn from the seed.
const DRAW: u64 = 0x6472_6177;

/// Whose credential an endpoint is reached with, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Own,
    Platform,
    OwnFallback,
}

impl Group {
    const fn of(own: &Own<'_>) -> Self {
        if own.is_fallback { Self::OwnFallback } else { Self::Own }
    }
}

/// Everything that goes before sort and price, the most important first. Lower is tried sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Whether it is ejected, asked to be left alone, or neither of both.
    avoided: Rank,
    group: Group,
    /// In `provider.order`; `usize::MAX` when it is not there.
    position: usize,
    /// Does not hold the conversation.
    is_loose: bool,
    /// Of the tenant's own credential, in their list.
    credential: usize,
    /// Is not of the class of service that is wished for.
    is_other_tier: bool,
    is_out: bool,
    /// Misses a threshold.
    misses: bool,
    rank: Rank,
    tools: tools::Class,
}

/// One endpoint, as reached with one credential, on its way into the plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) pick: Pick,
    pub(super) rank: Rank,
    pub(super) place: Place,
    /// Blended, as it is compared: see [`paid`].
    pub(super) price: u64,
    latency_ms: f64,
    throughput: f64,
    success: f64,
    tie: u64,
}

impl Candidate {
    pub(super) fn is_last_resort(&self) -> bool {
        self.rank == Rank::Ejected
    }

    pub(super) const fn is_held(&self) -> bool {
        !self.place.is_loose
    }

    pub(super) const fn misses(&self) -> bool {
        self.place.misses
    }

    pub(super) const fn tools(&self) -> tools::Class {
        self.place.tools
    }
}

/// How the endpoints of one pool are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sorting {
    pub(super) by: Option<Sort>,
    /// Whether somebody asked for it. Otherwise the first is drawn.
    is_asked: bool,
}

impl Sorting {
    pub(super) fn of(question: &Question<'_, '_>, wanted: &Wanted<'_>, pool: &[(usize, Vec<usize>)]) -> Self {
        let asked = |by| Self { by: Some(by), is_asked: true };
        let request = question.request;
        if let Some(by) = wanted.sort.or(request.preferences.default_sort) {
            return asked(by);
        }
        let has_flex = || {
            let endpoints = pool.iter().flat_map(|(_, endpoints)| endpoints);
            endpoints
                .filter_map(|at| question.catalogue.endpoints().get(*at))
                .any(|endpoint| endpoint.tier == Some(Tier::Flex))
        };
        match request.tier {
            TierWish::Only(Tier::Priority) => return asked(Sort::Throughput),
            TierWish::Only(Tier::Flex) if has_flex() => return asked(Sort::Price),
            _ => {}
        }
        let tools = question.catalogue.parameters().set(["tools"]);
        let by = request.profile.parameters.intersects(tools).then_some(Sort::Exacto);
        Self { by, is_asked: false }
    }

    pub(super) fn name(self, request: &Request<'_>) -> &'static str {
        if request.preferences.order.is_empty() { self.by.map_or("default", Sort::name) } else { "order" }
    }
}

/// One draw of who goes first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draw {
    /// Everybody who took part, with the weight.
    pub(super) weights: Vec<(Pick, f64)>,
    pub(super) drawn: usize,
}

/// Puts endpoints in order. `pool` holds, by the position of a wanted model, the endpoints that may serve.
pub(super) fn order(
    question: &Question<'_, '_>,
    pool: &[(usize, Vec<usize>)],
    wanted: &[Wanted<'_>],
    sorting: Sorting,
    (health, seed): (View<'_>, u64),
    excluded: &mut Excluded<'_>,
) -> (Vec<Candidate>, Option<Draw>) {
    let length = pool.iter().map(|(_, endpoints)| endpoints.len()).sum::<usize>();
    let mut candidates = Vec::with_capacity(length + question.request.own.len());
    for (of, endpoints) in pool {
        let model = wanted.get(*of).and_then(|wanted| question.catalogue.models().get(wanted.model));
        let Some(model) = model else { continue };
        let cutoffs = match sorting.by {
            Some(Sort::Exacto) => tools::Cutoffs::of(model, question.catalogue, health),
            _ => tools::Cutoffs::default(),
        };
        let scale = Scale { question, health, seed, sorting, cutoffs };
        for at in endpoints {
            let Some(endpoint) = question.catalogue.endpoints().get(*at) else { continue };
            let pick = Pick { endpoint: *at, wanted: *of, own: None, is_probe: false };
            let before = candidates.len();
            let mut is_exclusive = false;
            for (n, own) in question.request.own.iter().enumerate() {
                is_exclusive |= own.is_provider_exclusive && own.provider == endpoint.attempt.provider;
                if serves(own, model, endpoint) {
                    is_exclusive |= own.is_exclusive;
                    if question.excludes_account(Some(own), model, endpoint).is_none() {
                        candidates.extend(scale.weigh(Pick { own: Some(n), ..pick }, endpoint));
                    }
                }
            }
            let is_own_only = endpoint.unusable.is_some() && candidates.len() > before;
            let unusable = || endpoint.unusable.filter(|_| !is_own_only);
            let barred = is_exclusive.then_some(Reason::OwnKeyOnly);
            match barred.or_else(|| question.excludes_account(None, model, endpoint)).or_else(unusable) {
                Some(reason) => excluded.push(*at, reason),
                None if is_own_only => {}
                None => candidates.extend(scale.weigh(pick, endpoint)),
            }
        }
    }
    candidates.sort_unstable_by(|one, two| compare(one, two, sorting));
    let draws = !sorting.is_asked && question.request.preferences.order.is_empty();
    let draw = if draws { draw_first(&mut candidates, seed, question.request.explain) } else { None };
    (candidates, draw)
}

/// What endpoints are weighed by.
struct Scale<'q, 'a> {
    question: &'q Question<'q, 'a>,
    health: View<'q>,
    seed: u64,
    sorting: Sorting,
    cutoffs: tools::Cutoffs,
}

impl Scale<'_, '_> {
    fn weigh(&self, pick: Pick, endpoint: &Endpoint) -> Option<Candidate> {
        let request = self.question.request;
        let own = pick.own.and_then(|n| request.own.get(n));
        let key = pick.key(endpoint, &request.own);
        let standing = self.health.standing(key);
        let mut random = Random::of(self.seed, key);
        let drawn = random.next();
        let (rank, is_probe) = Rank::of(&standing, self.health, &mut random);
        let is_avoided = rank >= Rank::Cooling;
        let is_wanted_tier = match request.tier {
            TierWish::Only(tier) => endpoint.tier == Some(tier),
            TierWish::Auto | TierWish::Usual => true,
        };
        let misses = !request.preferences.thresholds.are_met(&standing);
        let is_held = is_wanted_tier && !is_avoided && !misses && self.is_held(endpoint, key);
        let list =
            endpoint.prices.at(self.question.minute)?.blended.at(request.profile.likely_prompt_tokens());
        let price = match own {
            None => paid::compared(request.markups, endpoint, list),
            Some(_) => paid::compared_own(request.markups, list),
        };
        let place = Place {
            avoided: rank.max(Rank::Unstable),
            group: own.map_or(Group::Platform, Group::of),
            position: position(request, endpoint),
            is_loose: !is_held,
            credential: pick.own.unwrap_or(0),
            is_other_tier: !is_wanted_tier,
            is_out: rank >= Rank::Unstable,
            misses,
            // An explicit wish is not overruled by a passing weakness, only by an outage or worse.
            rank: if self.sorting.is_asked { rank.max(Rank::Degraded) } else { rank },
            tools: self.cutoffs.class(&standing),
        };
        Some(Candidate {
            pick: Pick { is_probe, ..pick },
            rank,
            place,
            price,
            latency_ms: standing.latency_ms,
            throughput: standing.throughput,
            success: tools::success(&standing),
            // Whoever asks for a sort gets the same endpoint every time.
            tie: if self.sorting.is_asked { 0 } else { drawn },
        })
    }

    /// Whether the conversation's prompt is in this endpoint's cache, and reading it there is worth something.
    fn is_held(&self, endpoint: &Endpoint, key: Key) -> bool {
        let request = self.question.request;
        let is_same = |held: super::Held| held.endpoint == key.endpoint && held.credential == key.credential;
        request.preferences.order.is_empty()
            && request.held.is_some_and(is_same)
            && endpoint.prices.at(self.question.minute).is_some_and(|offer| {
                let listed = |class| offer.book.base.listed(class);
                listed(Class::CacheRead)
                    .zip(listed(Class::Input))
                    .is_some_and(|(cached, fresh)| cached < fresh)
            })
    }
}

/// Where the request's `order` has an endpoint.
fn position(request: &Request<'_>, endpoint: &Endpoint) -> usize {
    let is_admitted = matches!(request.tier, TierWish::Only(tier) if endpoint.tier == Some(tier));
    let named = |name: &String| is_named(name, endpoint, is_admitted);
    request.preferences.order.iter().position(named).unwrap_or(usize::MAX)
}

fn compare(one: &Candidate, two: &Candidate, sorting: Sorting) -> Ordering {
    let by_sort = || match sorting.by {
        Some(Sort::Throughput) => two.throughput.total_cmp(&one.throughput),
        Some(Sort::Latency) => one.latency_ms.total_cmp(&two.latency_ms),
        // Of the others too little is known to tell them apart.
        Some(Sort::Exacto) if sorting.is_asked && one.place.tools == tools::Class::Good => {
            two.success.total_cmp(&one.success)
        }
        None | Some(Sort::Price | Sort::Exacto) => Ordering::Equal,
    };
    one.place.cmp(&two.place).then_with(by_sort).then(one.price.cmp(&two.price)).then(one.tie.cmp(&two.tie))
}

/// Moves one of the platform's best-placed endpoints before the others like it, drawn with weight 1/price².
/// Free ones leave the others no chance.
fn draw_first(candidates: &mut [Candidate], seed: u64, explain: bool) -> Option<Draw> {
    let first = candidates.iter().position(|candidate| candidate.place.group == Group::Platform)?;
    let pool = candidates.get_mut(first..)?;
    let best = *pool.first()?;
    let size = pool.iter().take_while(|candidate| candidate.place == best.place).count();
    let pool = pool.get_mut(..size)?;
    let total: f64 = pool.iter().map(|candidate| weight(best.price, candidate.price)).sum();
    let mut point = Random::new(seed ^ DRAW).fraction() * total;
    let drawn = pool.iter().position(|candidate| {
        point -= weight(best.price, candidate.price);
        point < 0.0
    });
    let drawn = drawn.unwrap_or(0);
    let told = explain.then(|| Draw {
        weights: pool.iter().map(|one| (one.pick, weight(best.price, one.price))).collect(),
        drawn,
    });
    if let Some(front) = pool.get_mut(..=drawn) {
        front.rotate_right(1);
    }
    told
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

/// Cuts the plan to its length: each model keeps its best endpoint as long as there is room, the rest of the
/// room goes by the order.
pub(super) fn keep(
    ordered: &[Candidate],
    wanted: usize,
    request: &Request<'_>,
    policy: Policy<'_>,
    excluded: &mut Excluded<'_>,
) -> Vec<Pick> {
    let is_single = !request.preferences.allow_fallbacks && request.preferences.order.is_empty();
    let (limit, reason) =
        if is_single { (1, Reason::NoFallbacks) } else { (policy.max_attempts.max(1), Reason::PlanFull) };
    if ordered.len() <= limit {
        return ordered.iter().map(|candidate| candidate.pick).collect();
    }
    let mut is_seen = vec![false; wanted];
    let mut is_first = |candidate: &Candidate| {
        is_seen.get_mut(candidate.pick.wanted).is_some_and(|seen| !std::mem::replace(seen, true))
    };
    let firsts: Vec<bool> = ordered.iter().map(&mut is_first).collect();
    let mut reserved = firsts.iter().filter(|first| **first).count().min(limit);
    let mut open = limit - reserved;
    let mut kept = Vec::with_capacity(limit);
    for (candidate, is_first) in ordered.iter().zip(firsts) {
        let room = if is_first { &mut reserved } else { &mut open };
        if *room > 0 {
            *room -= 1;
            kept.push(candidate.pick);
        } else {
            excluded.push(candidate.pick.endpoint, reason);
        }
    }
    kept
}
