//! The eleven codes of availability, and when to come back.

use serde_json::json;

use super::row::{Row, offer, row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = named();
    rows.extend(upstream());
    rows
}

fn named() -> Vec<Row> {
    vec![
        row("model_not_found: an unknown model, 400")
            .at_prices(&["1"])
            .asks(json!({"model": "{t}/bogus"}))
            .unavailable(400, "model_not_found")
            .has("/error/message", json!("{t}/bogus is not a valid model ID"))
            .has("/error/availability/requested_models", json!(["{t}/bogus"])),
        row("model_not_found names models whose names begin alike")
            .model("atlas-large", json!({}))
            .offers([offer("atlas-large", 'a', "1")])
            .asks(json!({"model": "{t}/atlas"}))
            .unavailable(400, "model_not_found")
            .has("/error/availability/fallback_models", json!(["{t}/atlas-large"])),
        row("wrong_endpoint: a model that embeds, asked to chat")
            .model("m", json!({"output_modalities": ["embeddings"]}))
            .at_prices(&["1"])
            .asks(json!({}))
            .unavailable(400, "wrong_endpoint"),
        row("no_endpoints: a model that nobody serves")
            .model("m", json!({}))
            .asks(json!({}))
            .unavailable(404, "no_endpoints"),
        row("no_endpoints: a model whose endpoints are all switched off")
            .offers([offer("m", 'a', "1").with(json!({"disabled": true}))])
            .asks(json!({}))
            .unavailable(404, "no_endpoints"),
        row("model_deprecated: all endpoints are past their dates")
            .model("m", json!({"family": "fam"}))
            .model("new", json!({"family": "fam"}))
            .offers([
                offer("m", 'a', "1").with(json!({"deprecation_date": "2025-01-31"})),
                offer("new", 'a', "1"),
            ])
            .asks(json!({}))
            .unavailable(404, "model_deprecated")
            .has("/error/availability/fallback_models", json!(["{t}/new"])),
        row("free_variant_ended: a free variant that there is no more")
            .at_prices(&["1"])
            .asks(json!({"model": "{t}/m:free"}))
            .unavailable(404, "free_variant_ended")
            .has("/error/availability/fallback_models", json!(["{t}/m"])),
        row("privacy_restricted: only data policies stand in the way")
            .at_prices(&["1"])
            .asks(json!({"provider": {"zdr": true, "data_collection": "deny"}}))
            .unavailable(404, "privacy_restricted"),
        row("constraint_filtered: anything else that the request asks for")
            .at_prices(&["1", "2"])
            .asks(json!({"provider": {"zdr": true, "ignore": ["{b}"]}}))
            .unavailable(404, "constraint_filtered")
            .says("all constraints", |reply| {
                reply.body["error"]["availability"]["excluded_by"]
                    == json!(["allowed_providers", "data_policy:zdr"])
            }),
        row("region_restricted: only the region stands in the way")
            .at_prices(&["1"])
            .asks(json!({}))
            .header("x-patchbay-region", "eu")
            .unavailable(403, "region_restricted"),
    ]
}

fn upstream() -> Vec<Row> {
    let both = |name, one, two| {
        row(name)
            .offers([offer("m", 'a', "1").suffers(one), offer("m", 'b', "1").suffers(two)])
            .asks(json!({"provider": {"order": ["{a}", "{b}"]}}))
    };
    vec![
        both(
            "model_unavailable_upstream: no provider knows the model",
            json!({"status": 404, "code": "model_not_found"}),
            json!({"status": 404, "code": "model_not_found"}),
        )
        .unavailable(404, "model_unavailable_upstream"),
        both(
            "capacity_exhausted: every attempt is rate limited, and the shortest hint is given",
            json!({"status": 429, "retry_after": 12}),
            json!({"status": 429, "retry_after": 7}),
        )
        .unavailable(429, "capacity_exhausted")
        .has_header("retry-after", "7")
        .has("/error/availability/retry_after", json!(7)),
        both(
            "temporarily_unavailable: every attempt fails, and a hint is given",
            json!({"status": 500}),
            json!({"status": 503, "retry_after": 9}),
        )
        .unavailable(503, "temporarily_unavailable")
        .has_header("retry-after", "9")
        .tried(&[('a', 500), ('b', 503)]),
        both("without hints there is none", json!({"status": 500}), json!({"status": 502}))
            .unavailable(503, "temporarily_unavailable")
            .has_header("retry-after", ""),
        both(
            "what is wrong with the request itself is nobody's outage",
            json!({"status": 400, "message": "no such thing"}),
            json!({"status": 500}),
        )
        .status(400)
        .lacks("/error/availability")
        .called("m", 'b', 0..=0),
    ]
}
