//! Who goes first, by price, health and speed.

use std::collections::HashMap;

use super::*;

#[test]
fn the_first_is_drawn_by_the_inverse_square_of_its_price_and_the_rest_follow_by_price() {
    let catalogue = three();
    let mut first: HashMap<String, f64> = HashMap::new();
    let rounds = 20_000;
    for seed in 0..rounds {
        let (tags, ..) = run(&catalogue, &["a/m"], wishes(), text(), &Standings::new(), seed);
        let mut rest = tags.clone();
        *first.entry(rest.remove(0)).or_default() += 1.0;
        let order = ["one", "two", "three"].map(str::to_owned);
        assert_eq!(rest, order.into_iter().filter(|tag| *tag != tags[0]).collect::<Vec<_>>());
    }
    // Weights 1, 1/4, 1/9.
    let total = 1.0 + 1.0 / 4.0 + 1.0 / 9.0;
    for (tag, weight) in [("one", 1.0), ("two", 1.0 / 4.0), ("three", 1.0 / 9.0)] {
        let share = first[tag] / f64::from(u32::try_from(rounds).unwrap());
        assert!((share - weight / total).abs() < 0.015, "{tag}: {share}");
    }
}

#[test]
fn an_outage_sends_an_endpoint_behind_the_stable_ones() {
    let catalogue = three();
    let standings = Standings::from([(key(1), Standing { outage: true, ..Standing::default() })]);
    for seed in 0..200 {
        let (tags, ..) = run(&catalogue, &["a/m"], wishes(), text(), &standings, seed);
        assert_eq!(tags[2], "two");
    }
}

#[test]
fn poor_uptime_ranks_behind_degraded_and_degraded_behind_good() {
    let catalogue = three();
    let standing = |uptime| Standing { uptime, ..Standing::default() };
    let standings = Standings::from([(key(0), standing(Uptime::Poor)), (key(1), standing(Uptime::Degraded))]);
    let (tags, ..) = run(&catalogue, &["a/m"], wishes(), text(), &standings, 1);
    assert_eq!(tags, ["three", "two", "one"]);
}

#[test]
fn the_ejected_come_last_and_when_all_are_ejected_all_are_tried() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("b/n", "three", 3)]));
    let ejected = Standing { state: State::Ejected { until_ms: NOW + 1 }, ..Standing::default() };
    let mut standings = Standings::from([(key(0), ejected)]);
    let both = ["a/m", "b/n"];
    assert_eq!(run(&catalogue, &both, wishes(), text(), &standings, 1).0, ["two", "three", "one"]);
    let order = names(&["one"]);
    let ordered = Preferences { order: &order, ..wishes() };
    assert_eq!(run(&catalogue, &["a/m"], ordered, text(), &standings, 1).0, ["two", "one"]);
    standings.extend([(key(1), ejected), (key(2), ejected)]);
    let (tags, exclusions, _) = run(&catalogue, &both, wishes(), text(), &standings, 1);
    assert_eq!((tags.len(), exclusions.len()), (3, 0));
}

#[test]
fn a_half_open_endpoint_is_probed_once_and_then_left_last() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "two", 1_000)]));
    let half_open =
        Standing { state: State::Ejected { until_ms: NOW }, next_probe_ms: NOW, ..Standing::default() };
    let standings = Standings::from([(key(0), half_open)]);
    let models = names(&["a/m"]);
    let request = Request { models: &models, preferences: wishes(), profile: text(), ..Request::default() };
    let plan = choose(&request, &catalogue, view(&standings), POLICY, 1).unwrap();
    assert!(plan.is_probe);
    assert_eq!(tags(&catalogue, &plan), ["one", "two"]);
    let unclaimed = View { probes: false, ..view(&standings) };
    let plan = choose(&request, &catalogue, unclaimed, POLICY, 1).unwrap();
    assert!(!plan.is_probe);
    assert_eq!(tags(&catalogue, &plan), ["two", "one"]);
    let taken = Standings::from([(key(0), Standing { next_probe_ms: NOW + 1, ..half_open })]);
    let plan = choose(&request, &catalogue, view(&taken), POLICY, 1).unwrap();
    assert_eq!(tags(&catalogue, &plan), ["two", "one"]);
}

#[test]
fn a_recovering_endpoint_regains_its_share() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "two", 1_000)]));
    let share = |since_ms| {
        let recovering = Standing { state: State::Recovering { since_ms }, ..Standing::default() };
        let standings = Standings::from([(key(0), recovering)]);
        let first = |seed: &u64| run(&catalogue, &["a/m"], wishes(), text(), &standings, *seed).0[0] == "one";
        (0..1_000).filter(first).count()
    };
    assert!((50..200).contains(&share(NOW)), "{}", share(NOW));
    assert!((400..600).contains(&share(NOW - 5_000)), "{}", share(NOW - 5_000));
    assert_eq!(share(NOW - 10_000), 1_000);
}

#[test]
fn a_rate_limited_endpoint_waits_behind_the_others() {
    let catalogue = three();
    let standings =
        Standings::from([(key(0), Standing { cooling_until_ms: NOW + 1, ..Standing::default() })]);
    for sort in [None, Some(Sort::Price)] {
        let (tags, ..) = run(&catalogue, &["a/m"], Preferences { sort, ..wishes() }, text(), &standings, 3);
        assert_eq!(tags[2], "one");
    }
}

#[test]
fn sorts_put_the_best_first_every_time() {
    let catalogue = three();
    let standings = Standings::from([
        (key(0), Standing { throughput: 10.0, latency_ms: 100.0, ..Standing::default() }),
        (key(1), Standing { throughput: 90.0, latency_ms: 900.0, ..Standing::default() }),
        (key(2), Standing { throughput: 60.0, latency_ms: 50.0, ..Standing::default() }),
    ]);
    for seed in 0..50 {
        let sorted = |sort| {
            let (tags, _, strategy) = run(
                &catalogue,
                &["a/m"],
                Preferences { sort: Some(sort), ..wishes() },
                text(),
                &standings,
                seed,
            );
            (tags.join(" "), strategy)
        };
        assert_eq!(sorted(Sort::Price), ("one two three".to_owned(), "price"));
        assert_eq!(sorted(Sort::Throughput), ("two three one".to_owned(), "throughput"));
        assert_eq!(sorted(Sort::Latency), ("three one two".to_owned(), "latency"));
        let variant = |name| run(&catalogue, &[name], wishes(), text(), &standings, seed).0.join(" ");
        assert_eq!(variant("a/m:nitro"), "two three one");
        assert_eq!(variant("a/m:floor"), "one two three");
        assert_eq!(variant("a/m:online:floor"), "one two three");
        // What an account sorts by holds where nothing else is said.
        let usual = |name, sort| {
            let wishes = Preferences { sort, default_sort: Some(Sort::Latency), ..wishes() };
            run(&catalogue, &[name], wishes, text(), &standings, seed).0.join(" ")
        };
        assert_eq!(usual("a/m", None), "three one two");
        assert_eq!(usual("a/m:nitro", None), "two three one");
        assert_eq!(usual("a/m", Some(Sort::Price)), "one two three");
    }
}

#[test]
fn equals_keep_their_places_under_a_sort_and_change_them_without() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "two", 1), ("a/m", "three", 1)]));
    let orders = |name| {
        let run = |seed| run(&catalogue, &[name], wishes(), text(), &Standings::new(), mix(seed)).0;
        (0..50).map(run).collect::<std::collections::HashSet<_>>().len()
    };
    assert_eq!((orders("a/m:floor"), orders("a/m:nitro")), (1, 1));
    assert!(orders("a/m") > 3);
}

#[test]
fn long_prompts_are_compared_by_the_price_they_pay() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two", 2)]);
    rows.prices[0].book["tiers"] =
        serde_json::json!([{ "above_prompt_tokens": 1_000, "input": 9_000_000, "output": 9_000_000 }]);
    let catalogue = build(rows);
    let cheapest = |body_bytes| {
        run(&catalogue, &["a/m:floor"], wishes(), Profile { body_bytes, ..text() }, &Standings::new(), 1).0[0]
            .clone()
    };
    assert_eq!(cheapest(4_000), "one");
    assert_eq!(cheapest(4_008), "two");
}
