//! What a name stands for: aliases, variants, fallbacks, and the routers that look like models.

use serde_json::{Value, json};

use super::row::{Row, offer, row};

const IMAGE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = slugs();
    rows.extend(fallbacks());
    rows.extend(variants());
    rows
}

fn slugs() -> Vec<Row> {
    vec![
        row("an old name serves and shows the canonical row")
            .model("m", json!({"aliases": ["{t}/old"]}))
            .at_prices(&["1"])
            .asks(json!({"model": "{t}/old"}))
            .answers("{t}/m")
            .has("/openrouter_metadata/strategy", json!("alias"))
            .gets("/model/{t}/old")
            .has("/data/id", json!("{t}/m")),
        row("a canonical slug serves")
            .model("m", json!({"canonical_slug": "{t}/m-20260101"}))
            .at_prices(&["1"])
            .asks(json!({"model": "{t}/m-20260101"}))
            .answers("{t}/m")
            .has("/openrouter_metadata/strategy", json!("direct"))
            .gets("/model/{t}/m-20260101")
            .has("/data/canonical_slug", json!("{t}/m-20260101")),
        row("~author/family-latest is the newest of the family")
            .model("m-1", json!({"family": "fam", "created": 1_700_000_000}))
            .model("m-3", json!({"family": "fam", "created": 1_760_000_000}))
            .model("m-2", json!({"family": "fam", "created": 1_730_000_000}))
            .model("other", json!({"created": 1_762_000_000}))
            .offers(["m-1", "m-2", "m-3", "other"].map(|model| offer(model, 'a', "1")))
            .asks(json!({"model": "~{t}/fam-latest"}))
            .answers("{t}/m-3")
            .has("/openrouter_metadata/strategy", json!("latest"))
            .gets("/model/~{t}/fam-latest")
            .has("/data/alias_target/slug", json!("{t}/m-3")),
        row("a family that nobody is of is no model")
            .asks(json!({"model": "~{t}/fam-latest"}))
            .unavailable(400, "model_not_found"),
    ]
}

fn fallbacks() -> Vec<Row> {
    let dead_and_live = |name| {
        row(name).offers([offer("dead", 'a', "5").suffers(json!({"status": 500})), offer("live", 'b', "1")])
    };
    vec![
        dead_and_live("models: [dead, live] is served and billed as live")
            .asks(json!({"model": null, "models": ["{t}/dead", "{t}/live"]}))
            .answers("{t}/live")
            .costs(1.0)
            .tried(&[('a', 500), ('b', 200)]),
        dead_and_live("model goes before models")
            .asks(json!({"model": "{t}/live", "models": ["{t}/dead"]}))
            .answers("{t}/live")
            .called("dead", 'a', 0..=0),
        dead_and_live("fallbacks of /messages are served")
            .posts(
                "/messages",
                json!({"model": "{t}/dead", "fallbacks": [{"model": "{t}/live"}], "max_tokens": 50,
                       "messages": [{"role": "user", "content": "Say hello."}]}),
            )
            .answers("{t}/live"),
        row("a name that nobody knows is passed over for one that is known")
            .at_prices(&["1"])
            .asks(json!({"model": null, "models": ["{t}/nobody", "{t}/m"]}))
            .answers("{t}/m"),
        row("a prompt that is too long for the first model goes to the next")
            .offers([offer("short", 'a', "1").with(json!({"context_length": 300})), offer("m", 'b', "1")])
            .asks(json!({"model": null, "models": ["{t}/short", "{t}/m"],
                         "messages": [{"role": "user", "content": "word ".repeat(2_000)}]}))
            .answers("{t}/m")
            .called("short", 'a', 0..=0),
    ]
}

fn variants() -> Vec<Row> {
    vec![
        row(":free costs nothing, and its 21st request in a minute is 429")
            .with_own_credit("1")
            .offers([offer("m", 'a', "1"), offer("m:free", 'b', "0")])
            .asks(json!({"model": "{t}/m:free"}))
            .answers("{t}/m:free")
            .costs(0.0)
            // A minute may turn meanwhile, but not two.
            .asks(json!({"model": "{t}/m:free"}))
            .times(41)
            .says("either served or limited", |reply| {
                let headers = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
                reply.status == 200
                    || reply.status == 429 && headers.iter().all(|name| !reply.header(name).is_empty())
            })
            .called("m:free", 'b', 20..=40),
        row(":floor takes the cheapest endpoint")
            .at_prices(&["3", "1", "2"])
            .asks(json!({"model": "{t}/m:floor"}))
            .times(20)
            .served_by('b')
            .has("/openrouter_metadata/endpoints/total", json!(3)),
        row(":floor lets flex endpoints in, and the plain name does not")
            .offers([
                offer("m", 'a', "2"),
                offer("m", 'a', "1").with(
                    json!({"tag": "{a}/flex", "service_tier": "flex", "quirks": super::speed::quirks()}),
                ),
            ])
            .asks(json!({"model": "{t}/m:floor"}))
            .costs(1.0)
            .has("/service_tier", json!("flex"))
            .asks(json!({}))
            .times(10)
            .costs(2.0),
        row(":extended and :thinking are models of their own")
            .model("m:extended", json!({"context_length": 1_000_000}))
            .model("m:thinking", json!({}))
            .offers(["m", "m:extended", "m:thinking"].map(|model| offer(model, 'a', "1")))
            .asks(json!({"model": "{t}/m:extended"}))
            .answers("{t}/m:extended")
            .asks(json!({"model": "{t}/m:thinking:nitro"}))
            .answers("{t}/m:thinking")
            .gets("/model/{t}/m:extended")
            .has("/data/context_length", json!(1_000_000)),
        row("a static variant that does not exist is no model")
            .at_prices(&["1"])
            .asks(json!({"model": "{t}/m:thinking"}))
            .unavailable(400, "model_not_found"),
        row(":exacto and :online are accepted, and variants can be stacked")
            .at_prices(&["1"])
            .asks(json!({"model": "{t}/m:exacto"}))
            .answers("{t}/m")
            .asks(json!({"model": "{t}/m:online"}))
            .answers("{t}/m")
            .asks(json!({"model": "{t}/m:online:floor"}))
            .answers("{t}/m"),
    ]
}

pub(super) fn routers() -> Vec<Row> {
    let mut rows = auto();
    rows.extend(cheapest());
    rows.extend([
        row("openrouter/free answers with a free model, at no cost")
            .with_own_credit("1")
            .asks(json!({"model": "openrouter/free"}))
            .times(5)
            .costs(0.0)
            .has("/openrouter_metadata/strategy", json!("free")),
        row("openrouter/pareto-code is the cheapest that codes well enough")
            .model("weak", json!({"scores": {"coding": 0.2}}))
            .model("fair", json!({"scores": {"coding": 0.5}}))
            .model("good", json!({"scores": {"coding": 0.7}}))
            .model("best", json!({"scores": {"coding": 0.9}}))
            .provider('p', json!({}))
            .offers([
                offer("weak", 'p', "0.1"),
                offer("fair", 'p', "0.5"),
                offer("good", 'p', "1"),
                offer("best", 'p', "3"),
            ])
            .asks(json!({"model": "openrouter/pareto-code", "provider": {"only": ["{p}"]}}))
            .answers("{t}/good")
            .has("/openrouter_metadata/strategy", json!("pareto"))
            .asks(json!({"model": "openrouter/pareto-code", "provider": {"only": ["{p}"]},
                         "plugins": [{"id": "pareto-router", "min_coding_score": 0.4}]}))
            .answers("{t}/fair")
            .asks(json!({"model": "openrouter/pareto-code", "provider": {"only": ["{p}"]},
                         "plugins": [{"id": "pareto-router", "max_price": 2}]}))
            .answers("{t}/good")
            .asks(json!({"model": "openrouter/pareto-code", "provider": {"only": ["{p}"]},
                         "plugins": [{"id": "pareto-router", "max_price": 0.01}]}))
            .status(404),
    ]);
    rows
}

fn auto() -> Vec<Row> {
    let asks = |settings: Value| {
        let mut plugin = json!({"id": "auto-router", "allowed_models": ["{t}/*"]});
        if let (Value::Object(plugin), Value::Object(settings)) = (&mut plugin, settings) {
            plugin.extend(settings);
        }
        json!({"model": "openrouter/auto", "plugins": [plugin]})
    };
    let five = |name| {
        let models = [("m1", "1"), ("m2", "2"), ("m3", "3"), ("m4", "4"), ("m5", "5")];
        row(name).offers(models.map(|(model, price)| offer(model, 'a', price)))
    };
    vec![
        five("openrouter/auto keeps to allowed_models and to the band of cost_tier")
            .asks(asks(json!({})))
            .answers("{t}/m1")
            .has("/openrouter_metadata/strategy", json!("auto"))
            .asks(asks(json!({"cost_tier": "medium"})))
            .answers("{t}/m2")
            .asks(asks(json!({"cost_tier": "max"})))
            .answers("{t}/m5"),
        five("of openrouter/auto, what is excluded is out even where it is allowed")
            .asks(asks(json!({"excluded_models": ["*/m1", "{t}/m2"]})))
            .answers("{t}/m3"),
        five("openrouter/auto takes what the request needs")
            .model("m1", json!({"input_modalities": ["text"]}))
            .model("m2", json!({"supported_parameters": ["max_tokens"]}))
            .asks({
                let mut body = asks(json!({}));
                body["tools"] = tools();
                body["messages"] = picture();
                body
            })
            .answers("{t}/m3"),
        row("openrouter/auto says when no model is left")
            .asks(asks(json!({})))
            .status(404)
            .has("/error/message", json!("No models match your request and model restrictions")),
    ]
}

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "look_up", "parameters": {
        "type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}}}])
}

fn picture() -> Value {
    json!([{"role": "user", "content": [
        {"type": "text", "text": "What is in this picture?"},
        {"type": "image_url", "image_url": {"url": IMAGE}},
    ]}])
}

fn cheapest() -> Vec<Row> {
    let five = |name| {
        row(name)
            .model("blind", json!({"input_modalities": ["text"]}))
            .model("short", json!({"context_length": 8_000}))
            .model("plain", json!({"supported_parameters": ["max_tokens"]}))
            .offers([
                offer("blind", 'a', "0.4981"),
                offer("short", 'a', "0.4982").with(json!({"context_length": 8_000, "max_output": 4_000})),
                offer("plain", 'a', "0.4983"),
                offer("right", 'b', "0.5"),
                offer("dear", 'c', "5"),
            ])
    };
    let asks = |require: &[&str]| {
        json!({"model": "patchbay/cheapest", "plugins": [{"id": "cheapest-router", "allowed_models": ["{t}/*"],
               "require": require, "min_context_length": 100_000}]})
    };
    let rejects = |model: &'static str, reason: &'static str| {
        move |reply: &testkit::Reply| {
            let rejected = reply.body["openrouter_metadata"]["params"]["rejected"].as_array();
            rejected.into_iter().flatten().any(|row| {
                row["model"].as_str().is_some_and(|slug| slug.ends_with(model)) && row["reason"] == reason
            })
        }
    };
    vec![
        five("the cheapest model with tools, vision and 100k context, provably")
            .asks(asks(&["tools", "vision"]))
            .answers("{t}/right")
            .costs(0.5)
            .has("/openrouter_metadata/params/router", json!("patchbay/cheapest"))
            .has("/openrouter_metadata/params/require", json!(["tools", "vision"]))
            .has("/openrouter_metadata/params/chosen/0/model", json!("{t}/right"))
            .says("it tells why cheaper ones would not do", move |reply| {
                [("/blind", "vision"), ("/short", "min_context_length"), ("/plain", "tools")]
                    .into_iter()
                    .all(|(model, reason)| rejects(model, reason)(reply))
            }),
        five("the cheapest model that has what the request shows that it needs")
            .asks(json!({"model": "patchbay/cheapest", "tools": tools(), "messages": picture(),
                         "plugins": [{"id": "cheapest-router", "allowed_models": ["{t}/*"],
                                      "min_context_length": 100_000}]}))
            .answers("{t}/right"),
        row("the next cheapest serves when the cheapest one's provider is down")
            .offers([offer("right", 'a', "0.5").suffers(json!({"status": 503})), offer("dear", 'c', "5")])
            .asks(asks(&["tools", "vision"]))
            .answers("{t}/dear")
            .tried(&[('a', 503), ('c', 200)]),
    ]
}
