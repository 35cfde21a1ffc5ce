//! What a request that asks for it is told of its routing, in the public shape of `openrouter_metadata`.

use rpc::router::PlanResponse;
use serde_json::{Map, Value, json};

use super::Denied;
use crate::execution::Request;

/// What is known before the first attempt, as a JSON object for whoever writes the answer: `requested`,
/// `strategy`, `region`, `endpoints` and, where there is any, `params` of a router model and the guardrails'
/// `pipeline`. Empty when it was not asked for.
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
    put_pipeline(&mut metadata, &request.pipeline);
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
    Some(unrouted(head(request, ""), &request.pipeline))
}

/// What goes beside the error of a request that a guardrail refused before anything was planned.
pub(crate) fn blocked(requested: &str, region: &str, pipeline: &[Value]) -> Value {
    unrouted(named(requested, region, ""), pipeline)
}

/// Nothing was tried.
fn unrouted(mut metadata: Map<String, Value>, pipeline: &[Value]) -> Value {
    let rest = json!({
        "summary": "available=0", "attempt": 0, "is_byok": false,
        "endpoints": {"total": 0, "available": []}, "attempts": []
    });
    if let Value::Object(rest) = rest {
        metadata.extend(rest);
    }
    put_pipeline(&mut metadata, pipeline);
    Value::Object(metadata)
}

fn put_pipeline(metadata: &mut Map<String, Value>, pipeline: &[Value]) {
    if !pipeline.is_empty() {
        metadata.insert("pipeline".to_owned(), pipeline.into());
    }
}

fn head(request: &Request, strategy: &str) -> Map<String, Value> {
    let requested = request.requested.as_ref().or(request.peek.models.first()).map_or("", String::as_str);
    named(requested, &request.region, strategy)
}

/// The strategy of a plan that says none is that of a model named as it is.
fn named(requested: &str, region: &str, strategy: &str) -> Map<String, Value> {
    let strategy = if strategy.is_empty() { "direct" } else { strategy };
    let region = Some(region).filter(|region| !region.is_empty());
    Map::from_iter([
        ("requested".to_owned(), requested.into()),
        ("strategy".to_owned(), strategy.into()),
        ("region".to_owned(), region.into()),
    ])
}
