//! Which endpoints can serve a request at all.

use super::resolve::Wanted;
use super::{Cap, DataCollection, Excluded, MaxPrice, Own, Reason, Request, TierWish, paid};
use crate::catalogue::{
    Catalogue, Endpoint, Modalities, Model, Offer, ParameterSet, Parameters, Tier, minute_of_week,
};
use pricing::Class;

/// A request with what filtering one of its models has to know of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'q, 'a> {
    pub(super) request: &'q Request<'a>,
    pub(super) catalogue: &'q Catalogue,
    pub(super) now_ms: u64,
    pub(super) minute: u16,
}

/// What the request and the model's name say of classes of service.
#[derive(Debug, Clone, Copy)]
struct Tiers {
    /// Let in beside the usual one.
    admitted: Option<Tier>,
    /// Whether only the admitted one will do.
    only: bool,
}

/// The hard filters, as they stand for one model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bars<'q, 'a> {
    question: Question<'q, 'a>,
    model: &'q Model,
    of_model: Option<Reason>,
    tiers: Tiers,
}

impl Bars<'_, '_> {
    /// Why an endpoint of the model cannot or must not serve, if so.
    pub(super) fn against(&self, endpoint: &Endpoint) -> Option<Reason> {
        let question = &self.question;
        let by_request = || question.excludes(self.model, endpoint, self.tiers);
        question.unusable(self.model, endpoint).or(self.of_model).or_else(by_request)
    }
}

impl<'q, 'a> Question<'q, 'a> {
    pub(super) fn new(request: &'q Request<'a>, catalogue: &'q Catalogue, now_ms: u64) -> Self {
        Self { request, catalogue, now_ms, minute: minute_of_week(now_ms) }
    }

    /// The endpoints of a model that may serve, as indices in the catalogue: the platform's own or, with the
    /// tenant's credentials, those that only these can reach.
    pub(super) fn hard(&self, wanted: &Wanted<'_>, excluded: &mut Excluded<'_>) -> Vec<usize> {
        let Some(model) = self.catalogue.models().get(wanted.model) else { return Vec::new() };
        let bars = self.bars(model, wanted.admits);
        let mut candidates = Vec::with_capacity(model.endpoints.len());
        for (at, endpoint) in model.endpoints.clone().zip(self.catalogue.endpoints_of(model)) {
            let lacks = || wanted.needs.unmet(endpoint, self).map(|_| Reason::Capability);
            match bars.against(endpoint).or_else(lacks) {
                None => candidates.push(at),
                Some(reason) => excluded.push(at, reason),
            }
        }
        candidates
    }

    /// What the hard filters say of a model, and ask of its endpoints.
    pub(super) fn bars(&self, model: &'q Model, admits: Option<Tier>) -> Bars<'q, 'a> {
        let of_model = self.excludes_model(model);
        Bars { question: *self, model, of_model, tiers: self.tiers(admits, model) }
    }

    /// Why all of a model's endpoints are out.
    fn excludes_model(&self, model: &Model) -> Option<Reason> {
        if !model.operations.contains(self.request.profile.operation) {
            return Some(Reason::OtherOperation);
        }
        self.request.policy.against(model)
    }

    /// The catalogue's own reasons. They come first, so that a request is never told that its own wishes stood
    /// in the way of what cannot be reached anyhow.
    fn unusable(&self, model: &Model, endpoint: &Endpoint) -> Option<Reason> {
        let is_reachable = endpoint.unusable.is_none() || self.own_reaches(model, endpoint);
        if !is_reachable {
            return endpoint.unusable;
        }
        if endpoint.retires_ms.is_some_and(|retires_ms| retires_ms <= self.now_ms) {
            return Some(Reason::Deprecated);
        }
        let knows = endpoint.operations.contains(self.request.profile.operation);
        (!knows && model.operations.contains(self.request.profile.operation))
            .then_some(Reason::UnsupportedOperation)
    }

    /// Whether a credential of the tenant's makes up for what the platform lacks.
    fn own_reaches(&self, model: &Model, endpoint: &Endpoint) -> bool {
        matches!(endpoint.unusable, Some(Reason::NoCredential | Reason::NotConfigured))
            && !endpoint.prices.is_empty()
            && self.request.own.iter().any(|own| serves(own, model, endpoint))
    }

    fn tiers(&self, admits: Option<Tier>, model: &Model) -> Tiers {
        match self.request.tier {
            TierWish::Usual => Tiers { admitted: None, only: false },
            TierWish::Auto => {
                let admitted = admits.filter(|_| self.request.preferences.order.is_empty());
                Tiers { admitted, only: false }
            }
            TierWish::Only(Tier::Priority) => Tiers { admitted: Some(Tier::Priority), only: false },
            TierWish::Only(Tier::Flex) => {
                let has_flex = self.catalogue.endpoints_of(model).iter().any(|endpoint| {
                    endpoint.tier == Some(Tier::Flex) && self.unusable(model, endpoint).is_none()
                });
                Tiers { admitted: Some(Tier::Flex), only: has_flex }
            }
        }
    }

    /// The first hard filter that an endpoint does not pass.
    fn excludes(&self, model: &Model, endpoint: &Endpoint, tiers: Tiers) -> Option<Reason> {
        let Request { preferences: wishes, profile, policy, .. } = self.request;
        let max_output = endpoint.max_output.unwrap_or(endpoint.context_length);
        let is_admitted = tiers.admitted == endpoint.tier;
        let named = |names: &[String]| names.iter().any(|name| is_named(name, endpoint, is_admitted));
        let by_tag = || [wishes.only, wishes.order].into_iter().flatten().any(|name| is_tag(name, endpoint));
        let in_tier =
            if tiers.only { is_admitted } else { endpoint.tier.is_none() || is_admitted || by_tag() };
        let of_account = self.excludes_accounts(model, endpoint);
        let denies = wishes.data_collection == DataCollection::Deny;
        let is_out = |reason: &Reason| match reason {
            Reason::ServiceTier => !in_tier,
            Reason::AccountZeroDataRetention
            | Reason::AccountRegion
            | Reason::Region
            | Reason::ZeroDataRetention => of_account == Some(*reason),
            Reason::NotInOnly => !wishes.only.is_empty() && !named(wishes.only),
            Reason::Ignored => named(wishes.ignore),
            Reason::NotInOrder => !wishes.allow_fallbacks && !wishes.order.is_empty() && !named(wishes.order),
            Reason::DataCollection => denies && endpoint.collects_data,
            Reason::Quantization => {
                !wishes.quantizations.is_empty() && !has_quantization(wishes.quantizations, endpoint)
            }
            Reason::MaxPrice => self.is_too_dear(endpoint),
            Reason::Distillable => wishes.distillable && !endpoint.distillable,
            Reason::InputModality => !endpoint.inputs.contains(profile.inputs),
            Reason::OutputModality => !endpoint.outputs.contains(profile.outputs),
            Reason::ContextLength => profile.least_prompt_tokens() > endpoint.context_length,
            Reason::MaxTokens => profile.max_tokens.is_some_and(|tokens| tokens > max_output),
            Reason::RequireParameters => wishes.require_parameters && lacks(endpoint, profile.parameters),
            rule => policy.rules_out(*rule, model, endpoint),
        };
        FILTERS.into_iter().find(is_out)
    }

    /// Why neither the platform's account at an endpoint nor any of the tenant's own may serve, if so.
    fn excludes_accounts(&self, model: &Model, endpoint: &Endpoint) -> Option<Reason> {
        let reason = self.excludes_account(None, model, endpoint)?;
        let mut own = self.request.own.iter().filter(|own| serves(own, model, endpoint));
        own.all(|own| self.excludes_account(Some(own), model, endpoint).is_some()).then_some(reason)
    }

    /// Why an account at an endpoint, the platform's or one of the tenant's own, may not serve, if so: what is kept
    /// there, and where it is.
    pub(super) fn excludes_account(
        &self,
        own: Option<&Own<'_>>,
        model: &Model,
        endpoint: &Endpoint,
    ) -> Option<Reason> {
        let Request { preferences: wishes, policy, region, .. } = self.request;
        let declared = own.and_then(|own| own.declared_zero_data_retention);
        let keeps = !declared.unwrap_or(endpoint.zero_data_retention);
        // Where an endpoint is, no account changes.
        let place = endpoint.row.region.as_deref().or_else(|| own.and_then(|own| own.declared_region));
        let is_away = |region: &str| !place.is_some_and(|place| place.eq_ignore_ascii_case(region));
        if keeps && policy.needs_zdr(model) {
            return Some(Reason::AccountZeroDataRetention);
        }
        if !policy.allows_region(place) {
            return Some(Reason::AccountRegion);
        }
        if region.is_some_and(is_away) {
            return Some(Reason::Region);
        }
        (wishes.zero_data_retention && keeps).then_some(Reason::ZeroDataRetention)
    }

    fn is_too_dear(&self, endpoint: &Endpoint) -> bool {
        let cap = self.request.preferences.max_price;
        if cap == MaxPrice::default() {
            return false;
        }
        let Some(Offer { book, .. }) = endpoint.prices.at(self.minute) else { return false };
        let rates = if book.tiers.is_empty() {
            book.base
        } else {
            book.rates_for(self.request.profile.likely_prompt_tokens())
        };
        let markup = paid::markup(self.request.markups, endpoint);
        let above = |class, cap: Option<Cap>| cap.is_some_and(|cap| cap.is_passed(rates.rate(class), markup));
        above(Class::Input, cap.input)
            || above(Class::Output, cap.output)
            || above(Class::Request, cap.request)
            || above(Class::Image, cap.image)
            || above(Class::Picture, cap.image)
            || endpoint.inputs.contains(Modalities::AUDIO) && above(Class::AudioInput, cap.audio)
    }

    /// Where some endpoints of the model know a parameter and others do not, keeps those that do.
    pub(super) fn soft(&self, candidates: &mut Vec<usize>, excluded: &mut Excluded<'_>) {
        let names = self.catalogue.parameters();
        let wishes = [
            (names.set(["tools"]), Reason::Tools),
            (names.set(["response_format", "structured_outputs"]), Reason::ResponseFormat),
            (names.set(["verbosity"]), Reason::Verbosity),
        ];
        for (parameter, reason) in wishes {
            if !self.request.profile.parameters.intersects(parameter) {
                continue;
            }
            let knows = |at: &usize| {
                self.catalogue.endpoints().get(*at).is_some_and(|endpoint| {
                    endpoint.parameters.is_none_or(|takes| takes.intersects(parameter))
                        || reason == Reason::ResponseFormat && self.answers_by_tool(names, endpoint)
                })
            };
            if candidates.iter().any(knows) {
                candidates.retain(|at| {
                    let keeps = knows(at);
                    if !keeps {
                        excluded.push(*at, reason);
                    }
                    keeps
                });
            }
        }
    }

    /// Whether an endpoint keeps to a schema without taking one: its dialect then forces a tool of that shape,
    /// unless the client offers tools itself.
    fn answers_by_tool(&self, names: &Parameters, endpoint: &Endpoint) -> bool {
        matches!(endpoint.attempt.dialect.as_str(), "anthropic" | "vertex" | "bedrock")
            && !self.request.profile.parameters.intersects(names.set(["tools"]))
            && endpoint.parameters.is_some_and(|takes| takes.contains(names.set(["tools", "tool_choice"])))
    }
}

/// The filters of one endpoint, in the order in which they are asked.
const FILTERS: [Reason; 20] = [
    Reason::ServiceTier,
    Reason::ProviderNotAllowed,
    Reason::ProviderIgnored,
    Reason::AccountZeroDataRetention,
    Reason::AccountDataCollection,
    Reason::AccountRegion,
    Reason::Region,
    Reason::NotInOnly,
    Reason::Ignored,
    Reason::NotInOrder,
    Reason::ZeroDataRetention,
    Reason::DataCollection,
    Reason::Quantization,
    Reason::MaxPrice,
    Reason::Distillable,
    Reason::InputModality,
    Reason::OutputModality,
    Reason::ContextLength,
    Reason::MaxTokens,
    Reason::RequireParameters,
];

fn lacks(endpoint: &Endpoint, wanted: ParameterSet) -> bool {
    endpoint.parameters.is_some_and(|takes| !takes.contains(wanted))
}

/// Whether a list of slugs means a model: by its slug, its canonical slug, or its slug without the variant.
pub(super) fn is_listed(model: &Model, slugs: &[String]) -> bool {
    let (slug, canonical) = (model.slug(), model.row.canonical_slug.as_str());
    let stem = slug.split_once(':').map_or(slug, |(stem, _)| stem);
    slugs.iter().any(|listed| [slug, canonical, stem].contains(&listed.as_str()))
}

/// Whether a credential of the tenant's is for an endpoint.
pub(super) fn serves(own: &Own<'_>, model: &Model, endpoint: &Endpoint) -> bool {
    own.provider == endpoint.attempt.provider && (own.models.is_empty() || is_listed(model, own.models))
}

fn is_tag(name: &str, endpoint: &Endpoint) -> bool {
    endpoint.attempt.tag.eq_ignore_ascii_case(name)
}

/// Whether a routing slug means an endpoint: the whole tag or, unless the endpoint is of a class of service that
/// nobody `admitted`, the tag's base, or the provider's slug or name.
pub(super) fn is_named(name: &str, endpoint: &Endpoint, admitted: bool) -> bool {
    if is_tag(name, endpoint) {
        return true;
    }
    let attempt = &endpoint.attempt;
    let base = attempt.tag.split_once('/').map_or(attempt.tag.as_str(), |(base, _)| base);
    (endpoint.tier.is_none() || admitted)
        && [base, attempt.provider.as_str(), attempt.provider_name.as_str()]
            .into_iter()
            .any(|own| own.eq_ignore_ascii_case(name))
}

fn has_quantization(wanted: &[String], endpoint: &Endpoint) -> bool {
    let own = endpoint.row.quantization.as_deref().unwrap_or("unknown");
    wanted.iter().any(|wanted| {
        wanted == own
            || match wanted.as_str() {
                "fp4" => matches!(own, "mxfp4" | "nvfp4"),
                "fp8" => own == "mxfp8",
                _ => false,
            }
    })
}
