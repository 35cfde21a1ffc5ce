//! The last day of an endpoint by quarters of an hour, as callers and operators are told it.

use serde_json::{Map, Value, json};

use super::health_view::{rounded, time};
use crate::health::{Span, Stretch};

/// The day that ends with the running quarter of an hour: `from`, `to`, and the seconds of a bucket.
pub(super) fn frame(now_ms: u64) -> Map<String, Value> {
    let width_ms = Span::Quarters.width_ms();
    let to_ms = (now_ms / width_ms + 1) * width_ms;
    let from_ms = to_ms.saturating_sub(Span::Quarters.length() * width_ms);
    Map::from_iter([
        ("from".to_owned(), json!(time(from_ms))),
        ("to".to_owned(), json!(time(to_ms))),
        ("bucket_seconds".to_owned(), json!(width_ms / 1_000)),
    ])
}

/// The buckets that anything fell into. How many attempts there were and how fast they went is for those who may be
/// told; others see `null`.
pub(super) fn buckets(day: &[Stretch], is_told_all: bool) -> Vec<Value> {
    let count = |count: u64| is_told_all.then_some(count);
    let speed = |figure: Option<f32>| figure.filter(|_| is_told_all).map(|figure| rounded(figure.into()));
    let bucket = |one: &Stretch| {
        json!({
            "at": time(one.from_ms),
            "uptime": one.uptime().map(rounded),
            "successes": count(one.successes),
            "faults": count(one.faults),
            "rate_limits": count(one.rate_limits),
            "latency_p50": speed(one.pace.latency_p50),
            "latency_p90": speed(one.pace.latency_p90),
            "throughput_p50": speed(one.pace.throughput_p50),
        })
    };
    day.iter().map(bucket).collect()
}
