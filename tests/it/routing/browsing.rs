//! The catalogue: lists, filters, sorts, pages, endpoints with what was seen of them, providers.

use serde_json::{Value, json};
use testkit::Reply;

use super::row::{Row, offer, row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = lists();
    rows.extend(endpoints());
    rows
}

/// Three models of one author that differ in everything.
fn three(name: &'static str) -> Row {
    row(name)
        .model(
            "small",
            json!({"name": "Small", "context_length": 8_000, "input_modalities": ["text"],
                   "supported_parameters": ["max_tokens"], "distillable": true, "created": 1_700_000_000}),
        )
        .model("middle", json!({"name": "Middle", "scores": {"coding": 0.5}, "created": 1_720_000_000}))
        .model(
            "large",
            json!({"name": "Large", "context_length": 1_000_000, "scores": {"coding": 0.9}, "created": 1_740_000_000}),
        )
        .offers([
            offer("small", 'a', "1").with(json!({"context_length": 8_000, "max_output": 4_000})),
            offer("middle", 'b', "2").with(json!({"zero_data_retention": true})),
            offer("large", 'a', "10").with(json!({"region": "eu"})),
        ])
}

/// Whether a list holds these models of the row and no others, in this order.
fn lists_only(models: &'static [&'static str]) -> impl Fn(&Reply) -> bool {
    move |reply| {
        let rows = reply.body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let name = |row: &Value| row["id"].as_str().and_then(|id| id.split('/').nth(1)).map(str::to_owned);
        rows.iter().map(name).eq(models.iter().map(|model| Some((*model).to_owned())))
    }
}

impl Row {
    fn finds(self, models: &'static [&'static str]) -> Self {
        self.succeeds().says("finds those", lists_only(models))
    }
}

fn lists() -> Vec<Row> {
    vec![
        three("models are found by each filter")
            .gets("/models?model_authors={t}&context=100000&sort=pricing-low-to-high")
            .finds(&["middle", "large"])
            .gets("/models?model_authors={t}&min_price=1.5&max_price=5")
            .finds(&["middle"])
            .gets("/models?model_authors={t}&supported_parameters=tools&sort=pricing-high-to-low")
            .finds(&["large", "middle"])
            .gets("/models?model_authors={t}&providers={b}")
            .finds(&["middle"])
            .gets("/models?model_authors={t}&input_modalities=image&sort=pricing-low-to-high")
            .finds(&["middle", "large"])
            .gets("/models?model_authors={t}&distillable=true")
            .finds(&["small"])
            .gets("/models?model_authors={t}&zdr=true")
            .finds(&["middle"])
            .gets("/models?model_authors={t}&region=eu")
            .finds(&["large"])
            .gets("/models?q={t}%20small")
            .finds(&["small"])
            .gets("/models?model_authors={t}&zdr=true&region=eu")
            .finds(&[]),
        three("models are sorted and paged")
            .gets("/models?model_authors={t}&sort=pricing-low-to-high")
            .finds(&["small", "middle", "large"])
            .gets("/models?model_authors={t}&sort=context-high-to-low")
            .finds(&["large", "middle", "small"])
            .gets("/models?model_authors={t}&sort=newest")
            .finds(&["large", "middle", "small"])
            .gets("/models?model_authors={t}&sort=pricing-low-to-high&limit=2")
            .finds(&["small", "middle"])
            .has("/total_count", json!(3))
            .says("there is a next page", |reply| reply.body["links"]["next"].is_string())
            .gets("/models?model_authors={t}&sort=pricing-low-to-high&limit=2&offset=2")
            .finds(&["large"])
            .has("/links/next", Value::Null)
            .gets("/models/count?model_authors={t}")
            .has("/data/count", json!(3)),
        row("lists of text leave out what embeds, and the list of what embeds holds it")
            .model("m", json!({"output_modalities": ["embeddings"], "supported_parameters": []}))
            .at_prices(&["1"])
            .gets("/models?model_authors={t}")
            .finds(&[])
            .gets("/models?model_authors={t}&output_modalities=all")
            .finds(&["m"])
            .gets("/embeddings/models?limit=1000")
            .says("holds it", |reply| reply.status == 200 && reply.body["total_count"].as_u64() > Some(0)),
        row("my usable models need a key, the catalogue needs none")
            .at_prices(&["1"])
            .gets("/models/user?model_authors={t}")
            .finds(&["m"])
            .gets("/models/user")
            .without_key()
            .status(401)
            .gets("/models?model_authors={t}")
            .without_key()
            .finds(&["m"]),
    ]
}

fn endpoints() -> Vec<Row> {
    vec![
        row("endpoints show what is set of them")
            .offers([
                offer("m", 'a', "1").with(json!({"quantization": "fp8"})),
                offer("m", 'b', "2").with(json!({"tag": "{b}/flex", "service_tier": "flex"})),
            ])
            .gets("/models/{t}/m/endpoints")
            .succeeds()
            .has("/data/id", json!("{t}/m"))
            .says("both, with tags, prices and quantization", |reply| {
                let endpoints = reply.body["data"]["endpoints"].as_array().cloned().unwrap_or_default();
                let has = |member: &str, value: &str| endpoints.iter().any(|one| one[member] == value);
                let tagged =
                    endpoints.iter().any(|one| one["tag"].as_str().is_some_and(|tag| tag.ends_with("/flex")));
                endpoints.len() == 2
                    && has("quantization", "fp8")
                    && tagged
                    && endpoints.iter().all(|one| one["pricing"]["prompt"].is_string() && one["status"] == 0)
            }),
        row("latency and throughput are for those with a key, uptime is for all")
            .offers([offer("m", 'a', "1").suffers(json!({"answer_delay_ms": 40}))])
            .warm(120, json!({}))
            .gets("/models/{t}/m/endpoints")
            .says("milliseconds and tokens per second", |reply| {
                let endpoint = &reply.body["data"]["endpoints"][0];
                let rises = |name: &str| {
                    let at = |share: &str| endpoint[name][share].as_f64();
                    at("p50") > Some(0.0) && at("p99").is_some()
                };
                rises("latency_last_30m")
                    && rises("throughput_last_30m")
                    && endpoint["latency_last_30m"]["p50"].as_f64() >= Some(30.0)
                    && endpoint["uptime_last_30m"].as_f64() == Some(100.0)
            })
            .gets("/models/{t}/m/endpoints")
            .without_key()
            .has("/data/endpoints/0/latency_last_30m", Value::Null)
            .has("/data/endpoints/0/throughput_last_30m", Value::Null)
            .has("/data/endpoints/0/uptime_last_30m", json!(100.0)),
        row("the list of endpoints that retain nothing holds those and no others")
            .offers([offer("m", 'a', "1").with(json!({"zero_data_retention": true})), offer("m", 'b', "1")])
            .gets("/endpoints/zdr")
            .expects(super::check::lists("tag", "{a}", "{b}", "{t}/m")),
        row("the list of providers says where they are and what they promise")
            .provider(
                'p',
                json!({"headquarters": "NL", "datacenters": ["DE", "NL"],
                                  "privacy_policy_url": "https://example.com/privacy",
                                  "terms_of_service_url": "https://example.com/terms",
                                  "status_page_url": "https://status.example.com/"}),
            )
            .offers([offer("m", 'p', "1")])
            .gets("/providers")
            .succeeds()
            .expects(super::check::has_row(
                "slug",
                "{p}",
                json!({
                    "headquarters": "NL", "datacenters": ["DE", "NL"],
                    "privacy_policy_url": "https://example.com/privacy",
                    "terms_of_service_url": "https://example.com/terms",
                    "status_page_url": "https://status.example.com/",
                }),
            )),
    ]
}
