//! What a request that asks for it is told of its routing, in the public shape of `openrouter_metadata`.

use rpc::router::PlanResponse;
use serde_json::{Map, Value, json};

use super::Denied;
use crate::execution::Request;

/// What is known before the first attempt, as a JSON object for whoever writes the answer: `requested`,
/// `strategy`, `region`, `endpoints` and, of a router model, `params`. Empty when it was not asked for.
pub(super) fn planned(request: &Request, plan: &PlanResponse) -> String {
    if !request.wants_metadata {
        return String::new();
    }
    let mut told: Map<String, Value> = serde_json::from_str(&plan.metadata_json).unwrap_or_default();
    let params = told.remove("params").filter(|params| !params.is_null());
    let endpoints = told.remove("endpoints").unwrap_or(Value::Object(told));
    let mut metadata = head(request, &plan.strategy);
    metadata.insert("endpoints".to_owned(), endpoints);
    if let Some(params) = params {
        metadata.insert("params".to_owned(), params);
    }
    Value::Object(metadata).to_string()
}

/// What goes beside the error of a request for which the router found no plan. Nothing where nothing was
/// routed: when a part of the platform is away or broken, or when it was not the router that refused.
pub(crate) fn refused(request: &Request, denied: &Denied) -> Option<Value> {
    let Denied::NoPlan(fault) = denied else { return None };
    let is_the_routers = fault.availability.is_some() || (400..500).contains(&fault.status);
    if !request.wants_metadata || !is_the_routers {
        return None;
    }
    let mut metadata = head(request, "");
    let rest = json!({
        "summary": "available=0", "attempt": 0, "is_byok": false,
        "endpoints": {"total": 0, "available": []}, "attempts": []
    });
    if let Value::Object(rest) = rest {
        metadata.extend(rest);
    }
    Some(Value::Object(metadata))
}

/// The strategy of a plan that says none is that of a model named as it is.
fn head(request: &Request, strategy: &str) -> Map<String, Value> {
    let requested = request.requested.as_ref().or(request.peek.models.first()).map_or("", String::as_str);
    let strategy = if strategy.is_empty() { "direct" } else { strategy };
    let region = Some(request.region.as_str()).filter(|region| !region.is_empty());
    Map::from_iter([
        ("requested".to_owned(), requested.into()),
        ("strategy".to_owned(), strategy.into()),
        ("region".to_owned(), region.into()),
    ])
}
