//! How models compare with one another: by the least they may cost, and by how well they may do.

use std::collections::HashMap;

use dialect::canonical::Operation;

use super::{Endpoint, Model};
use crate::choose::Reason;

/// What a model that nobody measured is taken for, in millionths: from the cheapest to the dearest.
const ESTIMATE_LEAST: u64 = 200_000;
const ESTIMATE_SPAN: u64 = 600_000;

/// The least that a model may ask of any request at any time of day, in pico-USD per token: no price of an
/// endpoint, of any tier, context length or window, is below it. Endpoints without a credential count, because
/// a tenant may have one.
pub(super) fn floor(offers: &[Endpoint]) -> Option<u64> {
    let is_off = |endpoint: &&Endpoint| {
        matches!(endpoint.unusable, Some(Reason::Disabled | Reason::UnsupportedDialect | Reason::NoPrice))
    };
    let reachable = offers.iter().filter(|endpoint| !is_off(endpoint));
    reachable.flat_map(|endpoint| endpoint.prices.offers()).map(|offer| offer.blended.least()).min()
}

/// Endpoints, of which the first stands at `first` in the catalogue, by the least that each may ask at any time and
/// of any length. Those without a price come last.
pub(super) fn by_least(offers: &[Endpoint], first: usize) -> Box<[(u64, usize)]> {
    let least =
        |endpoint: &Endpoint| endpoint.prices.offers().iter().map(|offer| offer.blended.least()).min();
    let mut order: Vec<(u64, usize)> =
        offers.iter().map(|endpoint| least(endpoint).unwrap_or(u64::MAX)).zip(first..).collect();
    order.sort_unstable();
    order.into()
}

/// Whether none of a model's usable endpoints ever costs anything, of which there must be one.
pub(super) fn is_free(offers: &[Endpoint]) -> bool {
    let mut books = offers
        .iter()
        .filter(|endpoint| endpoint.unusable.is_none())
        .flat_map(|endpoint| endpoint.prices.offers())
        .map(|offer| &offer.book)
        .peekable();
    books.peek().is_some() && books.all(pricing::PriceBook::is_free)
}

/// Models that can be called, cheapest first by their cheapest usual endpoint.
pub(super) fn by_price(models: &[Model]) -> Vec<usize> {
    ascending(models, |model| model.cheapest)
}

/// Models that can be called in some way, by ascending floor.
pub(super) fn by_floor(models: &[Model]) -> Vec<usize> {
    ascending(models, |model| model.floor)
}

fn ascending(models: &[Model], figure: impl Fn(&Model) -> Option<u64>) -> Vec<usize> {
    let mut priced: Vec<(u64, usize)> =
        models.iter().enumerate().filter_map(|(at, model)| Some((figure(model)?, at))).collect();
    priced.sort_unstable();
    priced.into_iter().map(|(_, at)| at).collect()
}

/// Gives every model the score that its price suggests: its place among the chat models by price, drawn out
/// from 0.2 to 0.8. An estimate, for want of a measurement; a variant's is that of its model.
pub(super) fn estimate(models: &mut [Model]) {
    let is_ranked = |model: &Model| model.variant().is_none() && model.operations.contains(Operation::Chat);
    let mut prices: Vec<u64> =
        models.iter().filter(|model| is_ranked(model)).filter_map(|model| model.cheapest).collect();
    prices.sort_unstable();
    let last = prices.len().max(2) - 1;
    let estimated = |price: u64| {
        let place = prices.partition_point(|other| *other < price).min(last);
        let above = ESTIMATE_SPAN * u64::try_from(place).unwrap_or(0) / u64::try_from(last).unwrap_or(1);
        u32::try_from(ESTIMATE_LEAST + above).unwrap_or(0)
    };
    let by_slug: HashMap<String, u32> = models
        .iter()
        .filter(|model| model.variant().is_none())
        .filter_map(|model| Some((model.row.slug.clone(), estimated(model.cheapest?))))
        .collect();
    for model in models {
        let stem = model.row.slug.split(':').next().unwrap_or_default();
        model.estimated_score = by_slug.get(stem).copied().unwrap_or(0);
    }
}
