//! Every order of a list.

use super::super::sort::Sort;
use super::*;

#[test]
fn every_order_puts_what_has_no_figure_last() {
    let mut shop = Shop::open();
    let seen = |p50, requests| Display {
        latency_30m: quantiles(p50),
        throughput_30m: quantiles(p50),
        requests,
        ..Display::default()
    };
    shop.shown = HashMap::from([(key("acme/bee"), seen(20.0, 3)), (key("best/cat:free"), seen(90.0, 7))]);
    let (ant, bee, cat) = ("acme/ant", "acme/bee", "best/cat:free");
    let table = [
        ("most-popular", [cat, bee, ant]),
        ("top-weekly", [cat, bee, ant]),
        ("newest", [bee, ant, cat]),
        ("pricing-low-to-high", [cat, ant, bee]),
        ("pricing-high-to-low", [bee, ant, cat]),
        ("context-high-to-low", [bee, cat, ant]),
        ("throughput-high-to-low", [cat, bee, ant]),
        ("latency-low-to-high", [bee, cat, ant]),
        ("intelligence-high-to-low", [bee, ant, cat]),
        ("coding-high-to-low", [bee, ant, cat]),
        ("agentic-high-to-low", [ant, bee, cat]),
        ("design-arena-elo-high-to-low", [ant, bee, cat]),
    ];
    assert_eq!(table.len(), Sort::ALL.len());
    for (name, expected) in table {
        assert_eq!(shop.ids(&format!("sort={name}")), expected, "{name}");
    }
}

#[test]
fn router_models_have_no_price_to_be_sorted_by() {
    let shop = Shop::open();
    for sort in ["pricing-low-to-high", "pricing-high-to-low"] {
        let ids = ids(&shop.list(&format!("sort={sort}")));
        let mut last = ids[ids.len() - 3..].to_vec();
        last.sort_unstable();
        assert_eq!(last, ["openrouter/auto", "openrouter/pareto-code", "patchbay/cheapest"], "{sort}");
    }
}

#[test]
fn equals_keep_the_default_order() {
    let shop = Shop::open();
    let all = ids(&shop.list("output_modalities=all"));
    assert_eq!(ids(&shop.list("output_modalities=all&sort=most-popular")), all);
    let models: Vec<_> = all.iter().filter(|id| !id.starts_with('~')).collect();
    assert_eq!(models[..5], ["acme/ant", "acme/bee", "best/cat:free", "best/dye", "best/elk"]);
}
