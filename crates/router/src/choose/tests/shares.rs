//! Who goes first how often, over ten thousand plans.

use std::collections::HashMap;

use super::*;

const PLANS: u64 = 10_000;

/// How often each tag goes first.
fn firsts(catalogue: &Catalogue, profile: Profile, standings: &Standings, salt: u64) -> HashMap<String, f64> {
    let models = names(&["a/m"]);
    let request = Request { models: &models, preferences: wishes(), profile, ..Request::default() };
    let mut firsts = HashMap::new();
    for plan in 0..PLANS {
        // Seeds as edges send them: no two alike, none near another.
        let seed = mix(salt ^ mix(plan));
        let plan = choose(&request, catalogue, view(standings), POLICY, seed).unwrap();
        *firsts.entry(tags(catalogue, &plan).remove(0)).or_default() += 1.0;
    }
    firsts
}

/// Pearson's statistic of what was counted against shares that sum to one.
fn chi_square(counted: &HashMap<String, f64>, weights: &[(&str, f64)]) -> f64 {
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    weights
        .iter()
        .map(|(tag, weight)| {
            let expected = 10_000.0 * weight / total;
            let counted = counted.get(*tag).copied().unwrap_or_default();
            (counted - expected).powi(2) / expected
        })
        .sum()
}

/// What a statistic of four classes stays below in 999 of 1,000 runs.
const BOUND_OF_FOUR: f64 = 16.27;

#[test]
fn first_choices_fall_by_the_inverse_square_of_the_price() {
    let catalogue =
        build(tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("a/m", "three", 3), ("a/m", "five", 5)]));
    let weights = [("one", 1.0), ("two", 1.0 / 4.0), ("three", 1.0 / 9.0), ("five", 1.0 / 25.0)];
    for salt in 0..5 {
        let counted = firsts(&catalogue, text(), &Standings::new(), salt);
        let statistic = chi_square(&counted, &weights);
        assert!(statistic < BOUND_OF_FOUR, "{statistic} with salt {salt}: {counted:?}");
    }
}

#[test]
fn equal_prices_share_equally_and_tools_change_nothing_while_nothing_is_known_of_them() {
    let catalogue =
        build(tables(&[("a/m", "one", 2), ("a/m", "two", 2), ("a/m", "three", 2), ("a/m", "five", 2)]));
    let weights = [("one", 1.0), ("two", 1.0), ("three", 1.0), ("five", 1.0)];
    let with_tools = Profile { parameters: catalogue.parameters().set(["tools"]), ..text() };
    for profile in [text(), with_tools] {
        let statistic = chi_square(&firsts(&catalogue, profile, &Standings::new(), 77), &weights);
        assert!(statistic < BOUND_OF_FOUR, "{statistic}");
    }
}

#[test]
fn an_unstable_endpoint_never_goes_first_while_a_stable_one_exists() {
    let catalogue =
        build(tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("a/m", "three", 3), ("a/m", "five", 5)]));
    let out = Standing { outage: true, ..Standing::default() };
    let standings = Standings::from([(key(0), out), (key(1), out)]);
    let counted = firsts(&catalogue, text(), &standings, 3);
    assert_eq!((counted.get("one"), counted.get("two")), (None, None));
    // The others share as if they were alone: 25 to 9. One degree of freedom, 999 of 1,000.
    let statistic = chi_square(&counted, &[("three", 1.0 / 9.0), ("five", 1.0 / 25.0)]);
    assert!(statistic < 10.83, "{statistic}: {counted:?}");
    // Where all are out, the cheapest is still the likeliest.
    let all = (0..4).map(|at| (key(at), out)).collect();
    let counted = firsts(&catalogue, text(), &all, 4);
    assert!(counted["one"] > counted["two"] && counted["two"] > counted["five"], "{counted:?}");
}
