//! `Plan`: the request as the choice reads it, the choice, and the plan as the edge reads it.

mod decode;
mod encode;
mod refused;

use std::sync::Arc;

use arc_swap::Guard;
use rpc::Fault;
use rpc::router::{PlanRequest, PlanResponse};

use crate::catalogue::Catalogue;
use crate::choose::{
    BadPlugin, Held, Own, Pick, Plan, Policy, Refusal, Request, Subject, choose, explanation, metadata,
};
use crate::health::{Health, Key, Standings, View};
use crate::sticky::{Conversation, Sticky};

/// Everything that plans are made from, at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) health: &'a Health,
    pub(crate) sticky: &'a Sticky,
    /// Unix milliseconds.
    pub(crate) now_ms: u64,
    pub(crate) policy: Policy<'a>,
}

/// What a plan is made from beside its request, the catalogue and the policy.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) standings: Guard<Arc<Standings>>,
    /// What the conversation was served by last.
    pub(crate) held: Option<Held>,
    /// Unix milliseconds.
    pub(crate) now_ms: u64,
    pub(crate) regain_ms: u64,
    /// Whether a probe could be sent.
    pub(crate) probes: bool,
}

impl Seen {
    fn view(&self) -> View<'_> {
        let (now_ms, regain_ms, probes) = (self.now_ms, self.regain_ms, self.probes);
        View { standings: &self.standings, now_ms, regain_ms, probes }
    }
}

/// A plan as the edge reads it, and as it was chosen.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) response: PlanResponse,
    /// Whether the first attempt is a probe.
    pub(crate) is_probe: bool,
    pub(crate) picks: Vec<Pick>,
    pub(crate) order: &'static str,
    pub(crate) strategy: &'static str,
    /// What is wrong with default plugins that the plan was made without.
    pub(crate) left_out: Vec<BadPlugin>,
}

impl Desk<'_> {
    /// What a plan for this request is made from, now.
    pub(crate) fn see(&self, sent: &PlanRequest) -> Seen {
        let conversation = Conversation::from_key(&sent.sticky_key);
        Seen {
            standings: self.health.standings(),
            held: conversation.and_then(|one| sent.models.iter().find_map(|name| self.sticky.get(one, name))),
            now_ms: self.now_ms,
            regain_ms: self.health.config().regain_ms,
            // Who executes nothing claims nothing.
            probes: !sent.dry_run,
        }
    }

    /// Chooses attempts for a request. What was seen loses its probes where another plan has the probe.
    ///
    /// # Errors
    /// [`Fault`] for a request that means nothing, and where there is nothing to try.
    pub(crate) fn plan(&self, sent: &PlanRequest, seen: &mut Seen) -> Result<Planned, Fault> {
        let (request, left_out) = decode::request(sent, self.catalogue, seen.held)?;
        let first = choose(&request, self.catalogue, seen.view(), self.policy, sent.seed);
        let mut plan = match first {
            Err(refusal) if sent.dry_run && sent.explain => {
                let response = refused::response(refusal, sent, self.catalogue, self.now_ms);
                let (picks, order, strategy) = (Vec::new(), "", "");
                return Ok(Planned { response, is_probe: false, picks, order, strategy, left_out });
            }
            outcome => outcome?,
        };
        if plan.is_probe && !self.claims_probe(&plan, &request) {
            seen.probes = false;
            plan = choose(&request, self.catalogue, seen.view(), self.policy, sent.seed)?;
        }
        tracing::debug!(
            request.id = sent.generation_id,
            attempts = plan.attempts.len(),
            excluded = plan.excluded,
            strategy = plan.strategy,
            order = plan.order,
            "planned"
        );
        let planned = planned(plan, &request, sent, self.catalogue, seen.view(), self.policy);
        Ok(Planned { left_out, ..planned })
    }

    /// Takes the right to send the first attempt as a probe.
    fn claims_probe(&self, plan: &Plan<'_>, request: &Request<'_>) -> bool {
        let first = plan.attempts.first();
        let endpoint = first.and_then(|pick| self.catalogue.endpoints().get(pick.endpoint));
        let key = first.zip(endpoint).map(|(pick, endpoint)| pick.key(endpoint, &request.own));
        key.is_some_and(|key| self.health.claim_probe(key, self.now_ms))
    }
}

fn planned(
    plan: Plan<'_>,
    request: &Request<'_>,
    sent: &PlanRequest,
    catalogue: &Catalogue,
    view: View<'_>,
    policy: Policy<'_>,
) -> Planned {
    let mut response = encode::response(&plan, sent, catalogue, view.now_ms);
    if request.explain {
        response.metadata_json = metadata(&plan, catalogue, request.markups);
        response.explanation_json = explanation(&plan, request, catalogue, view, policy, sent.seed);
    }
    let Plan { is_probe, order, strategy, attempts: picks, .. } = plan;
    Planned { response, is_probe, picks, order, strategy, left_out: Vec::new() }
}

/// Makes a plan from what was seen some time ago: remembers nothing and claims nothing.
///
/// # Errors
/// As [`Desk::plan`].
pub(crate) fn again(
    sent: &PlanRequest,
    catalogue: &Catalogue,
    (held, view): (Option<Held>, View<'_>),
    policy: Policy<'_>,
) -> Result<Planned, Fault> {
    let (request, _) = decode::request(sent, catalogue, held)?;
    match choose(&request, catalogue, view, policy, sent.seed) {
        Ok(plan) => Ok(planned(plan, &request, sent, catalogue, view, policy)),
        Err(refusal) if sent.dry_run && sent.explain => Ok(Planned {
            response: refused::response(refusal, sent, catalogue, view.now_ms),
            is_probe: false,
            picks: Vec::new(),
            order: "",
            strategy: "",
            left_out: Vec::new(),
        }),
        Err(refusal) => Err(refusal.into()),
    }
}

/// What health is kept under of every endpoint that a choice considered.
pub(crate) fn considered(
    sent: &PlanRequest,
    catalogue: &Catalogue,
    (held, view): (Option<Held>, View<'_>),
    policy: Policy<'_>,
) -> Vec<Key> {
    let Ok((mut request, _)) = decode::request(sent, catalogue, held) else { return Vec::new() };
    request.explain = true;
    let (picks, exclusions) = match choose(&request, catalogue, view, policy, sent.seed) {
        Ok(plan) => (plan.attempts, plan.exclusions),
        Err(Refusal::NothingLeft { exclusions, .. }) => (Vec::new(), exclusions),
        Err(_) => return Vec::new(),
    };
    let excluded = exclusions.iter().filter_map(|exclusion| match exclusion.subject {
        Subject::Endpoint(at) => Some(at),
        Subject::Name(_) => None,
    });
    let mut keys: Vec<Key> = picks
        .iter()
        .map(|pick| pick.endpoint)
        .chain(excluded)
        .flat_map(|at| keys(at, catalogue, &request.own))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// An endpoint as reached with the platform's credential and with each of the tenant's own.
fn keys(endpoint: usize, catalogue: &Catalogue, own: &[Own<'_>]) -> Vec<Key> {
    let Some(endpoint) = catalogue.endpoints().get(endpoint) else { return Vec::new() };
    let of_provider = own.iter().filter(|own| own.provider == endpoint.attempt.provider);
    let own = of_provider.map(|own| Key { credential: own.credential, ..endpoint.key });
    std::iter::once(endpoint.key).chain(own).collect()
}
