//! What an answer tells of how its request was routed, to a client that asks (`openrouter_metadata`).

use dialect::error::ErrorType;
use rpc::router::Attempt;
use rpc::worker::AttemptOutcome;
use serde_json::{Map, Value, json};

use super::job::Job;

/// The edge's account of the routing, completed by what became of it: `outcomes` are those of the attempts that
/// failed so far, `served` the one that goes on to answer. `None` when nobody asked.
pub(crate) fn told(job: &Job, outcomes: &[AttemptOutcome], served: Option<usize>) -> Option<Value> {
    if job.start.metadata_json.is_empty() {
        return None;
    }
    let mut told: Map<String, Value> = serde_json::from_str(&job.start.metadata_json)
        .inspect_err(|error| tracing::error!(%error, "what was to be told of the routing is malformed"))
        .ok()?;
    let served = served.and_then(|n| job.attempt(n));
    let mut attempts: Vec<Value> =
        outcomes.iter().filter(|outcome| outcome.outcome != "skipped").map(failed).collect();
    attempts.extend(served.map(|attempt| row(&attempt.provider_name, &attempt.model, 200)));
    let endpoints = endpoints(told.remove("endpoints"), job, served);
    let available = endpoints["available"].as_array().map_or(0, Vec::len);
    let selected = served.map(|attempt| format!(", selected={}", attempt.provider_name)).unwrap_or_default();
    told.entry("region").or_insert(Value::Null);
    told.insert("summary".to_owned(), format!("available={available}{selected}").into());
    told.insert("attempt".to_owned(), attempts.len().into());
    told.insert("is_byok".to_owned(), served.is_some_and(|attempt| attempt.is_byok).into());
    told.insert("endpoints".to_owned(), endpoints);
    if !attempts.is_empty() {
        told.insert("attempts".to_owned(), attempts.into());
    }
    Some(Value::Object(told))
}

/// An attempt that did not serve; where no answer came at all, with the status that says so.
fn failed(outcome: &AttemptOutcome) -> Value {
    let status = match (outcome.status, ErrorType::named(&outcome.error_type)) {
        (0, Some(error_type)) => u32::from(error_type.status()),
        (status, _) => status,
    };
    row(&outcome.provider_name, &outcome.model, status)
}

fn row(provider: &str, model: &str, status: u32) -> Value {
    json!({ "provider": provider, "model": model, "status": status })
}

/// The endpoints that there were to choose from, the one that serves marked; those of the plan where the edge
/// names none. Of several that read alike the first is marked.
fn endpoints(named: Option<Value>, job: &Job, served: Option<&Attempt>) -> Value {
    let mut endpoints = match named {
        Some(Value::Object(members)) if members.get("available").is_some_and(Value::is_array) => members,
        _ => planned(job),
    };
    let Some(Value::Array(available)) = endpoints.get_mut("available") else { return json!(endpoints) };
    let is_served = |row: &Value| {
        served
            .is_some_and(|attempt| row["provider"] == attempt.provider_name && row["model"] == attempt.model)
    };
    let selected = available.iter().position(is_served);
    for (at, row) in available.iter_mut().enumerate() {
        if let Value::Object(members) = row {
            members.insert("selected".to_owned(), (Some(at) == selected).into());
        }
    }
    let count = available.len();
    endpoints.entry("total").or_insert_with(|| count.into());
    Value::Object(endpoints)
}

fn planned(job: &Job) -> Map<String, Value> {
    let attempts = job.start.attempts.iter();
    let available =
        attempts.map(|attempt| json!({"provider": attempt.provider_name, "model": attempt.model}));
    Map::from_iter([("available".to_owned(), Value::Array(available.collect()))])
}
