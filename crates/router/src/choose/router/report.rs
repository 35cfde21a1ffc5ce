//! What a router did and why: what a plan tells of it.

use rpc::Markups;
use serde_json::{Map, Value, json};

use super::super::needs::Needs;
use super::super::plugins::{CostTier, MinScore};
use super::super::task::Task;
use super::super::{Plan, paid};
use super::Router;
use crate::catalogue::{Capability, Catalogue};

/// Passed-over models that a report names at most.
pub(super) const REJECTED_AT_MOST: usize = 5;

/// What a router did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    pub router: Router,
    /// Models that were weighed.
    pub considered: usize,
    /// Those of them that would do.
    pub matched: usize,
    /// First choice first; the others are its fallbacks.
    pub chosen: Vec<Weighed>,
    /// How many models each reason spoke against.
    pub reasons: Vec<(&'static str, usize)>,
    /// Of `patchbay/cheapest`: models that would have been cheaper, the nearest in price first.
    pub rejected: Vec<Rejected>,
    pub(in super::super) needs: Needs,
    pub(in super::super) settings: Settings,
}

/// A model with what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighed {
    /// Index in the catalogue.
    pub model: usize,
    /// The lowest blended price among its endpoints that would do, at the request's size, as it is compared: in
    /// pico-USD per token, or in ten-thousandths of that where the caller's markups differ.
    pub price: u64,
    /// What it was ranked by, in millionths; `None` = by its price alone.
    pub score: Option<u32>,
}

/// A model that will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// Index in the catalogue.
    pub model: usize,
    /// As in [`Weighed`], among the endpoints that can be reached at all; `None` = there is none.
    pub price: Option<u64>,
    /// What it lacks: a capability, a limit, or the reason of its cheapest endpoint.
    pub reason: &'static str,
}

/// What a router went by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) struct Settings {
    pub(in super::super) task: Option<Task>,
    /// The band that was asked for.
    pub(in super::super) cost_tier: Option<CostTier>,
    /// In millionths.
    pub(in super::super) quality_floor: Option<u32>,
    pub(in super::super) min_score: Option<MinScore>,
}

impl Plan<'_> {
    /// What the router that led to the first attempt did; `None` when it was no router.
    #[must_use]
    pub fn routed_first(&self, catalogue: &Catalogue) -> Option<&Routed> {
        let first = self.attempts.first()?;
        let owns = |one: &Weighed| {
            catalogue.models().get(one.model).is_some_and(|model| model.endpoints.contains(&first.endpoint))
        };
        self.routed.iter().find(|routed| routed.router.leads(self.name) && routed.chosen.iter().any(owns))
    }
}

impl Routed {
    /// The public `params` of the router: a JSON object. Prices are the caller's, in USD per million tokens.
    #[must_use]
    pub fn params(&self, catalogue: &Catalogue, markups: Markups<'_>) -> Value {
        let mut params = Map::new();
        let mut put = |name: &str, value: Value| params.insert(name.to_owned(), value);
        put("router", self.router.slug().into());
        if let Some(task) = self.settings.task {
            put("task", task.name().into());
        }
        if let Some(tier) = self.settings.cost_tier {
            put("cost_tier", tier.name().into());
        }
        if let Some(floor) = self.settings.quality_floor {
            put("quality_floor", share(floor));
        }
        if let Some(MinScore { kind, value }) = self.settings.min_score {
            put("min_score", json!({ "kind": kind.name(), "value": share(value) }));
        }
        let required: Vec<&str> = self.needs.capabilities.iter().map(Capability::name).collect();
        put("require", required.into());
        put("min_context_length", self.needs.context_length.into());
        if self.needs.output_length > 0 {
            put("min_output_length", self.needs.output_length.into());
        }
        if let Some(cap) = self.needs.input_price {
            put("max_price", cap.dollars_per_million().into());
        }
        put("considered", self.considered.into());
        put("matched", self.matched.into());
        let dollars = |price| paid::dollars_per_million(markups, price);
        let slug = |at: usize| catalogue.models().get(at).map_or("", |model| model.slug());
        let chosen = self.chosen.iter().map(|one| {
            let mut row = json!({ "model": slug(one.model), "price": dollars(one.price) });
            if let Some(score) = one.score {
                row["score"] = share(score);
            }
            row
        });
        put("chosen", chosen.collect());
        let reasons = self.reasons.iter().map(|(reason, count)| ((*reason).to_owned(), Value::from(*count)));
        put("passed_over", Value::Object(reasons.collect()));
        let rejected = self.rejected.iter().map(|one| {
            let price = one.price.map(dollars);
            json!({ "model": slug(one.model), "price": price, "reason": one.reason })
        });
        put("rejected", rejected.collect());
        Value::Object(params)
    }
}

fn share(millionths: u32) -> Value {
    (f64::from(millionths) / 1_000_000.0).into()
}
