//! The tenant's own credentials.

use super::*;

fn own(place: u128, provider: &str) -> Own<'_> {
    Own { credential: Uuid::from_u128(place), provider, ..Own::default() }
}

fn run(
    catalogue: &Catalogue,
    own: Vec<Own<'_>>,
    preferences: Preferences<'_>,
    standings: &Standings,
) -> String {
    let models = names(&["a/m"]);
    let request = Request { models: &models, preferences, profile: text(), own, ..Request::default() };
    attempts(catalogue, &request, standings).join(" ")
}

fn by_price<'a>() -> Preferences<'a> {
    Preferences { sort: Some(Sort::Price), ..wishes() }
}

#[test]
fn own_keys_go_first_in_their_order_and_fallback_keys_last() {
    let keys = || vec![own(10, "three"), own(11, "one"), Own { is_fallback: true, ..own(12, "one") }];
    assert_eq!(run(&three(), keys(), by_price(), &Standings::new()), "three#0 one#1 one two three one#2");
    // Even against `order`, which says who of each goes first.
    let order = names(&["two", "one"]);
    let ordered = Preferences { order: &order, ..wishes() };
    assert_eq!(run(&three(), keys(), ordered, &Standings::new()), "one#1 three#0 two one three one#2");
}

#[test]
fn a_key_that_is_always_used_keeps_its_provider_to_itself() {
    let keys = vec![Own { is_exclusive: true, is_fallback: true, ..own(10, "one") }];
    assert_eq!(run(&three(), keys, by_price(), &Standings::new()), "two three one#0");
}

#[test]
fn a_key_serves_its_models_and_its_provider_alone() {
    let (mine, other) = (names(&["a/m"]), names(&["b/n"]));
    let keys = vec![Own { models: &other, ..own(10, "one") }, Own { models: &mine, ..own(11, "two") }];
    assert_eq!(run(&three(), keys, by_price(), &Standings::new()), "two#1 one two three");
}

#[test]
fn policies_apply_before_a_key_is_used() {
    let ignore = names(&["one"]);
    let keys = || vec![own(10, "one")];
    assert_eq!(
        run(&three(), keys(), Preferences { ignore: &ignore, ..by_price() }, &Standings::new()),
        "two three"
    );
}

#[test]
fn a_key_reaches_what_the_platform_cannot() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two", 2)]);
    rows.providers[0].credential_required = true;
    let catalogue = build(rows);
    assert_eq!(run(&catalogue, Vec::new(), by_price(), &Standings::new()), "two");
    assert_eq!(run(&catalogue, vec![own(10, "one")], by_price(), &Standings::new()), "one#0 two");
}

#[test]
fn a_failing_key_gives_way_and_takes_nobody_with_it() {
    let ejected = Standing { state: State::Ejected { until_ms: NOW + 1 }, ..Standing::default() };
    let mine = Key { credential: Uuid::from_u128(10), ..key(0) };
    let standings = Standings::from([(mine, ejected)]);
    assert_eq!(run(&three(), vec![own(10, "one")], by_price(), &standings), "one two three one#0");
    let platform = Standings::from([(key(0), ejected)]);
    assert_eq!(run(&three(), vec![own(10, "one")], by_price(), &platform), "one#0 two three one");
}

#[test]
fn the_platforms_first_is_drawn_behind_own_keys_too() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "two", 1)]));
    let models = names(&["a/m"]);
    let request = Request {
        models: &models,
        preferences: wishes(),
        profile: text(),
        own: vec![own(10, "one")],
        ..Request::default()
    };
    let seconds = (0..200).filter(|seed| {
        let plan = choose(&request, &catalogue, view(&Standings::new()), POLICY, mix(*seed)).unwrap();
        assert_eq!(plan.attempts[0].own, Some(0));
        tags(&catalogue, &plan)[1] == "two"
    });
    assert!((60..140).contains(&seconds.count()));
}

#[test]
fn a_key_may_keep_its_provider_for_every_model() {
    let other = names(&["b/n"]);
    let keys = |is_provider_exclusive| {
        vec![Own { is_exclusive: true, is_provider_exclusive, models: &other, ..own(10, "one") }]
    };
    assert_eq!(run(&three(), keys(false), by_price(), &Standings::new()), "one two three");
    assert_eq!(run(&three(), keys(true), by_price(), &Standings::new()), "two three");
}

#[test]
fn what_is_said_of_an_account_goes_before_what_is_known_of_the_endpoint() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two", 2)]);
    rows.providers[1].zero_data_retention = true;
    let catalogue = build(rows);
    let keys = |one, two| {
        let declares = |declared_zero_data_retention, own| Own { declared_zero_data_retention, ..own };
        vec![declares(one, own(10, "one")), declares(two, own(11, "two"))]
    };
    let zdr = || Preferences { zero_data_retention: true, ..by_price() };
    let plan = |one, two| run(&catalogue, keys(one, two), zdr(), &Standings::new());
    assert_eq!(plan(None, None), "two#1 two");
    assert_eq!(plan(Some(true), None), "one#0 two#1 two");
    assert_eq!(plan(Some(true), Some(false)), "one#0 two");
    // Without such a wish both serve.
    assert_eq!(
        run(&catalogue, keys(Some(false), None), by_price(), &Standings::new()),
        "one#0 two#1 one two"
    );
}

#[test]
fn an_account_stays_in_the_region_that_is_said_of_it() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("a/m", "three", 3)]);
    rows.endpoints[1].region = Some("us".to_owned());
    rows.endpoints[2].region = Some("eu".to_owned());
    let catalogue = build(rows);
    let models = names(&["a/m"]);
    let request = Request {
        models: &models,
        preferences: by_price(),
        profile: text(),
        region: Some("eu"),
        own: vec![
            Own { declared_region: Some("eu"), ..own(10, "one") },
            // Its endpoint is elsewhere, whatever is said.
            Own { declared_region: Some("eu"), ..own(11, "two") },
        ],
        ..Request::default()
    };
    assert_eq!(attempts(&catalogue, &request, &Standings::new()).join(" "), "one#0 three");
}
