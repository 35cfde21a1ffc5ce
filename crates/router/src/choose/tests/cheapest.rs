//! `patchbay/cheapest` against a reference that looks at everything, and what no router ever picks.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// An offer as the reference knows it: nothing of it has been through a catalogue.
#[derive(Debug, Clone)]
struct Made {
    model: usize,
    tools: bool,
    schemas: bool,
    reasons: bool,
    sees: bool,
    context: u64,
    output: u64,
    /// USD per million tokens of either kind: usually, beyond a thousand prompt tokens, and in a window of the
    /// day that `NOW` may be in.
    price: i64,
    long_price: Option<i64>,
    window_price: Option<(bool, i64)>,
    disabled: bool,
    gone: bool,
    keeps_data: bool,
}

#[derive(Debug)]
struct Asked {
    tools: bool,
    schemas: bool,
    sees: bool,
    body_bytes: u64,
    max_tokens: Option<u64>,
    zero_data_retention: bool,
    max_price: Option<i64>,
    require: Vec<&'static str>,
    min_context_length: u64,
    min_output_length: u64,
    allowed: Vec<&'static str>,
    excluded: Vec<&'static str>,
}

const SLUGS: [&str; 20] = [
    "a/one",
    "a/two",
    "b/three",
    "b/four",
    "b/four:free",
    "c/five",
    "c/six",
    "d/seven",
    "e/eight",
    "e/nine",
    "e/ten",
    "f/eleven",
    "f/twelve",
    "f/thirteen",
    "g/fourteen",
    "g/fifteen",
    "g/sixteen",
    "h/seventeen",
    "h/eighteen",
    "h/nineteen",
];
/// `NOW` is at 22:13 UTC.
const NIGHT: (&str, &str) = ("2200", "2300");
const DAY: (&str, &str) = ("0800", "1700");

fn made() -> impl Strategy<Value = Made> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let sizes =
        (prop::sample::select(vec![1_500, 4_000, 8_000, 100_000]), prop::sample::select(vec![500, 4_000]));
    let prices = (0_i64..12, prop::option::of(0_i64..12), prop::option::of((any::<bool>(), 0_i64..12)));
    let state = (prop::bool::weighted(0.1), prop::bool::weighted(0.1), any::<bool>());
    (0..SLUGS.len(), flags, sizes, prices, state).prop_map(|(model, flags, sizes, prices, state)| Made {
        model,
        tools: flags.0,
        schemas: flags.1,
        reasons: flags.2,
        sees: flags.3,
        context: sizes.0,
        output: sizes.1,
        price: prices.0,
        long_price: prices.1,
        window_price: prices.2,
        disabled: state.0,
        gone: state.1,
        keeps_data: state.2,
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let capabilities = vec!["tools", "structured_outputs", "reasoning", "vision"];
    let patterns = || {
        prop_oneof![
            3 => Just(Vec::new()),
            1 => prop::sample::subsequence(vec!["a/*", "b/*", "*:free", "*five", "d/seven"], 1..3),
        ]
    };
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let sizes = (prop::sample::select(vec![400_u64, 3_000, 8_000, 40_000]), prop::option::of(400_u64..600));
    let limits = (prop::sample::select(vec![0_u64, 8_000]), prop::sample::select(vec![0_u64, 1_000]));
    let lists = (prop::sample::subsequence(capabilities, 0..3), patterns(), patterns());
    (flags, sizes, prop::option::of(0_i64..12), limits, lists).prop_map(
        |(flags, sizes, max_price, limits, lists)| Asked {
            tools: flags.0 && flags.1,
            schemas: flags.1 && flags.2,
            sees: flags.2 && flags.3,
            zero_data_retention: flags.3 && flags.0,
            body_bytes: sizes.0,
            max_tokens: sizes.1,
            max_price,
            require: lists.0,
            min_context_length: limits.0,
            min_output_length: limits.1,
            allowed: lists.1,
            excluded: lists.2,
        },
    )
}

/// A catalogue of offers. What an offer can see is its model's, so the first offer of a model decides it.
fn catalogue(offers: &mut [Made]) -> Catalogue {
    let mut sees: BTreeMap<usize, bool> = BTreeMap::new();
    for offer in offers.iter_mut() {
        offer.sees = *sees.entry(offer.model).or_insert(offer.sees);
    }
    let tags: Vec<String> = (0..offers.len()).map(|at| format!("p{at}")).collect();
    let listed: Vec<Offer<'_>> =
        offers.iter().zip(&tags).map(|(offer, tag)| (SLUGS[offer.model], &**tag, offer.price)).collect();
    let mut rows = tables(&listed);
    for (at, offer) in offers.iter().enumerate() {
        let row = &mut rows.endpoints[at];
        let names =
            [(offer.tools, "tools"), (offer.schemas, "structured_outputs"), (offer.reasons, "reasoning")];
        let takes = names.into_iter().filter(|(takes, _)| *takes).map(|(_, name)| name.to_owned());
        row.supported_parameters = Some(takes.chain(["max_tokens".to_owned()]).collect());
        (row.context_length, row.max_output) = (offer.context, Some(offer.output));
        row.disabled = offer.disabled;
        row.deprecation_date = offer.gone.then(|| "2023-11-13".to_owned());
        row.zero_data_retention = Some(!offer.keeps_data);
        let rates = |price: i64| json!({ "input": price * 1_000_000, "output": price * 1_000_000 });
        let book = &mut rows.prices[at].book;
        if let Some(price) = offer.long_price {
            let mut tier = rates(price);
            tier["above_prompt_tokens"] = json!(1_000);
            book["tiers"] = json!([tier]);
        }
        if let Some((is_now, price)) = offer.window_price {
            let (start, end) = if is_now { NIGHT } else { DAY };
            let tiers = book["tiers"].clone();
            book["windows"] =
                json!([{ "utc_start": start, "utc_end": end, "base": rates(price), "tiers": tiers }]);
        }
    }
    for row in &mut rows.models {
        let model = SLUGS.iter().position(|slug| *slug == row.slug).unwrap();
        if sees[&model] {
            row.input_modalities.push("image".to_owned());
        }
    }
    build(rows)
}

/// The price of an offer at `NOW` for a request, in USD per million tokens.
fn price(offer: &Made, asked: &Asked) -> i64 {
    // With images inside, a body's bytes say nothing of its length in tokens.
    let tokens = if asked.sees { 0 } else { asked.body_bytes / 4 };
    match (offer.long_price, offer.window_price) {
        (Some(price), _) if tokens > 1_000 => price,
        (_, Some((true, price))) => price,
        _ => offer.price,
    }
}

fn can_serve(offer: &Made, asked: &Asked) -> bool {
    let requires = |name: &str| asked.require.contains(&name);
    let tokens = if asked.sees { 1 } else { asked.body_bytes / 4 };
    let context = (tokens * 5).div_ceil(4) + asked.max_tokens.unwrap_or(1_000);
    !offer.disabled
        && !offer.gone
        && (offer.tools || !asked.tools && !requires("tools"))
        && (offer.schemas || !asked.schemas && !requires("structured_outputs"))
        && (offer.reasons || !requires("reasoning"))
        && (offer.sees || !asked.sees && !requires("vision"))
        && offer.context >= context.max(asked.min_context_length)
        && offer.output >= asked.max_tokens.unwrap_or(0).max(asked.min_output_length)
        && (!asked.zero_data_retention || !offer.keeps_data)
        && asked.max_price.is_none_or(|cap| price(offer, asked) <= cap)
}

fn is_allowed(slug: &str, asked: &Asked) -> bool {
    let matches = |pattern: &&&str| match **pattern {
        "a/*" => slug.starts_with("a/"),
        "b/*" => slug.starts_with("b/"),
        "*:free" => slug.ends_with(":free"),
        "*five" => slug.ends_with("five"),
        exact => slug == exact,
    };
    let allowed = asked.allowed.iter().find(matches);
    let is_variant_named = slug.contains(':') && asked.allowed.contains(&"*:free");
    asked.excluded.iter().find(matches).is_none()
        && (asked.allowed.is_empty() || allowed.is_some())
        && (!slug.contains(':') || is_variant_named)
}

/// The price of every model that will do, cheapest first.
fn reference(offers: &[Made], asked: &Asked) -> Vec<(i64, &'static str)> {
    let mut best: BTreeMap<&'static str, i64> = BTreeMap::new();
    for offer in offers {
        let slug = SLUGS[offer.model];
        if can_serve(offer, asked) && is_allowed(slug, asked) {
            let price = price(offer, asked);
            best.entry(slug).and_modify(|best| *best = price.min(*best)).or_insert(price);
        }
    }
    let mut sorted: Vec<(i64, &'static str)> = best.into_iter().map(|(slug, price)| (price, slug)).collect();
    sorted.sort_unstable();
    sorted
}

struct Prepared {
    models: Vec<String>,
    plugins: Plugins,
    profile: Profile,
}

fn prepare(name: &str, plugin: &str, asked: &Asked, catalogue: &Catalogue) -> Prepared {
    let set = [
        (asked.tools, "tools"),
        (asked.schemas, "structured_outputs"),
        (asked.max_tokens.is_some(), "max_tokens"),
    ];
    let set = set.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name);
    let mut entry = json!({ "id": plugin, "excluded_models": asked.excluded });
    if !asked.allowed.is_empty() {
        entry["allowed_models"] = json!(asked.allowed);
    }
    if plugin == "cheapest-router" {
        entry["require"] = json!(asked.require);
        entry["min_context_length"] = json!(asked.min_context_length);
        entry["min_output_length"] = json!(asked.min_output_length);
    }
    if plugin == "none" {
        entry = json!({ "id": plugin });
    }
    let inputs = if asked.sees { Modalities::of(["text", "image"]) } else { Modalities::TEXT };
    Prepared {
        models: names(&[name]),
        plugins: Plugins::read(&json!([entry]).to_string()).unwrap(),
        profile: Profile {
            body_bytes: asked.body_bytes,
            messages: 1,
            inputs,
            parameters: catalogue.parameters().set(set),
            max_tokens: asked.max_tokens,
            ..Profile::default()
        },
    }
}

fn request<'a>(prepared: &'a Prepared, asked: &Asked) -> Request<'a> {
    let cap = asked.max_price.map(|price| cap(price * 1_000_000));
    Request {
        models: &prepared.models,
        preferences: Preferences {
            zero_data_retention: asked.zero_data_retention,
            max_price: MaxPrice { input: cap, ..MaxPrice::default() },
            ..wishes()
        },
        profile: prepared.profile,
        plugins: prepared.plugins.clone(),
        ..Request::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_cheapest_is_the_cheapest_of_all_that_will_do(
        mut offers in prop::collection::vec(made(), 1..60),
        asked in asked(),
    ) {
        let catalogue = catalogue(&mut offers);
        let prepared = prepare("patchbay/cheapest", "cheapest-router", &asked, &catalogue);
        let request = request(&prepared, &asked);
        let plan = choose(&request, &catalogue, view(&Standings::new()), POLICY, 1);
        let expected = reference(&offers, &asked);
        let Ok(plan) = plan else {
            prop_assert!(expected.is_empty(), "{expected:?}");
            return Ok(());
        };
        let routed = &plan.routed[0];
        // Models of one price may come in any order that repeats itself; their prices may not differ.
        let prices: Vec<i64> =
            routed.chosen.iter().map(|one| i64::try_from(one.price).unwrap() / 1_000_000).collect();
        let least: Vec<i64> = expected.iter().take(3).map(|(price, _)| *price).collect();
        prop_assert_eq!(&prices, &least);
        for one in &routed.chosen {
            let slug = catalogue.models()[one.model].slug();
            let price = i64::try_from(one.price).unwrap() / 1_000_000;
            prop_assert!(expected.contains(&(price, SLUGS[SLUGS.iter().position(|known| *known == slug).unwrap()])));
        }
        // What is tried first costs what was promised, and nothing that is tried lacks anything.
        let of = |pick: Pick| &offers[catalogue.endpoints()[pick.endpoint].attempt.tag[1..].parse::<usize>().unwrap()];
        prop_assert_eq!(price(of(plan.attempts[0]), &asked), least[0]);
        for at in &plan.attempts {
            prop_assert!(can_serve(of(*at), &asked) && is_allowed(SLUGS[of(*at).model], &asked));
        }
        // What is said to have been cheaper was, and would not have done.
        for rejected in &routed.rejected {
            let slug = catalogue.models()[rejected.model].slug();
            prop_assert!(rejected.price.unwrap() < routed.chosen[0].price);
            prop_assert!(!expected.iter().any(|(_, known)| *known == slug));
        }
    }

    #[test]
    fn no_router_picks_what_lacks_a_capability_or_is_not_allowed(
        mut offers in prop::collection::vec(made(), 1..60),
        mut asked in asked(),
        router in 0_usize..4,
        seed in any::<u64>(),
    ) {
        let (name, plugin) = [
            ("openrouter/auto", "auto-router"),
            ("openrouter/auto-beta", "auto-beta-router"),
            ("openrouter/free", "none"),
            ("openrouter/pareto-code", "none"),
        ][router];
        asked.require.clear();
        (asked.min_context_length, asked.min_output_length) = (0, 0);
        if plugin == "none" {
            asked.allowed.clear();
            asked.excluded.clear();
        }
        let catalogue = catalogue(&mut offers);
        let prepared = prepare(name, plugin, &asked, &catalogue);
        let request = request(&prepared, &asked);
        let standings = Standings::new();
        let plan = choose(&request, &catalogue, view(&standings), POLICY, seed);
        prop_assert_eq!(&plan, &choose(&request, &catalogue, view(&standings), POLICY, seed));
        let of = |pick: Pick| &offers[catalogue.endpoints()[pick.endpoint].attempt.tag[1..].parse::<usize>().unwrap()];
        let will_do = reference(&offers, &asked);
        match plan {
            Ok(plan) => for at in &plan.attempts {
                let offer = of(*at);
                let slug = SLUGS[offer.model];
                prop_assert!(can_serve(offer, &asked), "{slug}");
                prop_assert!(name == "openrouter/free" || is_allowed(slug, &asked), "{slug}");
            },
            Err(_) if name == "openrouter/auto" => prop_assert!(will_do.is_empty(), "{will_do:?}"),
            Err(_) => {}
        }
    }
}

#[test]
fn the_report_shows_what_was_required_and_why_the_cheaper_ones_would_not_do() {
    let mut rows = tables(&[
        ("a/small", "one", 1),
        ("a/blind", "two", 2),
        ("a/good", "three", 3),
        ("a/dear", "four", 9),
    ]);
    for at in [0, 2, 3] {
        rows.models[at].input_modalities.push("image".to_owned());
    }
    for at in [1, 2, 3] {
        rows.endpoints[at].context_length = 128_000;
    }
    let catalogue = build(rows);
    let models = names(&["patchbay/cheapest"]);
    let plugins = r#"[{"id":"cheapest-router","require":["tools","vision"],"min_context_length":100000}]"#;
    let plugins = Plugins::read(plugins).unwrap();
    let request =
        Request { models: &models, preferences: wishes(), profile: text(), plugins, ..Request::default() };
    let plan = choose(&request, &catalogue, view(&Standings::new()), POLICY, 1).unwrap();
    assert_eq!((plan.name, plan.strategy, plan.order), ("patchbay/cheapest", "pareto", "price"));
    let params = plan.routed_first(&catalogue).unwrap().params(&catalogue, Markups::new(1_000, &[]));
    let expected: Value = json!({
        "router": "patchbay/cheapest",
        "require": ["tools", "vision"],
        "min_context_length": 100_000,
        "considered": 4,
        "matched": 2,
        "chosen": [{ "model": "a/good", "price": 3.3 }, { "model": "a/dear", "price": 9.9 }],
        "passed_over": { "min_context_length": 1, "vision": 1 },
        "rejected": [
            { "model": "a/blind", "price": 2.2, "reason": "vision" },
            { "model": "a/small", "price": 1.1, "reason": "min_context_length" },
        ],
    });
    assert_eq!(params, expected);
}

#[test]
fn the_request_alone_says_what_is_needed() {
    let mut rows = tables(&[("a/one", "one", 1), ("a/two", "two", 2), ("a/three", "three", 3)]);
    rows.models[0].supported_parameters = names(&["max_tokens"]);
    rows.models[2].input_modalities.push("image".to_owned());
    let catalogue = build(rows);
    let cheapest = |profile| {
        let models = names(&["patchbay/cheapest"]);
        let request = Request { models: &models, preferences: wishes(), profile, ..Request::default() };
        let plan = choose(&request, &catalogue, view(&Standings::new()), POLICY, 1).unwrap();
        catalogue.models()[plan.routed[0].chosen[0].model].slug().to_owned()
    };
    let tools = catalogue.parameters().set(["tools"]);
    assert_eq!(cheapest(text()), "a/one");
    assert_eq!(cheapest(Profile { parameters: tools, ..text() }), "a/two");
    assert_eq!(cheapest(Profile { inputs: Modalities::of(["text", "image"]), ..text() }), "a/three");
}

#[test]
fn a_bar_counts_what_was_measured_and_nothing_else() {
    let mut rows = tables(&[("a/cheap", "one", 1), ("a/measured", "two", 2), ("a/dear", "three", 9)]);
    rows.models[0].scores.coding = Some(0.4);
    rows.models[1].scores.coding = Some(0.6);
    let catalogue = build(rows);
    let models = names(&["patchbay/cheapest"]);
    let chosen = |value: f64, kind: &str| {
        let plugins = json!([{ "id": "cheapest-router", "min_score": { "kind": kind, "value": value } }]);
        let plugins = Plugins::read(&plugins.to_string()).unwrap();
        let request = Request {
            models: &models,
            preferences: wishes(),
            profile: text(),
            plugins,
            ..Request::default()
        };
        let plan = choose(&request, &catalogue, view(&Standings::new()), POLICY, 1).ok()?;
        Some(catalogue.models()[plan.routed[0].chosen[0].model].slug().to_owned())
    };
    assert_eq!(chosen(0.6, "coding").as_deref(), Some("a/measured"));
    assert_eq!(chosen(0.4, "coding").as_deref(), Some("a/cheap"));
    assert_eq!(chosen(0.7, "coding"), None);
    assert_eq!(chosen(0.1, "agentic"), None);
}

#[test]
fn what_also_draws_is_for_those_who_ask_for_pictures() {
    let mut rows = tables(&[("a/draws", "one", 1), ("a/writes", "two", 2)]);
    rows.models[0].output_modalities.push("image".to_owned());
    let catalogue = build(rows);
    let models = names(&["patchbay/cheapest"]);
    let cheapest = |outputs| {
        let profile = Profile { outputs, ..text() };
        let request = Request { models: &models, preferences: wishes(), profile, ..Request::default() };
        let plan = choose(&request, &catalogue, view(&Standings::new()), POLICY, 1).unwrap();
        catalogue.models()[plan.routed[0].chosen[0].model].slug().to_owned()
    };
    assert_eq!(cheapest(Modalities::default()), "a/writes");
    assert_eq!(cheapest(Modalities::of(["text"])), "a/writes");
    assert_eq!(cheapest(Modalities::of(["text", "image"])), "a/draws");
}
