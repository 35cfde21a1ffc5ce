//! What a request wants of endpoints: the hard and the soft filters of `provider.*`.

use serde_json::{Value, json};

use super::row::{Row, offer, row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = named();
    rows.extend(slugs());
    rows.extend(capabilities());
    rows.extend(prices());
    rows
}

fn named() -> Vec<Row> {
    vec![
        row("order [b, a] is served by b")
            .at_prices(&["1", "9"])
            .asks(json!({"provider": {"order": ["{b}", "{a}"]}}))
            .times(5)
            .served_by('b'),
        row("order goes on to who is not in it, as long as fallbacks are allowed")
            .offers([offer("m", 'a', "1"), offer("m", 'b', "9").suffers(json!({"status": 500}))])
            .asks(json!({"provider": {"order": ["{b}"]}}))
            .served_by('a')
            .tried(&[('b', 500), ('a', 200)]),
        row("without fallbacks the provider's error is shown")
            .offers([
                offer("m", 'a', "1").suffers(json!({"status": 503, "message": "out to lunch"})),
                offer("m", 'b', "9"),
            ])
            .asks(json!({"provider": {"sort": "price", "allow_fallbacks": false}}))
            .status(503)
            .says("the provider's words", |reply| {
                reply.body["error"]["metadata"]["raw"]
                    .as_str()
                    .is_some_and(|raw| raw.contains("out to lunch"))
            })
            .called("m", 'b', 0..=0),
        row("without fallbacks an order is all there is")
            .offers([
                offer("m", 'a', "1").suffers(json!({"status": 500})),
                offer("m", 'b', "1").suffers(json!({"status": 500})),
                offer("m", 'c', "1"),
            ])
            .asks(json!({"provider": {"order": ["{a}", "{b}"], "allow_fallbacks": false}}))
            .unavailable(503, "temporarily_unavailable")
            .tried(&[('a', 500), ('b', 500)])
            .called("m", 'c', 0..=0),
        row("only [b] is served by b, and only [c] without c is 404")
            .at_prices(&["1", "9"])
            .asks(json!({"provider": {"only": ["{b}"]}}))
            .times(5)
            .served_by('b')
            .has("/openrouter_metadata/endpoints/total", json!(1))
            .asks(json!({"provider": {"only": ["{c}"]}}))
            .unavailable(404, "constraint_filtered")
            .excluded_by("allowed_providers")
            .has("/error/availability/constraint/field", json!("provider.only")),
        row("ignore [a] is never served by a, and ignoring all is 404")
            .at_prices(&["1", "9"])
            .asks(json!({"provider": {"ignore": ["{a}"]}}))
            .times(5)
            .served_by('b')
            .asks(json!({"provider": {"ignore": ["{a}", "{b}"]}}))
            .unavailable(404, "constraint_filtered")
            .excluded_by("allowed_providers"),
    ]
}

fn slugs() -> Vec<Row> {
    let places = |name| {
        row(name).offers([
            offer("m", 'a', "3").with(json!({"tag": "{a}/us-east1"})),
            offer("m", 'a', "1").with(json!({"tag": "{a}/turbo", "provider_model": "{t}-turbo"})),
        ])
    };
    vec![
        places("an endpoint slug means that endpoint, and a base slug all of the provider's")
            .asks(json!({"provider": {"only": ["{a}/us-east1"]}}))
            .times(5)
            .costs(3.0)
            .asks(json!({"provider": {"order": ["{a}/us-east1"]}}))
            .times(5)
            .costs(3.0)
            .asks(json!({"provider": {"only": ["{a}"], "sort": "price"}}))
            .times(5)
            .costs(1.0),
        row("a base slug never means an endpoint of a tier, and its whole slug does")
            .offers([
                offer("m", 'a', "2"),
                offer("m", 'a', "1").with(json!({"tag": "{a}/flex", "service_tier": "flex"})),
            ])
            .asks(json!({"provider": {"only": ["{a}"]}}))
            .times(5)
            .costs(2.0)
            .asks(json!({"provider": {"only": ["{a}/flex"]}}))
            .costs(1.0),
    ]
}

fn capabilities() -> Vec<Row> {
    let tools =
        json!([{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]);
    let schema = json!({"type": "json_schema", "json_schema": {"name": "s", "strict": true, "schema": {
        "type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"],
        "additionalProperties": false}}});
    let lacks = |parameters: Value| json!({"supported_parameters": parameters});
    vec![
        row("a parameter that the model does not know is ignored")
            .at_prices(&["1"])
            .asks(json!({"top_k": 5}))
            .succeeds(),
        row("require_parameters keeps to endpoints that know all of them")
            .offers([offer("m", 'a', "1"), offer("m", 'b', "9").with(lacks(json!(["max_tokens", "top_k"])))])
            .asks(json!({"top_k": 5, "provider": {"require_parameters": true}}))
            .times(5)
            .served_by('b'),
        row("require_parameters with one that no endpoint knows is 404")
            .at_prices(&["1"])
            .asks(json!({"top_k": 5, "provider": {"require_parameters": true}}))
            .unavailable(404, "constraint_filtered")
            .excluded_by("require_parameters"),
        row("tools go to endpoints that know tools, and are dropped where none does")
            .model("simple", lacks(json!(["max_tokens"])))
            .offers([
                offer("m", 'a', "1").with(lacks(json!(["max_tokens"]))),
                offer("m", 'b', "9"),
                offer("simple", 'a', "1"),
            ])
            .asks(json!({"tools": tools}))
            .times(5)
            .served_by('b')
            .asks(json!({"tools": tools, "model": "{t}/simple"}))
            .succeeds(),
        row("schemas go to endpoints that know schemas")
            .offers([offer("m", 'a', "1").with(lacks(json!(["max_tokens"]))), offer("m", 'b', "9")])
            .asks(json!({"response_format": schema}))
            .times(5)
            .served_by('b'),
        row("quantizations keep to those, fp4 and fp8 with their kin")
            .offers([
                offer("m", 'a', "1").with(json!({"quantization": "int4"})),
                offer("m", 'b', "9").with(json!({"quantization": "fp8"})),
                offer("m", 'c', "10").with(json!({"quantization": "mxfp4"})),
                offer("m", 'd', "11"),
            ])
            .asks(json!({"provider": {"quantizations": ["fp8"]}}))
            .times(3)
            .served_by('b')
            .has("/openrouter_metadata/endpoints/total", json!(1))
            .asks(json!({"provider": {"quantizations": ["fp4"]}}))
            .served_by('c')
            .asks(json!({"provider": {"quantizations": ["unknown"]}}))
            .served_by('d')
            .asks(json!({"provider": {"quantizations": ["bf16"]}}))
            .unavailable(404, "constraint_filtered")
            .excluded_by("quantization"),
        row("a prompt goes to endpoints that can hold it, an answer to those that can end it")
            .offers([
                offer("m", 'a', "1").with(json!({"context_length": 1_000, "max_output": 500})),
                offer("m", 'b', "9"),
            ])
            .asks(json!({"messages": [{"role": "user", "content": "word ".repeat(8_000)}]}))
            .times(3)
            .served_by('b')
            .asks(json!({"max_tokens": 600}))
            .times(3)
            .served_by('b')
            .asks(json!({"max_tokens": 100_000}))
            .unavailable(404, "constraint_filtered")
            .excluded_by("context_length"),
        row("an image goes to no model that cannot see")
            .model("m", json!({"input_modalities": ["text"]}))
            .at_prices(&["1"])
            .asks(json!({"messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]}))
            .unavailable(404, "constraint_filtered")
            .excluded_by("input_modalities"),
    ]
}

fn prices() -> Vec<Row> {
    vec![
        row("max_price rules out what costs more, even with a preferred order")
            .at_prices(&["5", "2"])
            .asks(json!({"provider": {"max_price": {"prompt": 3, "completion": "3"}}}))
            .times(5)
            .served_by('b')
            .asks(json!({"provider": {"max_price": {"prompt": 3}, "order": ["{a}"]}}))
            .served_by('b'),
        row("a cap that is too low is 404, excluded by max_price")
            .at_prices(&["5", "2"])
            .asks(json!({"provider": {"max_price": {"prompt": "0.5"}}}))
            .unavailable(404, "constraint_filtered")
            .excluded_by("max_price")
            .has("/error/availability/constraint/field", json!("provider.max_price")),
    ]
}
