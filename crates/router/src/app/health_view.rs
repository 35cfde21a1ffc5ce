//! The health of endpoints as operators see it: state, windows and, of one endpoint, how it came about.

use chrono::DateTime;
use rpc::router::DescribeHealthRequest;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::day;
use crate::catalogue::Endpoint;
use crate::health::{Cause, Change, Key, Quantiles, Report, Standing, State, Uptime};
use crate::service::{Inner, Loaded};

/// The state of an endpoint that is served as usual.
const HEALTHY: &str = "healthy";

/// The health of every endpoint that is asked for.
pub(crate) fn describe_health(inner: &Inner, loaded: &Loaded, request: &DescribeHealthRequest) -> Value {
    let now_ms = inner.clock.now_ms();
    let only = Uuid::parse_str(&request.endpoint_id).ok();
    let reports = inner.health.reports(only, now_ms);
    let endpoints: Vec<Value> = loaded
        .catalogue
        .endpoints()
        .iter()
        .filter(|one| names(request, one))
        .filter_map(|one| {
            let seen = reports.get(&one.key.endpoint).map_or(&[][..], Vec::as_slice);
            endpoint(inner, one, seen, request, now_ms)
        })
        .collect();
    json!({
        "catalogue_version": loaded.catalogue.version(),
        "at": time(now_ms),
        "endpoints": endpoints,
    })
}

/// Whether an endpoint is of those that the request names.
fn names(request: &DescribeHealthRequest, endpoint: &Endpoint) -> bool {
    let is = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
    is(&request.endpoint_id, &endpoint.attempt.endpoint_id)
        && is(&request.model, &endpoint.attempt.model)
        && is(&request.provider, &endpoint.attempt.provider)
}

fn endpoint(
    inner: &Inner,
    endpoint: &Endpoint,
    reports: &[(Key, Report)],
    request: &DescribeHealthRequest,
    now_ms: u64,
) -> Option<Value> {
    let is_platforms = |key: &Key| *key == endpoint.key;
    let of_platform = reports.iter().find(|(key, _)| is_platforms(key));
    // The platform's own credential speaks for the endpoint; a tenant's key concerns that tenant alone.
    let state = of_platform.map_or(HEALTHY, |(_, report)| state(&report.standing, now_ms));
    if (request.only_unwell && state == HEALTHY) || (!request.state.is_empty() && request.state != state) {
        return None;
    }
    let is_alone = !request.endpoint_id.is_empty();
    let credentials: Vec<Value> = reports
        .iter()
        .map(|(key, report)| {
            let mut told = credential(*key, report, is_platforms(key), now_ms);
            if is_alone {
                told.extend(story(inner, *key, report, now_ms));
            }
            Value::Object(told)
        })
        .collect();
    Some(json!({
        "endpoint_id": endpoint.attempt.endpoint_id,
        "model": endpoint.attempt.model,
        "provider": endpoint.attempt.provider,
        "tag": endpoint.attempt.tag,
        "usable": endpoint.unusable.is_none(),
        "state": state,
        "credentials": credentials,
    }))
}

/// What is told of an endpoint that is asked for alone: the changes of its state, and its last day.
fn story(inner: &Inner, key: Key, report: &Report, now_ms: u64) -> [(String, Value); 2] {
    let history = report.history.iter().map(|(at_ms, one)| change(*at_ms, *one)).collect();
    let mut day = day::frame(now_ms);
    day.insert("buckets".to_owned(), day::buckets(&inner.health.day(key, now_ms), true).into());
    [("history".to_owned(), history), ("day".to_owned(), day.into())]
}

fn credential(key: Key, report: &Report, is_platform: bool, now_ms: u64) -> Map<String, Value> {
    let standing = &report.standing;
    let until_ms = match standing.state {
        State::Ejected { until_ms } if until_ms > now_ms => Some(until_ms),
        State::Ejected { .. } | State::Closed | State::Recovering { .. } => None,
    };
    let is_half_open = until_ms.is_none() && matches!(standing.state, State::Ejected { .. });
    let display = &report.display;
    let [five, half_hour, day] = report.outcomes;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("credential_id", json!((!key.credential.is_nil()).then(|| key.credential.to_string())));
    put("is_platform", json!(is_platform));
    put("state", json!(state(standing, now_ms)));
    put("ejected_for_ms", json!(until_ms.map(|until_ms| until_ms - now_ms)));
    put("ejections_in_a_row", json!(report.ejections));
    put("next_probe_in_ms", json!(is_half_open.then(|| standing.next_probe_ms.saturating_sub(now_ms))));
    put("cooling_for_ms", json!(standing.cooling_until_ms.saturating_sub(now_ms)));
    put("outage", json!(standing.outage));
    put("uptime", json!(uptime(standing.uptime)));
    put(
        "windows",
        json!({
            "5m": window(five, display.uptime_5m),
            "30m": window(half_hour, display.uptime_30m),
            "1d": window(day, display.uptime_1d),
        }),
    );
    put("latency_ms", json!({ "5m": quantiles(report.latency), "30m": quantiles(display.latency_30m) }));
    put(
        "throughput",
        json!({
            "5m": quantiles(report.throughput),
            "30m": quantiles(display.throughput_30m),
        }),
    );
    put(
        "tools_2h",
        json!({
            "requests": standing.tool_requests,
            "error_rate": f64::from(standing.tool_error_rate),
        }),
    );
    put("last_seen", json!(time(report.last_seen_ms)));
    object
}

/// The word for a standing.
fn state(standing: &Standing, now_ms: u64) -> &'static str {
    match standing.state {
        State::Ejected { until_ms } if until_ms > now_ms => "ejected",
        State::Ejected { .. } => "half_open",
        State::Closed | State::Recovering { .. } if standing.cooling_until_ms > now_ms => "cooling",
        State::Recovering { .. } => "recovering",
        State::Closed => HEALTHY,
    }
}

const fn uptime(uptime: Uptime) -> &'static str {
    match uptime {
        Uptime::Good => "good",
        Uptime::Degraded => "degraded",
        Uptime::Poor => "poor",
    }
}

fn window((successes, faults, rate_limits): (u64, u64, u64), uptime: Option<f64>) -> Value {
    json!({
        "requests": successes.saturating_add(faults),
        "successes": successes,
        "faults": faults,
        "rate_limits": rate_limits,
        "uptime": uptime.map(rounded),
    })
}

pub(super) fn quantiles(quantiles: Option<Quantiles>) -> Value {
    let told = |at: f32| rounded(f64::from(at));
    quantiles.map_or(
        Value::Null,
        |at| json!({ "p50": told(at.p50), "p75": told(at.p75), "p90": told(at.p90), "p99": told(at.p99) }),
    )
}

fn change(at_ms: u64, change: Change) -> Value {
    let at = time(at_ms);
    match change {
        Change::Ejected { cause, until_ms } => {
            json!({ "at": at, "event": "ejected", "until": time(until_ms), "cause": why(cause) })
        }
        Change::ProbeFailed { times } => json!({ "at": at, "event": "probe_failed", "times": times }),
        Change::Recovering => json!({ "at": at, "event": "recovering" }),
        Change::Closed => json!({ "at": at, "event": "recovered" }),
        Change::Cooling { until_ms, times } => {
            json!({ "at": at, "event": "cooling", "until": time(until_ms), "times": times })
        }
    }
}

fn why(cause: Cause) -> String {
    match cause {
        Cause::InARow(faults) => format!("{faults} faults in a row"),
        Cause::Share { faults, attempts } => {
            format!("{faults} of {attempts} attempts failed within ten seconds")
        }
        Cause::Heard => "another router ejected it".to_owned(),
    }
}

/// To three decimals.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// RFC 3339, or nothing for what no calendar has.
pub(super) fn time(ms: u64) -> Option<String> {
    let moment = DateTime::from_timestamp_millis(i64::try_from(ms).ok()?)?;
    Some(moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}
