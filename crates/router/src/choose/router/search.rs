//! The models among which a router chooses.

use super::super::filter::Question;
use super::super::needs::Needs;
use super::super::pattern::Patterns;
use super::super::plugins::{MinScore, ScoreKind};
use super::super::resolve::{Inputs, Wanted};
use super::super::task::{self, Weights};
use super::super::{Reason, Request, Sort, paid};
use super::report::{Rejected, Routed, Settings, Weighed};
use super::{MODELS_AT_MOST, Router};
use crate::catalogue::{Catalogue, Endpoint, Modalities, Model};

/// A search for models that will do.
pub(super) struct Search<'s, 'a> {
    pub(super) router: Router,
    pub(super) request: &'s Request<'a>,
    pub(super) inputs: Inputs<'s>,
    pub(super) needs: Needs,
    pub(super) settings: Settings,
    template: Wanted<'a>,
    question: Question<'s, 'a>,
    prompt_tokens: u64,
}

/// Which models a client or an operator wants considered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Restrictions<'s> {
    /// Empty = every model.
    pub(super) allowed: &'s Patterns,
    pub(super) excluded: &'s Patterns,
}

impl Restrictions<'_> {
    pub(super) const NONE: Restrictions<'static> =
        Restrictions { allowed: &Patterns::EMPTY, excluded: &Patterns::EMPTY };
}

/// What a router decided.
pub(super) struct Choice {
    pub(super) routed: Routed,
    /// How the endpoints of a chosen model are to be sorted, where neither request nor name says so.
    pub(super) sort: Option<Sort>,
    pub(super) needs: Needs,
}

/// The models that will do, and what became of the others.
#[derive(Default)]
pub(super) struct Candidates {
    pub(super) matching: Vec<Weighed>,
    pub(super) considered: usize,
    /// How many models each reason spoke against.
    pub(super) reasons: Vec<(&'static str, usize)>,
    /// Those of the others that the report is to name.
    pub(super) rejected: Vec<Rejected>,
}

impl Candidates {
    pub(super) fn count(&mut self, reason: &'static str) {
        match self.reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.reasons.push((reason, 1)),
        }
    }
}

impl<'s, 'a> Search<'s, 'a> {
    pub(super) fn new(
        router: Router,
        template: Wanted<'a>,
        request: &'s Request<'a>,
        inputs: Inputs<'s>,
    ) -> Self {
        Self {
            router,
            request,
            inputs,
            needs: Needs::of(request, inputs.catalogue.parameters()),
            settings: Settings::default(),
            template,
            question: Question::new(request, inputs.catalogue, inputs.health.now_ms),
            prompt_tokens: request.profile.likely_prompt_tokens(),
        }
    }

    pub(super) const fn sort(&self) -> Option<Sort> {
        self.template.sort
    }

    pub(super) const fn catalogue(&self) -> &'s Catalogue {
        self.inputs.catalogue
    }

    pub(super) fn model(&self, at: usize) -> Option<&'s Model> {
        self.inputs.catalogue.models().get(at)
    }

    /// Every model that will do, in the order of the catalogue.
    pub(super) fn candidates(&self, restrictions: &[Restrictions<'_>]) -> Candidates {
        self.among(0..self.inputs.catalogue.models().len(), |model| why_not(model, restrictions))
    }

    /// Those of some models that will do and that `bars` does not speak against.
    pub(super) fn among(
        &self,
        models: impl Iterator<Item = usize>,
        bars: impl Fn(&Model) -> Option<&'static str>,
    ) -> Candidates {
        let mut found = Candidates::default();
        for at in models {
            let Some(model) = self.model(at).filter(|model| self.is_of_its_kind(model)) else { continue };
            found.considered += 1;
            match bars(model).map_or_else(|| self.weigh(at, model), Err) {
                Ok(weighed) => found.matching.push(weighed),
                Err(reason) => found.count(reason),
            }
        }
        found
    }

    /// Whether a model does this kind of work at all, and answers in what the request asks for and nothing else:
    /// what also draws or speaks is for those who ask for it.
    pub(super) fn is_of_its_kind(&self, model: &Model) -> bool {
        let outputs = self.request.profile.outputs;
        model.operations.contains(self.request.profile.operation)
            && model.outputs.contains(outputs)
            && (!outputs.is_text_only()
                || model.outputs.is_text_only()
                || !model.outputs.contains(Modalities::TEXT))
    }

    /// What a model costs for this request, at its cheapest endpoint that will do.
    ///
    /// # Errors
    /// What its cheapest endpoint lacks, when none will do.
    pub(super) fn weigh(&self, at: usize, model: &'s Model) -> Result<Weighed, &'static str> {
        let bars = self.question.bars(model, self.template.admits);
        let (mut best, mut nearest): (Option<u64>, Option<(u64, &'static str)>) = (None, None);
        for (least, at) in &model.by_least {
            // Whatever comes now asks no less.
            if best.is_some_and(|best| best <= paid::least(self.request.markups, *least)) {
                break;
            }
            let Some(endpoint) = self.inputs.catalogue.endpoints().get(*at) else { continue };
            let price = self.price(endpoint).unwrap_or(u64::MAX);
            if best.is_some_and(|best| best <= price) {
                continue;
            }
            let barred = bars.against(endpoint).map(Reason::name);
            match barred.or_else(|| self.needs.unmet(endpoint, &self.question)) {
                None => best = Some(price),
                Some(reason) if nearest.is_none_or(|(other, _)| price < other) => {
                    nearest = Some((price, reason))
                }
                Some(_) => {}
            }
        }
        match best {
            Some(price) => Ok(Weighed { model: at, price, score: None }),
            None => Err(nearest.map_or("no_endpoints", |(_, reason)| reason)),
        }
    }

    /// A model that will not do, with what it would have cost.
    pub(super) fn rejected(&self, at: usize, model: &Model, reason: &'static str) -> Rejected {
        let offers = self.inputs.catalogue.endpoints_of(model);
        let usable = offers.iter().filter(|endpoint| endpoint.unusable.is_none());
        Rejected { model: at, price: usable.filter_map(|endpoint| self.price(endpoint)).min(), reason }
    }

    /// Blended, now and at the request's size, as it is compared.
    fn price(&self, endpoint: &Endpoint) -> Option<u64> {
        let list = endpoint.prices.at(self.question.minute)?.blended.at(self.prompt_tokens);
        Some(paid::compared(self.request.markups, endpoint, list))
    }

    /// The least that a model may be compared at; `None` = it has no price.
    pub(super) fn floor(&self, model: &Model) -> Option<u64> {
        model.floor.map(|floor| paid::least(self.request.markups, floor))
    }

    /// Output tokens per second of a model's fastest endpoint that will do.
    pub(super) fn throughput(&self, at: usize) -> f64 {
        let Some(model) = self.model(at) else { return 0.0 };
        let bars = self.question.bars(model, self.template.admits);
        self.inputs
            .catalogue
            .endpoints_of(model)
            .iter()
            .filter(|endpoint| bars.against(endpoint).is_none())
            .filter(|endpoint| self.needs.unmet(endpoint, &self.question).is_none())
            .map(|endpoint| self.inputs.health.standing(endpoint.key).throughput)
            .fold(0.0, f64::max)
    }

    /// What the search came to. `order` holds first choices first.
    pub(super) fn choice(&self, found: Candidates, order: Vec<Weighed>, sort: Option<Sort>) -> Choice {
        let mut chosen = order;
        chosen.truncate(MODELS_AT_MOST);
        let routed = Routed {
            router: self.router,
            considered: found.considered,
            matched: found.matching.len(),
            chosen,
            reasons: found.reasons,
            rejected: found.rejected,
            needs: self.needs,
            settings: self.settings,
        };
        Choice { routed, sort, needs: self.needs }
    }
}

/// What restrictions say against a model. Variants stand aside unless they are named as such: `:free` is
/// rationed, and the others are asked for by name.
pub(super) fn why_not(model: &Model, restrictions: &[Restrictions<'_>]) -> Option<&'static str> {
    if restrictions.iter().any(|one| one.excluded.matches(model)) {
        return Some("excluded_models");
    }
    if restrictions.iter().any(|one| !one.allowed.is_empty() && !one.allowed.matches(model)) {
        return Some("allowed_models");
    }
    let is_named = restrictions.iter().any(|one| one.allowed.name_variant(model));
    (model.variant().is_some() && !is_named).then_some("variant")
}

/// What a bar that only measurements pass says against a model.
pub(super) fn why_too_low(model: &Model, bar: MinScore) -> Option<&'static str> {
    let weights = match bar.kind {
        ScoreKind::Intelligence => Weights::INTELLIGENCE,
        ScoreKind::Coding => Weights::CODING,
        ScoreKind::Agentic => Weights::AGENTIC,
    };
    task::measured(model, weights).is_none_or(|score| score < bar.value).then_some("min_score")
}

/// Puts one of the candidates first, where it is one.
pub(super) fn prefer(order: &mut Vec<Weighed>, matching: &[Weighed], model: Option<usize>) {
    let Some(kept) = model.and_then(|model| matching.iter().find(|one| one.model == model)).copied() else {
        return;
    };
    order.retain(|one| one.model != kept.model);
    order.insert(0, kept);
}
