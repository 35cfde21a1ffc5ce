//! `Plan`: the request as the choice reads it, the choice, and the plan as the edge reads it.

mod decode;
mod encode;

use rpc::Fault;
use rpc::router::{PlanRequest, PlanResponse};

use crate::catalogue::Catalogue;
use crate::choose::{Plan, Policy, Request, choose, explanation, metadata};
use crate::health::{Health, View};
use crate::sticky::Sticky;

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

/// A plan as the edge reads it, and whether its first attempt is a probe.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) response: PlanResponse,
    pub(crate) is_probe: bool,
}

impl Desk<'_> {
    /// Chooses attempts for a request.
    ///
    /// # Errors
    /// [`Fault`] for a request that means nothing, and where there is nothing to try.
    pub(crate) fn plan(&self, sent: &PlanRequest) -> Result<Planned, Fault> {
        let request = decode::request(sent, self.catalogue, self.sticky)?;
        let standings = self.health.standings();
        let view = View {
            standings: &standings,
            now_ms: self.now_ms,
            regain_ms: self.health.config().regain_ms,
            // Who executes nothing claims nothing.
            probes: !sent.dry_run,
        };
        let mut plan = choose(&request, self.catalogue, view, self.policy, sent.seed)?;
        if plan.is_probe && !self.claims_probe(&plan, &request) {
            let view = View { probes: false, ..view };
            plan = choose(&request, self.catalogue, view, self.policy, sent.seed)?;
        }
        tracing::debug!(
            request.id = sent.generation_id,
            attempts = plan.attempts.len(),
            excluded = plan.excluded,
            strategy = plan.strategy,
            order = plan.order,
            "planned"
        );
        let is_probe = plan.is_probe;
        let mut response = encode::response(&plan, sent, self.catalogue, self.now_ms);
        if request.explain {
            response.metadata_json = metadata(&plan, self.catalogue, sent.markup_basis_points);
            response.explanation_json =
                explanation(&plan, &request, self.catalogue, view, self.policy, sent.seed);
        }
        Ok(Planned { response, is_probe })
    }

    /// Takes the right to send the first attempt as a probe.
    fn claims_probe(&self, plan: &Plan<'_>, request: &Request<'_>) -> bool {
        let first = plan.attempts.first();
        let endpoint = first.and_then(|pick| self.catalogue.endpoints().get(pick.endpoint));
        let key = first.zip(endpoint).map(|(pick, endpoint)| pick.key(endpoint, &request.own));
        key.is_some_and(|key| self.health.claim_probe(key, self.now_ms))
    }
}
