//! Who calls tools well.

use super::*;

fn five() -> Catalogue {
    build(tables(&[
        ("a/m", "one", 1),
        ("a/m", "two", 2),
        ("a/m", "three", 3),
        ("a/m", "four", 4),
        ("a/m", "five", 5),
    ]))
}

fn judged(tool_error_rate: f32, throughput: f64) -> Standing {
    Standing { requests_30m: 500, tool_requests: 500, tool_error_rate, throughput, ..Standing::default() }
}

fn run(
    catalogue: &Catalogue,
    name: &str,
    with_tools: bool,
    standings: &Standings,
    seed: u64,
) -> (String, &'static str) {
    let tools = catalogue.parameters().set(["tools"]);
    let parameters = if with_tools { tools } else { Default::default() };
    let (tags, _, order) =
        super::run(catalogue, &[name], wishes(), Profile { parameters, ..text() }, standings, seed);
    (tags.join(" "), order)
}

#[test]
fn a_bad_caller_of_tools_goes_behind_on_requests_with_tools_alone() {
    let catalogue = five();
    let mut standings: Standings = (1..5).map(|at| (key(at), judged(0.01, 50.0))).collect();
    standings.insert(key(0), judged(0.5, 50.0));
    let mut led = 0;
    for seed in 0..200 {
        let (tags, order) = run(&catalogue, "a/m", true, &standings, mix(seed));
        assert!(tags.ends_with(" one") && order == "exacto", "{tags} {order}");
        let (tags, order) = run(&catalogue, "a/m", false, &standings, mix(seed));
        assert_eq!(order, "default");
        led += u32::from(tags.starts_with("one"));
        // A sort that is asked for wins.
        assert_eq!(run(&catalogue, "a/m:floor", true, &standings, mix(seed)).0, "one two three four five");
    }
    assert!(led > 100, "{led}");
}

#[test]
fn a_slow_one_goes_behind_too_and_the_unknown_go_between() {
    let catalogue = five();
    let mut standings: Standings = (1..5).map(|at| (key(at), judged(0.01, 50.0))).collect();
    standings.insert(key(1), judged(0.01, 5.0));
    for seed in 0..50 {
        let (tags, _) = run(&catalogue, "a/m", true, &standings, mix(seed));
        assert!(tags.ends_with("one two"), "{tags}");
    }
}

#[test]
fn three_providers_are_too_few_to_compare() {
    let catalogue = five();
    let standings: Standings =
        [(0, 0.9), (1, 0.0), (2, 0.0)].map(|(at, rate)| (key(at), judged(rate, 50.0))).into();
    let first = |seed: &u64| run(&catalogue, "a/m", true, &standings, mix(*seed)).0.starts_with("one");
    assert!((0..100).filter(first).count() > 40);
}

#[test]
fn asked_for_it_puts_the_best_first_every_time() {
    let catalogue = five();
    let standings: Standings =
        (0..5).map(|at| (key(at), judged([0.03, 0.02, 0.01, 0.02, 0.03][at], 50.0))).collect();
    for seed in 0..20 {
        let (tags, order) = run(&catalogue, "a/m:exacto", false, &standings, seed);
        assert_eq!((tags.as_str(), order), ("three two four one five", "exacto"));
    }
}
