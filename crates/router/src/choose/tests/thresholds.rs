//! What an endpoint should reach.

use super::*;
use crate::health::Quantiles;

fn run(models: &[&str], preferences: Preferences<'_>, standings: &Standings) -> String {
    let models = names(models);
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("b/n", "three", 3)]));
    let request = Request { models: &models, preferences, profile: text(), ..Request::default() };
    attempts(&catalogue, &request, standings).join(" ")
}

fn at_least(p50: f64) -> Thresholds {
    Thresholds { min_throughput: Cutoffs { p50: Some(p50), ..Cutoffs::default() }, ..Thresholds::default() }
}

#[test]
fn a_miss_goes_last_and_is_never_left_out() {
    let slow = Standings::from([(key(0), Standing { throughput: 10.0, ..Standing::default() })]);
    let fast = |sort| Preferences { thresholds: at_least(40.0), sort, ..wishes() };
    assert_eq!(run(&["a/m"], fast(None), &slow), "two one");
    assert_eq!(run(&["a/m"], fast(Some(Sort::Price)), &slow), "two one");
    let impossible = Preferences { thresholds: at_least(1e9), sort: Some(Sort::Price), ..wishes() };
    assert_eq!(run(&["a/m"], impossible, &slow), "one two");
}

#[test]
fn misses_stay_with_their_model_unless_all_are_sorted_together() {
    let slow = Standing { throughput: 10.0, ..Standing::default() };
    let slow = Standings::from([(key(0), slow), (key(1), slow)]);
    let wish = |across| Preferences {
        thresholds: at_least(40.0),
        sort: Some(Sort::Price),
        sorts_across_models: across,
        ..wishes()
    };
    assert_eq!(run(&["a/m", "b/n"], wish(false), &slow), "one two three");
    assert_eq!(run(&["a/m", "b/n"], wish(true), &slow), "three one two");
}

#[test]
fn every_share_that_is_named_must_hold() {
    let latency = Quantiles { p50: 400.0, p75: 900.0, p90: 2_000.0, p99: 9_000.0 };
    let throughput_at = Quantiles { p50: 90.0, p75: 60.0, p90: 30.0, p99: 5.0 };
    let standing =
        Standing { latency: Some(latency), throughput_at: Some(throughput_at), ..Standing::default() };
    let within = |p50, p90| {
        let max_latency = Cutoffs { p50, p90, ..Cutoffs::default() };
        Thresholds { max_latency, ..Thresholds::default() }.are_met(&standing)
    };
    assert!(within(Some(0.4), None) && within(Some(0.4), Some(2.0)));
    assert!(!within(Some(0.4), Some(1.9)) && !within(Some(0.3), Some(2.0)));
    let reaches = |p90| {
        let min_throughput = Cutoffs { p90: Some(p90), ..Cutoffs::default() };
        Thresholds { min_throughput, ..Thresholds::default() }.are_met(&standing)
    };
    assert!(reaches(30.0) && !reaches(31.0));
    // Of what nobody has seen enough, the estimate of the middle stands for all shares.
    let unseen = Standing { latency_ms: 700.0, ..Standing::default() };
    let max_latency = Cutoffs { p99: Some(0.7), ..Cutoffs::default() };
    assert!(Thresholds { max_latency, ..Thresholds::default() }.are_met(&unseen));
}
