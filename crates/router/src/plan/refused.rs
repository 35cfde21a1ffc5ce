//! A refusal told to people: what stood in the way of each endpoint.

use rpc::Fault;
use rpc::router::{PlanRequest, PlanResponse};
use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::choose::{Exclusion, Refusal, Subject};

/// An answer without attempts whose explanation tells of the refusal, as `{"refused": {"status", "message",
/// "availability"}, "endpoints": [..]}` beside the members that every explanation has.
pub(super) fn response(
    refusal: Refusal<'_>,
    sent: &PlanRequest,
    catalogue: &Catalogue,
    now_ms: u64,
) -> PlanResponse {
    let exclusions = match &refusal {
        Refusal::NothingLeft { exclusions, .. } => exclusions.as_slice(),
        _ => &[],
    };
    let endpoints: Vec<Value> = exclusions.iter().filter_map(|one| endpoint(one, catalogue)).collect();
    let names: Vec<Value> = exclusions.iter().filter_map(name).collect();
    let fault = Fault::from(refusal);
    let availability: Option<Value> =
        fault.availability.as_deref().and_then(|json| serde_json::from_str(json).ok());
    let told = json!({
        "seed": sent.seed.to_string(),
        "catalogue_version": catalogue.version(),
        "now_ms": now_ms,
        "refused": { "status": fault.status, "message": fault.message, "availability": availability },
        "names": names,
        "endpoints": endpoints,
    });
    PlanResponse {
        catalogue_version: catalogue.version(),
        explanation_json: told.to_string(),
        ..PlanResponse::default()
    }
}

fn endpoint(exclusion: &Exclusion<'_>, catalogue: &Catalogue) -> Option<Value> {
    let Subject::Endpoint(at) = exclusion.subject else { return None };
    let attempt = &catalogue.endpoints().get(at)?.attempt;
    Some(json!({
        "id": attempt.endpoint_id,
        "provider": attempt.provider,
        "tag": attempt.tag,
        "model": attempt.model,
        "selected": false,
        "reason": exclusion.reason.name(),
    }))
}

fn name(exclusion: &Exclusion<'_>) -> Option<Value> {
    let Subject::Name(name) = exclusion.subject else { return None };
    Some(json!({ "name": name, "reason": exclusion.reason.name() }))
}
