//! Conversations stay where their prompt is cached.

use super::*;

/// Three endpoints, of which all but the last read prompts from a cache for less.
fn caching() -> Catalogue {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("a/m", "three", 3), ("b/n", "one", 1)]);
    for price in &mut rows.prices[..2] {
        price.book["base"]["cache_read"] = 100_000.into();
    }
    build(rows)
}

fn run(held: usize, preferences: Preferences<'_>, standings: &Standings) -> String {
    let models = names(&["a/m"]);
    let held = Some(Held { endpoint: endpoint_id(held), credential: Uuid::nil() });
    let request = Request { models: &models, preferences, profile: text(), held, ..Request::default() };
    attempts(&caching(), &request, standings).join(" ")
}

fn by_price<'a>() -> Preferences<'a> {
    Preferences { sort: Some(Sort::Price), ..wishes() }
}

#[test]
fn the_endpoint_that_holds_the_conversation_goes_first_and_the_next_best_follows() {
    assert_eq!(run(1, wishes(), &Standings::new()), "two one three");
    assert_eq!(run(1, by_price(), &Standings::new()), "two one three");
    let out = Standings::from([(key(1), Standing { outage: true, ..Standing::default() })]);
    assert_eq!(run(1, by_price(), &out), "two one three");
}

#[test]
fn nothing_is_held_without_a_cheaper_cache_or_against_an_order() {
    assert_eq!(run(2, by_price(), &Standings::new()), "one two three");
    let order = names(&["one"]);
    assert_eq!(run(1, Preferences { order: &order, ..by_price() }, &Standings::new()), "one two three");
}

#[test]
fn what_is_ruled_out_ejected_or_cooling_holds_nothing() {
    let ignore = names(&["two"]);
    assert_eq!(run(1, Preferences { ignore: &ignore, ..by_price() }, &Standings::new()), "one three");
    let ejected = Standing { state: State::Ejected { until_ms: NOW + 1 }, ..Standing::default() };
    assert_eq!(run(1, by_price(), &Standings::from([(key(1), ejected)])), "one three two");
    let cooling = Standing { cooling_until_ms: NOW + 1, ..Standing::default() };
    assert_eq!(run(1, by_price(), &Standings::from([(key(1), cooling)])), "one three two");
}

#[test]
fn a_held_model_is_known_by_its_endpoint() {
    let catalogue = caching();
    let held = |at| Held { endpoint: endpoint_id(at), credential: Uuid::nil() };
    assert_eq!(held(3).model(&catalogue), catalogue.find("b/n"));
    assert_eq!(held(99).model(&catalogue), None);
}

#[test]
fn another_credential_holds_another_cache() {
    let models = names(&["a/m"]);
    let held = Some(Held { endpoint: endpoint_id(1), credential: Uuid::from_u128(10) });
    let request =
        Request { models: &models, preferences: by_price(), profile: text(), held, ..Request::default() };
    assert_eq!(attempts(&caching(), &request, &Standings::new()), ["one", "two", "three"]);
}
