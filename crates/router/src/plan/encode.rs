//! A plan as the edge reads it.

use rpc::Markups;
use rpc::router::{Attempt, Exclusion, PlanRequest, PlanResponse};

use crate::catalogue::{Catalogue, minute_of_week};
use crate::choose::{self, Pick, Plan, Subject};

/// Writes a plan, but for what only an explanation says.
pub(super) fn response(
    plan: &Plan<'_>,
    sent: &PlanRequest,
    catalogue: &Catalogue,
    now_ms: u64,
) -> PlanResponse {
    let minute = minute_of_week(now_ms);
    let mut attempts: Vec<Attempt> =
        plan.attempts.iter().filter_map(|pick| attempt(*pick, sent, catalogue, minute)).collect();
    if let Some(first) = attempts.first_mut() {
        first.probe = plan.is_probe;
    }
    let told = if sent.explain { plan.exclusions.as_slice() } else { &[] };
    PlanResponse {
        attempts,
        exclusions: told.iter().map(|excluded| exclusion(excluded, catalogue)).collect(),
        catalogue_version: catalogue.version(),
        order: plan.order.to_owned(),
        strategy: plan.strategy.to_owned(),
        name: plan.name.to_owned(),
        ..PlanResponse::default()
    }
}

fn attempt(pick: Pick, sent: &PlanRequest, catalogue: &Catalogue, minute: u16) -> Option<Attempt> {
    let endpoint = catalogue.endpoints().get(pick.endpoint)?;
    let price = endpoint.prices.at(minute).map(|offer| offer.version.clone());
    let mut attempt = Attempt { price, ..endpoint.attempt.clone() };
    let markups = Markups::new(sent.markup_basis_points, &sent.markup_overrides);
    attempt.markup_basis_points = markups.at(&attempt.provider, &attempt.model).basis_points();
    if let Some(own) = pick.own.and_then(|n| sent.own.get(n)) {
        attempt.is_byok = true;
        attempt.credential_id.clone_from(&own.credential_id);
        // A simulator is never shown a real credential.
        attempt.sealed_credential = if attempt.simulated { bytes::Bytes::new() } else { own.sealed.clone() };
    }
    Some(attempt)
}

fn exclusion(excluded: &choose::Exclusion<'_>, catalogue: &Catalogue) -> Exclusion {
    let reason = excluded.reason.name().to_owned();
    let endpoint = match excluded.subject {
        Subject::Name(name) => return Exclusion { model: name.to_owned(), reason, ..Exclusion::default() },
        Subject::Endpoint(at) => catalogue.endpoints().get(at),
    };
    let Some(endpoint) = endpoint else { return Exclusion { reason, ..Exclusion::default() } };
    Exclusion {
        endpoint_id: endpoint.attempt.endpoint_id.clone(),
        provider: endpoint.attempt.provider.clone(),
        model: endpoint.attempt.model.clone(),
        reason,
    }
}
