//! What a name means: aliases, variants, the newest of a family.

use super::*;
use crate::catalogue::Tier;
use crate::choose::resolve::{Inputs, Wanted, models};

/// Two families, a free variant, an alias and canonical slugs.
fn catalogue() -> Catalogue {
    let offers = [
        ("a/m-1", "one", 1),
        ("a/m-2", "one", 2),
        ("a/m-3", "one", 3),
        ("a/m-2:free", "one", 0),
        ("b/n", "two", 5),
    ];
    let mut rows = tables(&offers);
    for (row, (created, family)) in rows.models.iter_mut().zip([
        (10, Some("m")),
        (20, Some("m")),
        (30, Some("m")),
        (40, Some("m")),
        (50, None),
    ]) {
        row.created = created;
        row.family = family.map(str::to_owned);
    }
    rows.models[1].canonical_slug = "a/m-2-20260101".to_owned();
    rows.models[2].disabled = true;
    rows.aliases.push(rows::Alias { alias: "a/second".to_owned(), model: "a/m-2".to_owned() });
    build(rows)
}

fn resolve<'a>(catalogue: &Catalogue, models_named: &'a [String], sort: Option<Sort>) -> Vec<Wanted<'a>> {
    let preferences = Preferences { sort, ..wishes() };
    let request = Request { models: models_named, preferences, profile: text(), ..Request::default() };
    let standings = Standings::new();
    let inputs = Inputs { catalogue, health: view(&standings), policy: POLICY, seed: 1, held_model: None };
    models(&request, inputs).map(|named| named.wanted).unwrap_or_default()
}

#[test]
fn every_way_of_naming_a_model_leads_to_it_and_says_how() {
    let catalogue = catalogue();
    for (name, slug, strategy) in [
        ("a/m-2", "a/m-2", "direct"),
        ("a/m-2-20260101", "a/m-2", "direct"),
        ("a/second", "a/m-2", "alias"),
        ("n", "b/n", "alias"),
        ("~a/m-latest", "a/m-2", "latest"),
        ("~a/m-latest:nitro", "a/m-2", "latest"),
        ("a/m-2:free", "a/m-2:free", "direct"),
        ("a/m-2:free:online", "a/m-2:free", "direct"),
        ("a/m-2:online:free", "a/m-2:free", "direct"),
        ("a/m-2:nitro:free:online", "a/m-2:free", "direct"),
        ("a/second:free", "a/m-2:free", "alias"),
        ("a/second:floor:free", "a/m-2:free", "alias"),
        ("~a/m-latest:free", "a/m-2:free", "latest"),
    ] {
        let asked = names(&[name]);
        let wanted = resolve(&catalogue, &asked, None);
        assert_eq!(wanted.len(), 1, "{name}");
        assert_eq!(catalogue.models()[wanted[0].model].slug(), slug, "{name}");
        assert_eq!(wanted[0].strategy(), strategy, "{name}");
        assert_eq!(wanted[0].name, name);
    }
    for name in ["~a/x-latest", "~b/n-latest", "a/m-2:turbo", "a/m-2:nitro:turbo", "a/m-2:", "", ":free"] {
        assert!(resolve(&catalogue, &names(&[name]), None).is_empty(), "{name}");
    }
}

#[test]
fn a_variant_sorts_and_lets_a_tier_in_and_an_explicit_sort_wins() {
    let catalogue = catalogue();
    for (name, sort, admits) in [
        ("b/n", None, None),
        ("b/n:nitro", Some(Sort::Throughput), Some(Tier::Priority)),
        ("b/n:floor", Some(Sort::Price), Some(Tier::Flex)),
        ("b/n:exacto", Some(Sort::Exacto), None),
        ("b/n:online", None, None),
        ("b/n:online:floor", Some(Sort::Price), Some(Tier::Flex)),
        ("b/n:floor:online", Some(Sort::Price), Some(Tier::Flex)),
        ("b/n:nitro:floor", Some(Sort::Price), Some(Tier::Flex)),
    ] {
        let asked = names(&[name]);
        let wanted = resolve(&catalogue, &asked, None);
        assert_eq!((wanted[0].sort, wanted[0].admits), (sort, admits), "{name}");
        let wanted = resolve(&catalogue, &asked, Some(Sort::Latency));
        assert_eq!((wanted[0].sort, wanted[0].admits), (Some(Sort::Latency), admits), "{name}");
    }
}

#[test]
fn an_explicit_order_lets_no_tier_in() {
    let catalogue = catalogue();
    let (asked, order) = (names(&["b/n:floor"]), names(&["two"]));
    let preferences = Preferences { order: &order, ..wishes() };
    let request = Request { models: &asked, preferences, profile: text(), ..Request::default() };
    let standings = Standings::new();
    let health = view(&standings);
    let inputs = Inputs { catalogue: &catalogue, health, policy: POLICY, seed: 1, held_model: None };
    assert_eq!(models(&request, inputs).unwrap().wanted[0].admits, None);
}

#[test]
fn a_later_name_that_serves_is_a_fallback_and_a_model_is_wanted_once() {
    let catalogue = catalogue();
    let asked = names(&["no/body", "a/m-1", "~a/m-latest", "a/second:nitro", "openrouter/free"]);
    let wanted = resolve(&catalogue, &asked, None);
    let told: Vec<(&str, &str)> =
        wanted.iter().map(|one| (catalogue.models()[one.model].slug(), one.strategy())).collect();
    assert_eq!(told, [("a/m-1", "fallback"), ("a/m-2", "fallback"), ("a/m-2:free", "fallback")]);
    let request = Request { models: &asked, preferences: wishes(), profile: text(), ..Request::default() };
    let plan = choose(&request, &catalogue, view(&Standings::new()), POLICY, 1).unwrap();
    assert_eq!((plan.name, plan.strategy), ("a/m-1", "fallback"));
    assert_eq!(excluded(&catalogue, &plan.exclusions), [("no/body".to_owned(), Reason::UnknownModel)]);
}
