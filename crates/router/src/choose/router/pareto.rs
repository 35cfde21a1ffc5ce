//! `openrouter/pareto-code` and `openrouter/pareto`: the cheapest model above a bar, or the best below a price.

use std::cmp::Reverse;

use super::super::Sort;
use super::super::plugins::ParetoSettings;
use super::super::task::{self, Weights};
use super::Router;
use super::report::Weighed;
use super::search::{Candidates, Choice, Restrictions, Search, prefer};

/// The bars of the tiers `high` and `medium`, in millionths.
const HIGH: u32 = 660_000;
const MEDIUM: u32 = 330_000;

/// Without a cap: of the models that reach the tier's bar, the cheapest first, or the fastest where throughput is
/// asked for. With a cap, the best of what costs no more, off the frontier last.
pub(super) fn pick(mut search: Search<'_, '_>, settings: ParetoSettings) -> Choice {
    search.needs.input_price = settings.max_price;
    let weights = if search.router == Router::ParetoCode { Weights::CODING } else { Weights::INTELLIGENCE };
    let mut found = search.candidates(&[Restrictions::NONE]);
    for one in &mut found.matching {
        one.score = search.model(one.model).map(|model| task::score(model, weights));
    }
    found.matching.sort_unstable_by_key(|one| (one.price, Reverse(one.score), one.model));
    if settings.max_price.is_some() {
        let order = by_frontier(&found.matching);
        return finish(&search, found, order);
    }
    let bar = bar(&found.matching, settings.min_score.unwrap_or(HIGH));
    search.settings.quality_floor = Some(bar);
    found.matching.retain(|one| one.score.is_some_and(|score| score >= bar));
    let mut order = found.matching.clone();
    if search.sort() == Some(Sort::Throughput) {
        let mut timed: Vec<(f64, Weighed)> =
            order.into_iter().map(|one| (search.throughput(one.model), one)).collect();
        timed.sort_by(|one, two| two.0.total_cmp(&one.0));
        order = timed.into_iter().map(|(_, one)| one).collect();
    }
    finish(&search, found, order)
}

fn finish(search: &Search<'_, '_>, found: Candidates, mut order: Vec<Weighed>) -> Choice {
    prefer(&mut order, &found.matching, search.inputs.held_model);
    search.choice(found, order, Some(Sort::Price))
}

/// What a model must reach: the bar of the tier that a wish falls into. The lowest tier is for what does better
/// than half of the candidates, and never asks for more than the next.
fn bar(candidates: &[Weighed], wish: u32) -> u32 {
    if wish >= HIGH {
        return HIGH;
    }
    if wish >= MEDIUM {
        return MEDIUM;
    }
    let mut scores: Vec<u32> = candidates.iter().filter_map(|one| one.score).collect();
    scores.sort_unstable();
    scores.get(scores.len() / 2).copied().unwrap_or(0).min(MEDIUM)
}

/// Models on the frontier, which do better than everything that costs as little, by falling score; then the
/// others by falling score. `sorted` is by ascending price.
fn by_frontier(sorted: &[Weighed]) -> Vec<Weighed> {
    let mut best = None;
    let mut ranked: Vec<(bool, Weighed)> = Vec::with_capacity(sorted.len());
    for one in sorted {
        let is_beaten = best.is_some_and(|best| one.score <= best);
        if !is_beaten {
            best = Some(one.score);
        }
        ranked.push((is_beaten, *one));
    }
    ranked.sort_by_key(|(is_beaten, one)| (*is_beaten, Reverse(one.score), one.price, one.model));
    ranked.into_iter().map(|(_, one)| one).collect()
}
