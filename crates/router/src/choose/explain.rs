//! A choice told to people: what was considered, and why each endpoint is where it is.

use pricing::{Markup, Rate};
use rpc::Markups;
use serde_json::{Map, Value, json};

use super::order::{Candidate, Draw};
use super::resolve::Wanted;
use super::{Pick, Plan, Policy, Reason, Request, Subject, paid};
use crate::catalogue::{Catalogue, Endpoint, minute_of_week};
use crate::health::{State, View};

/// What a plan does not say by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Account<'a> {
    names: Vec<Name<'a>>,
    /// Everything that passed the filters, in order, beyond the plan's end too.
    available: Vec<Candidate>,
    draws: Vec<Draw>,
}

/// What a name led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name<'a> {
    name: &'a str,
    /// Index in the catalogue.
    model: usize,
    via: &'static str,
}

impl<'a> Account<'a> {
    pub(super) fn of(wanted: &[Wanted<'a>], available: &[Candidate], draws: Vec<Draw>) -> Self {
        let name =
            |wanted: &Wanted<'a>| Name { name: wanted.name, model: wanted.model, via: wanted.via.name() };
        Self { names: wanted.iter().map(name).collect(), available: available.to_vec(), draws }
    }
}

/// What the client is told of a plan, as JSON: `{"total", "available": [{"provider", "model"}]}`, and what a
/// router model went by as `params`. Empty where the request did not ask for it. `markups` are the caller's.
#[must_use]
pub fn metadata(plan: &Plan<'_>, catalogue: &Catalogue, markups: Markups<'_>) -> String {
    let Some(account) = &plan.account else { return String::new() };
    let told = |candidate: &Candidate| {
        let attempt = &catalogue.endpoints().get(candidate.pick.endpoint)?.attempt;
        Some(json!({ "provider": attempt.provider_name, "model": attempt.model }))
    };
    let available: Vec<Value> = account.available.iter().filter_map(told).collect();
    let mut told = json!({ "total": available.len(), "available": available });
    if let Some(routed) = plan.routed_first(catalogue) {
        told["params"] = routed.params(catalogue, markups);
    }
    told.to_string()
}

/// The whole account of a choice, as JSON. Empty where the request did not ask for it.
#[must_use]
pub fn explanation(
    plan: &Plan<'_>,
    request: &Request<'_>,
    catalogue: &Catalogue,
    health: View<'_>,
    policy: Policy<'_>,
    seed: u64,
) -> String {
    let Some(account) = &plan.account else { return String::new() };
    let teller = Teller { plan, request, catalogue, health };
    let held = request.held.map(|held| {
        json!({ "endpoint_id": held.endpoint.to_string(), "credential_id": credential(held.credential) })
    });
    json!({
        // Beyond what every reader of JSON holds exactly.
        "seed": seed.to_string(),
        "catalogue_version": catalogue.version(),
        "now_ms": health.now_ms,
        "policy": { "max_attempts": policy.max_attempts },
        "strategy": plan.strategy,
        "order": plan.order,
        "names": teller.names(account),
        "routers": plan.routed.iter().map(|routed| routed.params(catalogue, request.markups)).collect::<Vec<_>>(),
        "held": held,
        "draws": account.draws.iter().map(|draw| teller.draw(draw)).collect::<Vec<_>>(),
        "endpoints": teller.endpoints(account),
    })
    .to_string()
}

struct Teller<'t, 'a> {
    plan: &'t Plan<'a>,
    request: &'t Request<'a>,
    catalogue: &'t Catalogue,
    health: View<'t>,
}

impl Teller<'_, '_> {
    fn names(&self, account: &Account<'_>) -> Vec<Value> {
        let known = account.names.iter().map(|name| {
            let model = self.catalogue.models().get(name.model).map(|model| model.slug());
            json!({ "name": name.name, "model": model, "via": name.via })
        });
        let unknown = self.plan.exclusions.iter().filter_map(|exclusion| match exclusion.subject {
            Subject::Name(name) => Some(json!({ "name": name, "reason": exclusion.reason.name() })),
            Subject::Endpoint(_) => None,
        });
        known.chain(unknown).collect()
    }

    /// First what may serve, in order, then what may not.
    fn endpoints(&self, account: &Account<'_>) -> Vec<Value> {
        let available = account.available.iter().filter_map(|candidate| self.available(candidate));
        let is_cut = |reason| matches!(reason, Reason::PlanFull | Reason::NoFallbacks);
        let excluded = self.plan.exclusions.iter().filter_map(|exclusion| match exclusion.subject {
            Subject::Endpoint(at) if !is_cut(exclusion.reason) => {
                let pick = Pick { endpoint: at, own: None, wanted: 0, is_probe: false };
                let mut told = self.endpoint(pick)?;
                told.insert("reason".to_owned(), exclusion.reason.name().into());
                Some(Value::Object(told))
            }
            _ => None,
        });
        available.chain(excluded).collect()
    }

    fn available(&self, candidate: &Candidate) -> Option<Value> {
        let mut told = self.endpoint(candidate.pick)?;
        let position = self.plan.attempts.iter().position(|pick| *pick == candidate.pick);
        told.insert("rank".to_owned(), candidate.rank.name().into());
        told.insert("tool_calling".to_owned(), candidate.tools().name().into());
        told.insert("is_held".to_owned(), candidate.is_held().into());
        told.insert("misses_threshold".to_owned(), candidate.misses().into());
        match position {
            Some(position) => {
                told.insert("selected".to_owned(), true.into());
                told.insert("position".to_owned(), (position + 1).into());
            }
            None => {
                let is_single = !self.request.preferences.allow_fallbacks;
                let reason = if is_single { Reason::NoFallbacks } else { Reason::PlanFull };
                told.insert("reason".to_owned(), reason.name().into());
            }
        }
        Some(Value::Object(told))
    }

    /// What there is to say of every endpoint.
    fn endpoint(&self, pick: Pick) -> Option<Map<String, Value>> {
        let endpoint = self.catalogue.endpoints().get(pick.endpoint)?;
        let key = pick.key(endpoint, &self.request.own);
        let standing = self.health.standing(key);
        let state = match standing.state {
            State::Closed if standing.cooling_until_ms > self.health.now_ms => "cooling",
            State::Closed => "closed",
            State::Ejected { until_ms } if until_ms <= self.health.now_ms => "half_open",
            State::Ejected { .. } => "ejected",
            State::Recovering { .. } => "recovering",
        };
        // With the tenant's own credential it is the list price, which the tenant pays the provider.
        let markup =
            if pick.own.is_some() { Markup::NONE } else { paid::markup(self.request.markups, endpoint) };
        let told = json!({
            "id": endpoint.attempt.endpoint_id,
            "provider": endpoint.attempt.provider,
            "tag": endpoint.attempt.tag,
            "model": endpoint.attempt.model,
            "credential_id": credential(key.credential),
            "is_byok": pick.own.is_some(),
            "price_per_million": self.price(endpoint, markup),
            "markup_basis_points": pick.own.is_none().then(|| markup.basis_points()),
            "state": state,
            "latency_ms": standing.latency_ms.round(),
            "throughput": standing.throughput.round(),
            "selected": false,
        });
        match told {
            Value::Object(told) => Some(told),
            _ => None,
        }
    }

    /// The blended price with a markup, in USD per million tokens; `None` where there is none.
    fn price(&self, endpoint: &Endpoint, markup: Markup) -> Option<String> {
        let offer = endpoint.prices.at(minute_of_week(self.health.now_ms))?;
        let picos = offer.blended.at(self.request.profile.likely_prompt_tokens());
        let million = i64::try_from(picos).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        Some(Rate::from_picos(million).with_markup(markup).to_string())
    }

    fn draw(&self, draw: &Draw) -> Value {
        let total: f64 = draw.weights.iter().map(|(_, weight)| weight).sum();
        let id = |pick: &Pick| self.catalogue.endpoints().get(pick.endpoint).map(|one| one.id.to_string());
        let shares: Vec<Value> = draw
            .weights
            .iter()
            .map(|(pick, weight)| json!({ "id": id(pick), "weight": weight, "share": weight / total }))
            .collect();
        json!({ "drawn": draw.weights.get(draw.drawn).map(|(pick, _)| id(pick)), "shares": shares })
    }
}

/// `None` for the nil UUID.
fn credential(id: uuid::Uuid) -> Option<String> {
    (!id.is_nil()).then(|| id.to_string())
}
