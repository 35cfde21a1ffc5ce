//! Router models over small catalogues, rule by rule.

use super::*;
use crate::choose::router::Routed;

/// What a router made of a request: the slugs it chose, first choice first, or what the client is told.
fn ask(catalogue: &Catalogue, request: &Request<'_>, seed: u64) -> Result<(Vec<String>, Routed), rpc::Fault> {
    let plan = choose(request, catalogue, view(&Standings::new()), POLICY, seed).map_err(rpc::Fault::from)?;
    let routed = plan.routed[0].clone();
    let slug = |one: &crate::choose::router::Weighed| catalogue.models()[one.model].slug().to_owned();
    Ok((routed.chosen.iter().map(slug).collect(), routed))
}

fn request<'a>(models: &'a [String], plugins: &str) -> Request<'a> {
    Request {
        models,
        preferences: wishes(),
        profile: text(),
        plugins: Plugins::read(plugins).unwrap(),
        ..Request::default()
    }
}

fn chosen(catalogue: &Catalogue, name: &str, plugins: &str) -> Vec<String> {
    let models = names(&[name]);
    ask(catalogue, &request(&models, plugins), 1).map(|(slugs, _)| slugs).unwrap_or_default()
}

/// Ten models of two authors from 1 to 10 USD, the odd ones measured.
fn ten() -> rows::Tables {
    let slugs: Vec<String> =
        (1..=10).map(|n| format!("{}/m{n:02}", if n % 2 == 0 { "even" } else { "odd" })).collect();
    let offers: Vec<Offer<'_>> = slugs.iter().zip(1..).map(|(slug, price)| (&**slug, "one", price)).collect();
    let mut rows = tables(&offers);
    for (n, row) in (1_u32..).zip(&mut rows.models) {
        if n % 2 == 1 {
            row.scores.coding = Some(f64::from(n) / 10.0);
        }
    }
    rows
}

fn plugin(id: &str, members: &str) -> String {
    format!(r#"[{{"id":"{id}",{members}}}]"#)
}

#[test]
fn auto_keeps_the_band_of_the_cost_tier_and_takes_the_best_of_it() {
    let catalogue = build(ten());
    for (tier, expected) in [
        ("low", ["even/m02", "odd/m01"]),
        ("medium", ["even/m04", "odd/m03"]),
        ("high", ["odd/m05", "even/m06"]),
        ("xhigh", ["odd/m07", "even/m08"]),
        ("max", ["odd/m09", "even/m10"]),
    ] {
        let mut slugs = chosen(
            &catalogue,
            "openrouter/auto",
            &plugin("auto-router", &format!(r#""cost_tier":"{tier}""#)),
        );
        if tier == "low" {
            assert_eq!(slugs, chosen(&catalogue, "openrouter/auto", ""), "the cheapest band is the default");
        }
        slugs.sort_unstable();
        let mut band = expected.map(str::to_owned);
        band.sort_unstable();
        assert_eq!(slugs, band, "{tier}");
    }
    // 0.9 was measured of the ninth; the price of the tenth suggests 0.8.
    let max = plugin("auto-router", r#""cost_tier":"max""#);
    assert_eq!(chosen(&catalogue, "openrouter/auto", &max), ["odd/m09", "even/m10"]);
}

#[test]
fn auto_goes_by_the_task_and_by_how_new_a_model_is() {
    let slugs: Vec<String> = (0..15).map(|n| format!("a/m{n:02}")).collect();
    let offers: Vec<Offer<'_>> = slugs.iter().zip(1..).map(|(slug, price)| (&**slug, "one", price)).collect();
    let mut rows = tables(&offers);
    let score = |intelligence, coding, agentic| rows::Scores {
        intelligence: Some(intelligence),
        coding: Some(coding),
        agentic: Some(agentic),
    };
    // The three of the cheapest fifth.
    rows.models[0].scores = score(0.2, 0.9, 0.1);
    rows.models[1].scores = score(0.7, 0.3, 0.2);
    rows.models[2].scores = score(0.3, 0.1, 0.9);
    let first = |rows: &rows::Tables, task| {
        let (catalogue, models) = (build(rows.clone()), names(&["openrouter/auto"]));
        let asked = Request { task: Task::named(task), ..request(&models, "") };
        let (slugs, routed) = ask(&catalogue, &asked, 1).unwrap();
        (slugs[0].clone(), routed.chosen[0].score.unwrap())
    };
    // Four fifths of coding and one of intelligence; then 80 to 20 with the newness of a model of 1970.
    let newness = 1_000_000 * 365 / (365 + u32::try_from(NOW / 86_400_000).unwrap());
    assert_eq!(first(&rows, "code"), ("a/m00".to_owned(), (760_000 * 80 + newness * 20) / 100));
    for (task, expected) in [
        ("agent", "a/m02"),
        ("extraction", "a/m01"),
        ("math", "a/m01"),
        ("chat", "a/m01"),
        ("nobody's word", "a/m01"),
    ] {
        assert_eq!(first(&rows, task).0, expected, "{task}");
    }
    // Of equals the cheaper goes first, unless the other is newer.
    rows.models[2].scores = rows.models[1].scores;
    assert_eq!(first(&rows, "chat").0, "a/m01");
    rows.models[2].created = NOW / 1_000;
    assert_eq!(first(&rows, "chat").0, "a/m02");
}

#[test]
fn auto_considers_what_patterns_allow_and_exclusion_wins() {
    let catalogue = build(ten());
    let auto = |members: &str| {
        let mut slugs = Vec::new();
        for tier in ["low", "medium", "high", "xhigh", "max"] {
            let plugins = plugin("auto-router", &format!(r#"{members},"cost_tier":"{tier}""#));
            slugs.extend(chosen(&catalogue, "openrouter/auto", &plugins));
        }
        slugs.sort_unstable();
        slugs.dedup();
        slugs
    };
    assert_eq!(
        auto(r#""allowed_models":["odd/*"]"#),
        ["odd/m01", "odd/m03", "odd/m05", "odd/m07", "odd/m09"]
    );
    assert_eq!(
        auto(r#""allowed_models":["odd/*"],"excluded_models":["*m0*"]"#),
        Vec::<String>::new(),
        "what is allowed and excluded is excluded"
    );
    assert_eq!(auto(r#""allowed_models":["even/m10","*1"]"#), ["even/m10", "odd/m01"]);
    assert_eq!(auto(r#""excluded_models":["even/*","odd/m0*"]"#), Vec::<String>::new());
    let models = names(&["openrouter/auto"]);
    let fault = ask(&catalogue, &request(&models, &plugin("auto-router", r#""allowed_models":["no/*"]"#)), 1);
    let fault = fault.unwrap_err();
    assert_eq!((fault.status, &*fault.message), (404, "No models match your request and model restrictions"));
}

#[test]
fn the_beta_has_settings_of_its_own() {
    let catalogue = build(ten());
    let both = r#"[{"id":"auto-router","allowed_models":["odd/*"]},{"id":"auto-beta-router","allowed_models":["even/*"]}]"#;
    assert_eq!(chosen(&catalogue, "openrouter/auto", both)[0], "odd/m01");
    assert_eq!(chosen(&catalogue, "openrouter/auto-beta", both)[0], "even/m02");
}

#[test]
fn a_band_that_nobody_is_in_gives_way_to_the_nearest() {
    let mut rows = ten();
    rows.models.truncate(2);
    rows.endpoints.truncate(2);
    rows.prices.truncate(2);
    let catalogue = build(rows);
    let auto = |tier: &str| {
        chosen(&catalogue, "openrouter/auto", &plugin("auto-router", &format!(r#""cost_tier":"{tier}""#)))
    };
    // Of two candidates the first is in the lowest fifth and the second in the middle one.
    assert_eq!(auto("low"), ["odd/m01"]);
    assert_eq!(auto("medium"), ["odd/m01"]);
    assert_eq!(auto("high"), ["even/m02"]);
    assert_eq!(auto("max"), ["even/m02"]);
}

#[test]
fn operators_tune_the_candidates_the_weights_and_the_default_band() {
    let catalogue = build(ten());
    let tuned = AutoConfig {
        cost_tier: CostTier::Max,
        excluded: ["odd/m09"].into_iter().collect(),
        candidates: ["odd/*", "even/m02"].into_iter().collect(),
        ..AutoConfig::DEFAULT
    };
    let policy = Policy { auto: &tuned, ..POLICY };
    let models = names(&["openrouter/auto"]);
    let plan = choose(&request(&models, ""), &catalogue, view(&Standings::new()), policy, 1).unwrap();
    assert_eq!(catalogue.models()[plan.routed[0].chosen[0].model].slug(), "odd/m07");
    assert_eq!(plan.routed[0].matched, 5);
}

#[test]
fn auto_goes_on_with_the_model_that_is_pinned_or_held_while_it_is_a_candidate() {
    let catalogue = build(ten());
    let models = names(&["openrouter/auto"]);
    let (pins, cap) = (r#""pin_model":true"#, r#""excluded_models":["odd/m09"]"#);
    let usual = chosen(&catalogue, "openrouter/auto", "")[0].clone();
    for (last_model, members, expected) in [
        (Some("even/m10"), format!("{pins},{cap}"), "even/m10"),
        (Some("odd/m09"), pins.to_owned(), "odd/m09"),
        (Some("odd/m09"), format!("{pins},{cap}"), &usual),
        (Some("even/m10"), cap.to_owned(), &usual),
        (Some("no/body"), pins.to_owned(), &usual),
        (None, pins.to_owned(), &usual),
    ] {
        let asked = Request { last_model, ..request(&models, &plugin("auto-router", &members)) };
        let (slugs, _) = ask(&catalogue, &asked, 1).unwrap();
        assert_eq!(slugs[0], expected, "{last_model:?} {members}");
        assert!(slugs.len() <= 3);
    }
    let standings = Standings::new();
    let inputs = crate::choose::resolve::Inputs {
        catalogue: &catalogue,
        health: view(&standings),
        policy: POLICY,
        seed: 1,
        held_model: catalogue.find("odd/m07"),
    };
    for name in ["openrouter/auto", "openrouter/pareto-code"] {
        let models = names(&[name]);
        let named = crate::choose::resolve::models(&request(&models, ""), inputs).unwrap();
        assert_eq!(catalogue.models()[named.wanted[0].model].slug(), "odd/m07", "{name}");
    }
}

#[test]
fn variants_stand_aside_unless_they_are_named() {
    let catalogue = build(tables(&[("a/m", "one", 5), ("a/m:free", "two", 0), ("a/n", "three", 6)]));
    assert_eq!(chosen(&catalogue, "patchbay/cheapest", ""), ["a/m", "a/n"]);
    let named = plugin("cheapest-router", r#""allowed_models":["*:free","*"]"#);
    assert_eq!(chosen(&catalogue, "patchbay/cheapest", &named), ["a/m:free", "a/m", "a/n"]);
    let excluded = plugin("cheapest-router", r#""allowed_models":["*:free","*"],"excluded_models":["a/m"]"#);
    assert_eq!(chosen(&catalogue, "patchbay/cheapest", &excluded), ["a/n"], "a slug means its variants too");
}

#[test]
fn free_draws_by_the_seed_among_what_costs_nothing_and_can_do_it() {
    let mut rows = tables(&[
        ("a/paid", "one", 1),
        ("a/paid:free", "two", 0),
        ("a/local", "three", 0),
        ("a/blind:free", "four", 0),
        ("a/deaf:free", "five", 0),
    ]);
    rows.models[2].input_modalities.push("image".to_owned());
    rows.models[3].supported_parameters = names(&["temperature"]);
    let catalogue = build(rows);
    let models = names(&["openrouter/free"]);
    let mut firsts: Vec<String> = Vec::new();
    for seed in 0..200 {
        let (slugs, _) = ask(&catalogue, &request(&models, ""), seed).unwrap();
        assert_eq!(slugs, ask(&catalogue, &request(&models, ""), seed).unwrap().0);
        assert!(slugs.len() == 3 && !slugs.contains(&"a/paid".to_owned()));
        firsts.push(slugs[0].clone());
    }
    firsts.sort_unstable();
    for slug in ["a/paid:free", "a/local", "a/blind:free", "a/deaf:free"] {
        let count = firsts.iter().filter(|first| *first == slug).count();
        assert!((25..=75).contains(&count), "{slug}: {count} of 200");
    }
    let tools = Profile { parameters: catalogue.parameters().set(["tools"]), ..text() };
    let image = Profile { inputs: Modalities::of(["text", "image"]), ..text() };
    for seed in 0..50 {
        let asked = Request { profile: tools, ..request(&models, "") };
        assert!(!ask(&catalogue, &asked, seed).unwrap().0.contains(&"a/blind:free".to_owned()));
        let asked = Request { profile: image, ..request(&models, "") };
        assert_eq!(ask(&catalogue, &asked, seed).unwrap().0, ["a/local"]);
    }
    let fault = ask(&three(), &request(&models, ""), 1).unwrap_err();
    assert_eq!(fault.status, 404);
    assert!(fault.availability.unwrap().contains("\"no_endpoints\""));
}

#[test]
fn pareto_takes_the_cheapest_above_the_bar_of_the_tier() {
    let catalogue = build(ten());
    let code =
        |members: &str| chosen(&catalogue, "openrouter/pareto-code", &plugin("pareto-router", members));
    // Measured: 0.7 and 0.9; estimated by price: 0.66 and more from the eighth on.
    assert_eq!(chosen(&catalogue, "openrouter/pareto-code", ""), ["odd/m07", "even/m08", "odd/m09"]);
    assert_eq!(code(r#""min_coding_score":0.66"#), ["odd/m07", "even/m08", "odd/m09"]);
    assert_eq!(code(r#""min_coding_score":0.5"#), ["even/m04", "odd/m05", "even/m06"]);
    // Better than half of them, which is no more than the next tier's bar.
    assert_eq!(code(r#""min_coding_score":0.1"#), ["even/m04", "odd/m05", "even/m06"]);
    assert_eq!(code(r#""max_price":6.5"#), ["even/m06", "odd/m05", "even/m04"]);
    assert_eq!(code(r#""max_price":0.5"#), Vec::<String>::new());
}

#[test]
fn the_frontier_goes_before_what_is_beaten_on_it() {
    let mut rows =
        tables(&[("a/one", "one", 1), ("a/two", "two", 2), ("a/three", "three", 3), ("a/four", "four", 9)]);
    for (row, coding) in rows.models.iter_mut().zip([0.5, 0.4, 0.6, 0.9]) {
        row.scores.coding = Some(coding);
    }
    let catalogue = build(rows);
    let capped = plugin("pareto-router", r#""max_price":3,"price_source":"prompt""#);
    assert_eq!(chosen(&catalogue, "openrouter/pareto-code", &capped), ["a/three", "a/one", "a/two"]);
}

#[test]
fn pareto_with_nitro_takes_the_fastest_of_the_tier() {
    let catalogue = build(ten());
    let standings = Standings::from([(key(8), Standing { throughput: 900.0, ..Standing::default() })]);
    let models = names(&["openrouter/pareto-code:nitro"]);
    let plan = choose(&request(&models, ""), &catalogue, view(&standings), POLICY, 1).unwrap();
    assert_eq!(catalogue.models()[plan.routed[0].chosen[0].model].slug(), "odd/m09");
    assert_eq!((plan.strategy, plan.order), ("pareto", "throughput"));
}

#[test]
fn routers_mix_with_models_and_what_finds_nothing_is_passed_over() {
    let catalogue = build(ten());
    let models = names(&["openrouter/free", "openrouter/pareto", "even/m02", "openrouter/fusion"]);
    let asked = request(&models, "");
    let plan = choose(&asked, &catalogue, view(&Standings::new()), POLICY, 1).unwrap();
    assert_eq!((plan.name, plan.strategy), ("openrouter/pareto", "fallback"));
    let left_out: Vec<Reason> = plan.exclusions.iter().map(|exclusion| exclusion.reason).collect();
    assert_eq!(left_out, [Reason::NoCandidate, Reason::UnknownModel]);
    assert_eq!(catalogue.endpoints()[plan.attempts.last().unwrap().endpoint].attempt.model, "even/m02");
}

#[test]
fn routers_of_conversations_do_nothing_else() {
    let catalogue = build(ten());
    let profile = Profile { operation: dialect::canonical::Operation::Embeddings, ..text() };
    for name in ["openrouter/auto", "openrouter/free", "openrouter/pareto-code"] {
        let fault = refuse(&catalogue, &[name], wishes(), profile);
        assert_eq!(fault.status, 400, "{name}");
        assert!(fault.availability.unwrap().contains("wrong_endpoint"), "{name}");
    }
}
