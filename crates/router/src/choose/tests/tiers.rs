//! Classes of service.

use super::*;
use crate::catalogue::Tier;

/// Two usual endpoints, one flex and two priority ones.
fn tiered() -> Catalogue {
    let mut rows = tables(&[
        ("a/m", "one", 4),
        ("a/m", "two", 5),
        ("a/m", "one/flex", 2),
        ("a/m", "one/priority", 8),
        ("a/m", "two/priority", 9),
        ("b/n", "one", 1),
    ]);
    for endpoint in &mut rows.endpoints {
        endpoint.service_tier = endpoint.tag.split('/').nth(1).map(str::to_owned);
    }
    build(rows)
}

fn speeds() -> Standings {
    let speed = |throughput| Standing { throughput, ..Standing::default() };
    Standings::from([
        (key(0), speed(20.0)),
        (key(1), speed(30.0)),
        (key(3), speed(40.0)),
        (key(4), speed(90.0)),
    ])
}

fn run(models: &[&str], tier: TierWish, preferences: Preferences<'_>) -> String {
    let models = names(models);
    let request = Request { models: &models, preferences, profile: text(), tier, ..Request::default() };
    attempts(&tiered(), &request, &speeds()).join(" ")
}

#[test]
fn other_classes_of_service_are_left_alone_unless_named() {
    let cheap = || Preferences { sort: Some(Sort::Price), ..wishes() };
    assert_eq!(run(&["a/m"], TierWish::Auto, cheap()), "one two");
    let base = names(&["one"]);
    assert_eq!(run(&["a/m"], TierWish::Auto, Preferences { only: &base, ..cheap() }), "one");
    let flex = names(&["one/flex"]);
    assert_eq!(run(&["a/m"], TierWish::Auto, Preferences { only: &flex, ..cheap() }), "one/flex");
    assert_eq!(run(&["a/m"], TierWish::Usual, Preferences { order: &flex, ..cheap() }), "one/flex one two");
    assert_eq!(run(&["a/m"], TierWish::Auto, Preferences { ignore: &base, ..cheap() }), "two");
}

#[test]
fn priority_goes_first_by_throughput_and_falls_back_to_the_usual() {
    let priority = TierWish::Only(Tier::Priority);
    assert_eq!(run(&["a/m"], priority, wishes()), "two/priority one/priority two one");
    let base = names(&["one"]);
    assert_eq!(run(&["a/m"], priority, Preferences { only: &base, ..wishes() }), "one/priority one");
    let order = Preferences { order: &base, sort: Some(Sort::Price), ..wishes() };
    assert_eq!(run(&["a/m"], priority, order), "one/priority one two/priority two");
}

#[test]
fn flex_has_no_fallback_unless_the_model_has_none() {
    let flex = TierWish::Only(Tier::Flex);
    assert_eq!(run(&["a/m"], flex, wishes()), "one/flex");
    assert_eq!(run(&["b/n"], flex, wishes()), "one");
    // Ruled out is not absent.
    let tag = names(&["one/flex"]);
    assert_eq!(run(&["a/m"], flex, Preferences { ignore: &tag, ..wishes() }), "");
}

#[test]
fn variants_let_their_class_in_unless_order_or_the_default_class_is_asked_for() {
    assert_eq!(run(&["a/m:floor"], TierWish::Auto, wishes()), "one/flex one two");
    assert_eq!(run(&["a/m:nitro"], TierWish::Auto, wishes()), "two/priority one/priority two one");
    assert_eq!(run(&["a/m:floor"], TierWish::Usual, wishes()), "one two");
    let order = names(&["two"]);
    assert_eq!(run(&["a/m:floor"], TierWish::Auto, Preferences { order: &order, ..wishes() }), "two one");
}

#[test]
fn tiers_are_read_as_clients_write_them() {
    assert_eq!(TierWish::named("fast"), TierWish::Only(Tier::Priority));
    assert_eq!(TierWish::named("default"), TierWish::Usual);
    for other in ["", "auto", "scale", "on_demand"] {
        assert_eq!(TierWish::named(other), TierWish::Auto);
    }
}
