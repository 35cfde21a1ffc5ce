//! What a choice says of itself.

use serde_json::Value;

use super::*;

fn told(request: &Request<'_>, catalogue: &Catalogue, standings: &Standings) -> (Value, Value) {
    let plan = choose(request, catalogue, view(standings), POLICY, 7).unwrap();
    let parse = |text: String| serde_json::from_str(&text).unwrap();
    let whole = explanation(&plan, request, catalogue, view(standings), POLICY, 7);
    (parse(metadata(&plan, catalogue, Markups::default())), parse(whole))
}

#[test]
fn every_endpoint_is_told_of_with_its_place_or_the_reason() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("a/m", "three", 3), ("b/n", "one", 4)]);
    rows.models[1].canonical_slug = "b/once".to_owned();
    let catalogue = build(rows);
    let (models, ignore) = (names(&["a/m", "nobody/knows", "b/once"]), names(&["two"]));
    let request = Request {
        models: &models,
        preferences: Preferences { ignore: &ignore, ..wishes() },
        profile: text(),
        own: vec![Own {
            credential: Uuid::from_u128(10),
            provider: "three",
            is_exclusive: true,
            ..Own::default()
        }],
        explain: true,
        ..Request::default()
    };
    let ejected = Standing { state: State::Ejected { until_ms: NOW + 1 }, ..Standing::default() };
    let (metadata, whole) = told(&request, &catalogue, &Standings::from([(key(0), ejected)]));
    assert_eq!(metadata["total"], 3);
    assert_eq!(metadata["available"][0], serde_json::json!({ "provider": "THREE", "model": "a/m" }));
    let endpoints = whole["endpoints"].as_array().unwrap();
    let line = |endpoint: &Value| {
        let place = endpoint.get("position").map_or_else(|| endpoint["reason"].to_string(), Value::to_string);
        format!("{} {place}", endpoint["tag"].as_str().unwrap())
    };
    let lines: Vec<String> = endpoints.iter().map(line).collect();
    assert_eq!(lines, ["three 1", "one 2", "one 3", "two \"ignored\"", "three \"own_key_only\""]);
    assert_eq!((&endpoints[0]["is_byok"], &endpoints[0]["price_per_million"]), (&true.into(), &"3".into()));
    assert_eq!((&endpoints[2]["rank"], &endpoints[2]["state"]), (&"ejected".into(), &"ejected".into()));
    assert_eq!((&whole["seed"], &whole["catalogue_version"]), (&"7".into(), &7.into()));
    assert_eq!((&whole["strategy"], &whole["order"]), (&"direct".into(), &"default".into()));
    let names = whole["names"].as_array().unwrap();
    assert_eq!((&names[1]["via"], &names[2]["reason"]), (&"direct".into(), &"unknown_model".into()));
}

#[test]
fn a_draw_is_told_with_its_shares() {
    let models = names(&["a/m"]);
    let request = Request {
        models: &models,
        preferences: wishes(),
        profile: text(),
        explain: true,
        ..Request::default()
    };
    let (_, whole) = told(&request, &three(), &Standings::new());
    let draw = &whole["draws"][0];
    let shares: Vec<f64> =
        draw["shares"].as_array().unwrap().iter().map(|one| one["share"].as_f64().unwrap()).collect();
    assert!((shares[0] - 36.0 / 49.0).abs() < 1e-9 && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    assert_eq!(draw["drawn"], whole["endpoints"][0]["id"]);
}

#[test]
fn nothing_is_written_down_unless_asked_and_the_strategy_is_always_told() {
    let models = names(&["x/y", "a/m"]);
    let catalogue = build(tables(&[("x/y", "one", 1), ("a/m", "two", 2)]));
    let ignore = names(&["one"]);
    let preferences = Preferences { ignore: &ignore, ..wishes() };
    let request = Request { models: &models, preferences, profile: text(), ..Request::default() };
    let plan = choose(&request, &catalogue, view(&Standings::new()), POLICY, 1).unwrap();
    assert_eq!((plan.exclusions.len(), plan.excluded, &plan.account), (0, 1, &None));
    assert_eq!((plan.strategy, plan.name), ("fallback", "a/m"));
    assert_eq!(metadata(&plan, &catalogue, Markups::default()), "");
    assert_eq!(explanation(&plan, &request, &catalogue, view(&Standings::new()), POLICY, 1), "");
}
