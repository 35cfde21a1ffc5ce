//! `patchbay/cheapest`: the cheapest model that can do what is required.

use super::super::Sort;
use super::super::plugins::CheapestSettings;
use super::MODELS_AT_MOST;
use super::report::{REJECTED_AT_MOST, Rejected, Weighed};
use super::search::{Candidates, Choice, Restrictions, Search, why_not, why_too_low};
use crate::catalogue::Model;

/// Goes through the models by the least that each may ask, until the next cannot be cheaper than what was found.
pub(super) fn pick(mut search: Search<'_, '_>, settings: &CheapestSettings) -> Choice {
    search.needs = search.needs.and(settings.require.iter().copied());
    search.needs.context_length = search.needs.context_length.max(settings.min_context_length);
    search.needs.output_length = search.needs.output_length.max(settings.min_output_length);
    search.settings.min_score = settings.min_score;
    let restrictions = [Restrictions { allowed: &settings.allowed, excluded: &settings.excluded }];
    let bars =
        |model: &Model| why_not(model, &restrictions).or_else(|| why_too_low(model, settings.min_score?));
    let mut found = Candidates::default();
    let mut order: Vec<Weighed> = Vec::with_capacity(MODELS_AT_MOST + 1);
    for at in search.catalogue().by_floor().iter().copied() {
        let Some(model) = search.model(at) else { continue };
        let is_beaten = |last: &Weighed| search.floor(model).is_none_or(|floor| floor > last.price);
        if order.get(MODELS_AT_MOST - 1).is_some_and(is_beaten) {
            break;
        }
        if !search.is_of_its_kind(model) {
            continue;
        }
        found.considered += 1;
        match bars(model).map_or_else(|| search.weigh(at, model), Err) {
            Ok(weighed) => {
                found.matching.push(weighed);
                let place = order.partition_point(|one| (one.price, one.model) < (weighed.price, at));
                order.insert(place, weighed);
                order.truncate(MODELS_AT_MOST);
            }
            Err(reason) => {
                found.count(reason);
                found.rejected.push(search.rejected(at, model, reason));
            }
        }
    }
    found.rejected = nearest(found.rejected, order.first());
    search.choice(found, order, Some(Sort::Price))
}

/// Of the models that would have been cheaper than the first choice, those that come nearest to it.
fn nearest(mut rejected: Vec<Rejected>, first: Option<&Weighed>) -> Vec<Rejected> {
    rejected.retain(|one| match (one.price, first) {
        (Some(price), Some(first)) => price < first.price,
        (price, None) => price.is_some(),
        (None, Some(_)) => false,
    });
    rejected.sort_unstable_by_key(|one| (std::cmp::Reverse(one.price), one.model));
    if first.is_none() {
        rejected.reverse();
    }
    rejected.truncate(REJECTED_AT_MOST);
    rejected
}
