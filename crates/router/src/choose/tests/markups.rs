//! Markups that differ from endpoint to endpoint: what a caller pays decides, not what a provider asks.

use super::*;

fn request<'a>(
    models: &'a [String],
    preferences: Preferences<'a>,
    (usual, overrides): (i32, &'a [MarkupOverride]),
) -> Request<'a> {
    Request {
        models,
        preferences,
        profile: text(),
        markups: Markups::new(usual, overrides),
        ..Request::default()
    }
}

#[test]
fn a_sort_by_price_is_by_what_the_caller_pays() {
    let (catalogue, models) = (three(), names(&["a/m"]));
    // $2.20, $2.00 and $3.00.
    let overrides = [over("one", "", 12_000), over("", "a/m", 0)];
    let sorted = Preferences { sort: Some(Sort::Price), ..wishes() };
    let at = |markups| attempts(&catalogue, &request(&models, sorted.clone(), markups), &Standings::new());
    assert_eq!(at((0, &overrides)), ["two", "one", "three"]);
    assert_eq!(at((5_000, &[])), ["one", "two", "three"]);
}

#[test]
fn a_price_cap_is_of_what_the_caller_pays() {
    let (catalogue, models) = (three(), names(&["a/m"]));
    let capped = |picos| Preferences {
        max_price: MaxPrice { input: Some(cap(picos)), ..MaxPrice::default() },
        sort: Some(Sort::Price),
        ..wishes()
    };
    let overrides = [over("one", "", 20_000)];
    let at =
        |picos, markups| attempts(&catalogue, &request(&models, capped(picos), markups), &Standings::new());
    assert_eq!(at(2_200_000, (1_000, &overrides)), ["two"]);
    assert_eq!(at(2_199_999, (1_000, &overrides)), Vec::<String>::new());
    assert_eq!(at(3_000_000, (1_000, &overrides)), ["two", "one"]);
    assert_eq!(at(1_100_000, (1_000, &[])), ["one"]);
}

#[test]
fn the_first_is_drawn_by_what_the_caller_pays() {
    let (catalogue, models) = (three(), names(&["a/m"]));
    // $3.00 each.
    let overrides = [over("one", "", 20_000), over("two", "", 5_000)];
    let share = |markups: (i32, &[MarkupOverride])| {
        let firsts = (0..3_000).filter(|seed| {
            let request = request(&models, wishes(), markups);
            let plan = choose(&request, &catalogue, view(&Standings::new()), POLICY, mix(*seed)).unwrap();
            tags(&catalogue, &plan)[0] == "one"
        });
        firsts.count()
    };
    // A third, and 36 in 49; six standard deviations on either side.
    let (even, usual) = (share((0, &overrides)), share((2_000, &[])));
    assert!((845..=1_155).contains(&even), "{even}");
    assert!((2_059..=2_350).contains(&usual), "{usual}");
}

#[test]
fn routers_weigh_models_by_what_the_caller_pays() {
    let catalogue = build(tables(&[("a/one", "acme", 1), ("a/two", "acme", 2), ("a/three", "other", 3)]));
    let chosen = |name: &str, plugins: &str, overrides: &[MarkupOverride]| {
        let models = names(&[name]);
        let plugins = Plugins::read(plugins).unwrap();
        let request = Request { plugins, explain: true, ..request(&models, wishes(), (0, overrides)) };
        let plan = choose(&request, &catalogue, view(&Standings::new()), POLICY, 1).unwrap();
        let told: serde_json::Value =
            serde_json::from_str(&metadata(&plan, &catalogue, request.markups)).unwrap();
        let chosen = told["params"]["chosen"].as_array().unwrap().clone();
        chosen
            .iter()
            .map(|one| format!("{} {}", one["model"].as_str().unwrap(), one["price"]))
            .collect::<Vec<_>>()
    };
    let overrides = [over("acme", "a/one", 30_000), over("acme", "", 10_000)];
    let listed = ["a/one 1.0", "a/two 2.0", "a/three 3.0"];
    let paid = ["a/three 3.0", "a/one 4.0", "a/two 4.0"];
    assert_eq!(chosen("patchbay/cheapest", "", &[]), listed);
    assert_eq!(chosen("patchbay/cheapest", "", &overrides), paid);
    let capped = r#"[{"id":"pareto-router","max_price":3.5}]"#;
    assert_eq!(chosen("openrouter/pareto", capped, &overrides), ["a/three 3.0"]);
}

#[test]
fn an_explanation_names_the_price_and_the_markup() {
    let (catalogue, models) = (three(), names(&["a/m"]));
    let overrides = [over("one", "", 500)];
    let own = Own { credential: Uuid::from_u128(9), provider: "two", ..Own::default() };
    let request = Request {
        explain: true,
        own: vec![own],
        ..request(&models, Preferences { sort: Some(Sort::Price), ..wishes() }, (1_000, &overrides))
    };
    let standings = Standings::new();
    let plan = choose(&request, &catalogue, view(&standings), POLICY, 1).unwrap();
    let told = explanation(&plan, &request, &catalogue, view(&standings), POLICY, 1);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let prices: Vec<(&str, Option<i64>)> = told["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["price_per_million"].as_str().unwrap(), one["markup_basis_points"].as_i64()))
        .collect();
    assert_eq!(prices, [("2", None), ("1.05", Some(500)), ("2.2", Some(1_000)), ("3.3", Some(1_000))]);
}
