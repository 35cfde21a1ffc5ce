//! `openrouter/auto`: good at the request's task, at a price of the wanted band.

use std::cmp::Reverse;

use super::super::plugins::{AutoSettings, CostTier};
use super::super::task;
use super::report::{Settings, Weighed};
use super::search::{Choice, Restrictions, Search, prefer};
use crate::catalogue::Model;

const DAY_MS: u64 = 86_400_000;
const ONE: u64 = 1_000_000;

/// Ranks the candidates of the wanted band of prices, or of the nearest that has any. The model that served the
/// conversation so far, or that the client pins, goes on while it is a candidate of any band.
pub(super) fn pick(search: &Search<'_, '_>, settings: &AutoSettings) -> Choice {
    let policy = search.inputs.policy.auto;
    let (request, operator) = (
        Restrictions { allowed: &settings.allowed, excluded: &settings.excluded },
        Restrictions { allowed: &policy.candidates, excluded: &policy.excluded },
    );
    let mut found = search.candidates(&[request, operator]);
    for one in &mut found.matching {
        one.score = search.model(one.model).map(|model| score(search, model));
    }
    found.matching.sort_unstable_by_key(|one| (one.price, one.model));
    let tier = settings.cost_tier.unwrap_or(policy.cost_tier);
    let mut order = band(&found.matching, tier);
    order.sort_unstable_by_key(|one| (Reverse(one.score), one.price, one.model));
    prefer(&mut order, &found.matching, search.inputs.held_model);
    let pinned = settings.pins_model.then_some(search.request.last_model).flatten();
    prefer(&mut order, &found.matching, pinned.and_then(|name| search.catalogue().find(name)));
    let mut choice = search.choice(found, order, None);
    let task = Some(search.request.task);
    choice.routed.settings = Settings { task, cost_tier: Some(tier), ..Settings::default() };
    choice
}

/// What a model is ranked by, in millionths: its score for the task and how new it is, each by the operator's
/// weight. Newness halves with each half-life.
fn score(search: &Search<'_, '_>, model: &Model) -> u32 {
    let policy = search.inputs.policy.auto;
    let age_days = (search.inputs.health.now_ms / DAY_MS).saturating_sub(model.row.created * 1_000 / DAY_MS);
    let half_life = u64::from(policy.recency_half_life_days.max(1));
    let recency = ONE * half_life / (half_life + age_days);
    let skill = u64::from(task::score(model, search.request.task.weights()));
    let (skill_weight, recency_weight) = (u64::from(policy.score_weight), u64::from(policy.recency_weight));
    let total = (skill_weight + recency_weight).max(1);
    u32::try_from((skill * skill_weight + recency * recency_weight) / total).unwrap_or(u32::MAX)
}

/// The candidates of a fifth by price; `sorted` is by ascending price. Where that fifth has none, which happens
/// to fewer than five, those of the nearest, the cheaper of two.
fn band(sorted: &[Weighed], tier: CostTier) -> Vec<Weighed> {
    let fifth = |place: usize| place * 5 / sorted.len().max(1);
    let distance = |place: usize| fifth(place).abs_diff(tier as usize);
    let Some(nearest) = (0..sorted.len()).min_by_key(|place| (distance(*place), *place)).map(fifth) else {
        return Vec::new();
    };
    sorted.iter().enumerate().filter(|(place, _)| fifth(*place) == nearest).map(|(_, one)| *one).collect()
}
