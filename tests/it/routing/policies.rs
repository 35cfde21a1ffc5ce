//! Where data may go: collection, retention, distillation, regions.

use serde_json::{Value, json};

use super::row::{Row, offer, row};

pub(super) fn rows() -> Vec<Row> {
    vec![
        keeps(
            "data_collection deny skips endpoints that collect",
            json!({"data_collection": "deny"}),
            "collects_data",
            false,
        ),
        keeps(
            "zdr keeps to endpoints that retain nothing",
            json!({"zdr": true}),
            "zero_data_retention",
            true,
        ),
        refuses(
            "where all endpoints collect, denying that is 404",
            json!({"data_collection": "deny"}),
            json!({"collects_data": true}),
            "data_policy:training",
        ),
        refuses(
            "where nobody says whether they collect, denying it is 404",
            json!({"data_collection": "deny"}),
            json!({}),
            "data_policy:training",
        ),
        refuses(
            "where all endpoints retain data, zdr is 404",
            json!({"zdr": true}),
            json!({"zero_data_retention": false}),
            "data_policy:zdr",
        ),
        row("a provider's policy is that of its endpoints, unless they say otherwise")
            .provider('p', json!({"collects_data": false, "zero_data_retention": true}))
            .offers([
                offer("m", 'p', "9"),
                offer("m", 'p', "1").with(json!({"tag": "{p}/logged", "zero_data_retention": false})),
            ])
            .asks(json!({"provider": {"zdr": true}}))
            .times(5)
            .costs(9.0)
            .asks(json!({"provider": {"data_collection": "deny", "sort": "price"}}))
            .costs(1.0),
        row("enforce_distillable_text serves models whose author allows it, and is 404 for others")
            .model("open", json!({"distillable": true}))
            .model("shut", json!({"distillable": false}))
            .offers([offer("open", 'a', "2"), offer("shut", 'a', "1"), offer("silent", 'a', "1")])
            .asks(json!({"model": "{t}/open", "provider": {"enforce_distillable_text": true}}))
            .answers("{t}/open")
            .asks(json!({"model": "{t}/shut", "provider": {"enforce_distillable_text": true}}))
            .unavailable(404, "constraint_filtered")
            .excluded_by("distillable")
            .asks(json!({"model": "{t}/silent", "provider": {"enforce_distillable_text": true}}))
            .unavailable(404, "constraint_filtered")
            .asks(json!({"models": ["{t}/shut", "{t}/open"], "model": null,
                         "provider": {"enforce_distillable_text": true}}))
            .answers("{t}/open"),
        in_region("a host in the region keeps requests in it", "host", "eu.example.com"),
        in_region("a header keeps requests in the region", "x-patchbay-region", "eu"),
        row("where no endpoint is in the region, it is 403")
            .offers([offer("m", 'a', "1"), offer("m", 'b', "1").with(json!({"region": "us"}))])
            .asks(json!({}))
            .header("host", "eu.example.com")
            .unavailable(403, "region_restricted")
            .excluded_by("data_region"),
        row("a region that is not served is named")
            .at_prices(&["1"])
            .asks(json!({}))
            .header("x-patchbay-region", "mars")
            .status(400),
    ]
}

/// Of a cheap endpoint with the wrong policy and a dear one with the right one, the dear one serves.
fn keeps(name: &'static str, wishes: Value, member: &'static str, right: bool) -> Row {
    let policy = |value: bool| {
        let mut policy = json!({"collects_data": false, "zero_data_retention": true});
        policy[member] = json!(value);
        policy
    };
    row(name)
        .offers([offer("m", 'a', "1").with(policy(!right)), offer("m", 'b', "9").with(policy(right))])
        .asks(json!({"provider": wishes}))
        .times(5)
        .served_by('b')
        .has("/openrouter_metadata/endpoints/total", json!(1))
        .called("m", 'a', 0..=0)
}

fn refuses(name: &'static str, wishes: Value, policy: Value, excluded_by: &'static str) -> Row {
    row(name)
        .offers([offer("m", 'a', "1").with(policy.clone()), offer("m", 'b', "1").with(policy)])
        .asks(json!({"provider": wishes}))
        .unavailable(404, "privacy_restricted")
        .excluded_by(excluded_by)
}

fn in_region(name: &'static str, header: &'static str, value: &'static str) -> Row {
    row(name)
        .offers([
            offer("m", 'a', "1"),
            offer("m", 'b', "9").with(json!({"region": "eu"})),
            offer("m", 'c', "1").with(json!({"region": "us"})),
        ])
        .asks(json!({}))
        .header(header, value)
        .times(5)
        .served_by('b')
        .has("/openrouter_metadata/region", json!("eu"))
}
