//! The settings of router models: what is read and what is refused.

use super::*;

fn refused(json: &str) -> String {
    Plugins::read(json).unwrap_err().to_string()
}

#[test]
fn what_concerns_no_router_is_passed_over() {
    for json in ["", "[]", r#"[{"id":"web","max_results":3}]"#, r#"[{"id":"auto-router"}]"#] {
        assert_eq!(Plugins::read(json), Ok(Plugins::default()), "{json}");
    }
    let off = r#"[{"id":"auto-router","enabled":false,"cost_tier":"max"}]"#;
    assert_eq!(Plugins::read(off), Ok(Plugins::default()));
    let null = r#"[{"id":"auto-router","cost_tier":null,"allowed_models":null}]"#;
    assert_eq!(Plugins::read(null), Ok(Plugins::default()));
}

#[test]
fn the_older_scale_maps_to_tiers_and_the_tier_wins() {
    let tier = |member: &str| {
        Plugins::read(&format!(r#"[{{"id":"auto-router",{member}}}]"#)).unwrap().auto.cost_tier
    };
    for (tradeoff, expected) in [
        (0, CostTier::Max),
        (2, CostTier::Max),
        (3, CostTier::Xhigh),
        (5, CostTier::High),
        (7, CostTier::Medium),
        (9, CostTier::Low),
        (10, CostTier::Low),
    ] {
        assert_eq!(tier(&format!(r#""cost_quality_tradeoff":{tradeoff}"#)), Some(expected), "{tradeoff}");
    }
    assert_eq!(tier(r#""cost_quality_tradeoff":0,"cost_tier":"medium""#), Some(CostTier::Medium));
    assert_eq!(tier(r#""pin_model":true"#), None);
}

#[test]
fn a_cap_is_of_a_million_tokens() {
    let read = |price: &str| {
        let json = format!(r#"[{{"id":"pareto-router","max_price":{price}}}]"#);
        Plugins::read(&json).unwrap().pareto.max_price
    };
    assert_eq!(read("5"), Some(cap(5_000_000)));
    assert_eq!(read("\"0.5\""), Some(cap(500_000)));
    assert_eq!(read("0"), Some(cap(0)));
}

#[test]
fn mistakes_are_named() {
    for (json, expected) in [
        ("{}", "`plugins` must be a list of objects with an `id`"),
        (r#"[{"cost_tier":"low"}]"#, "`plugins` must be a list of objects with an `id`"),
        (r#"[{"id":"auto-router"},{"id":"auto-router"}]"#, "`plugins` has more than one entry `auto-router`"),
        (r#"[{"id":"auto-router","tier":"low"}]"#, "`plugins`: `auto-router` has no member `tier`"),
        (
            r#"[{"id":"auto-beta-router","cost_tier":"cheap"}]"#,
            "`plugins`: `cost_tier` of `auto-beta-router` must be one of low, medium, high, xhigh, max",
        ),
        (
            r#"[{"id":"auto-router","enabled":false,"cost_quality_tradeoff":11}]"#,
            "`plugins`: `cost_quality_tradeoff` of `auto-router` must be a whole number from 0 to 10",
        ),
        (
            r#"[{"id":"auto-router","enabled":"no"}]"#,
            "`plugins`: `enabled` of `auto-router` must be true or false",
        ),
        (
            r#"[{"id":"auto-router","allowed_models":"a/*"}]"#,
            "`plugins`: `allowed_models` of `auto-router` must be a list of patterns",
        ),
        (
            r#"[{"id":"pareto-router","min_coding_score":1.5}]"#,
            "`plugins`: `min_coding_score` of `pareto-router` must be a number from 0 to 1",
        ),
        (
            r#"[{"id":"pareto-router","max_price":-1}]"#,
            "`plugins`: `max_price` of `pareto-router` must be a price in USD per million tokens",
        ),
        (
            r#"[{"id":"pareto-router","price_source":"guess"}]"#,
            "`plugins`: `price_source` of `pareto-router` must be one of prompt, weighted_avg",
        ),
        (
            r#"[{"id":"cheapest-router","require":["smell"]}]"#,
            "`plugins`: `require` of `cheapest-router` must be a list of tools, structured_outputs, reasoning, \
             vision, audio, files, video",
        ),
        (
            r#"[{"id":"cheapest-router","min_context_length":-1}]"#,
            "`plugins`: `min_context_length` of `cheapest-router` must be a whole number",
        ),
        (
            r#"[{"id":"cheapest-router","min_score":{"kind":"beauty","value":0.5}}]"#,
            "`plugins`: `min_score` of `cheapest-router` must be {\"kind\": intelligence, coding or agentic, \
             \"value\": a number from 0 to 1}",
        ),
    ] {
        assert_eq!(refused(json), expected, "{json}");
    }
}

#[test]
fn patterns_are_bounded_in_number_length_and_sum() {
    let with = |patterns: Vec<String>| {
        let list = serde_json::to_string(&patterns).unwrap();
        Plugins::read(&format!(r#"[{{"id":"auto-router","excluded_models":{list}}}]"#)).is_ok()
    };
    assert!(with(vec!["a/*".to_owned(); 1_024]));
    assert!(!with(vec!["a/*".to_owned(); 1_025]));
    assert!(with(vec!["x".repeat(1_024)]));
    assert!(!with(vec!["x".repeat(1_025)]));
    assert!(with(vec!["x".repeat(1_024); 16]));
    assert!(!with(vec!["x".repeat(1_024); 17]));
}

#[test]
fn a_default_that_cannot_be_read_is_left_out_and_the_others_count() {
    let json = r#"[{"id":"auto-router","tier":"low"},{"id":"pareto-router","min_coding_score":0.5}]"#;
    let defaults = ["auto-router".to_owned(), "pareto-router".to_owned()];
    let (plugins, left_out) = Plugins::read_with(json, &defaults).unwrap();
    assert_eq!(plugins.auto, Plugins::default().auto);
    assert_eq!(plugins.pareto.min_score, Some(500_000));
    assert_eq!(
        left_out.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["`plugins`: `auto-router` has no member `tier`"]
    );
    // What the request itself sent is refused as ever.
    assert!(Plugins::read_with(json, &defaults[1..]).is_err());
}
