//! What was seen of endpoints decides: outages, latency, throughput, calls of tools; and classes of service.

use serde_json::{Value, json};

use super::row::{Row, offer, row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = outages();
    rows.extend(speeds());
    rows
}

fn outages() -> Vec<Row> {
    vec![
        row("a failing provider is replaced before the client notices, and both attempts are told of")
            .offers([offer("m", 'a', "1").suffers(json!({"status": 500})), offer("m", 'b', "9")])
            .asks(json!({"provider": {"order": ["{a}", "{b}"]}}))
            .served_by('b')
            .tried(&[('a', 500), ('b', 200)])
            .has("/openrouter_metadata/attempt", json!(2))
            .costs(9.0),
        row("a provider with an outage drops to the last, though it is the cheapest")
            .offers([
                offer("m", 'a', "1").suffers(json!({"status": 500})),
                offer("m", 'b', "2"),
                offer("m", 'c', "3"),
            ])
            .warm(12, json!({}))
            // A probe of it may fall into the step.
            .asks(json!({}))
            .times(30)
            .in_a_while()
            .succeeds()
            .retried_at_most(2),
        row("a provider that is rate limited is left alone for as long as it says")
            .offers([
                offer("m", 'a', "1").suffers(json!({"status": 429, "retry_after": 60})),
                offer("m", 'b', "9"),
            ])
            .warm(8, json!({}))
            .asks(json!({}))
            .times(20)
            .in_a_while()
            .served_by('b')
            .retried_at_most(0),
    ]
}

/// `a` is quick to begin and slow to go on, `b` the other way around.
fn hare_and_tortoise(name: &'static str) -> Row {
    row(name)
        .offers([
            offer("m", 'a', "1").suffers(json!({"first_token_delay_ms": 10, "delay_ms": 40})),
            offer("m", 'b', "2").suffers(json!({"first_token_delay_ms": 500})),
        ])
        .warm(16, talk(json!({"provider": {"only": ["{a}"]}})))
        .warm(16, talk(json!({"provider": {"only": ["{b}"]}})))
}

/// A stream that is long enough to show how fast it goes on.
fn talk(members: Value) -> Value {
    let mut body = json!({"stream": true,
                          "messages": [{"role": "user", "content": "Talk. [[sim: tokens=60]]"}]});
    if let (Value::Object(body), Value::Object(members)) = (&mut body, members) {
        body.extend(members);
    }
    body
}

fn speeds() -> Vec<Row> {
    vec![
        hare_and_tortoise("sort by latency and by throughput are the same endpoint, call after call")
            .asks(talk(json!({"provider": {"sort": "latency"}})))
            .times(20)
            .in_a_while()
            .served_by('a')
            .asks(talk(json!({"provider": {"sort": "throughput"}})))
            .times(20)
            .in_a_while()
            .served_by('b')
            .asks(talk(json!({"model": "{t}/m:nitro"})))
            .times(8)
            .served_by('b')
            .asks(talk(json!({"model": "{t}/m:nitro", "provider": {"sort": "price"}})))
            .times(8)
            .served_by('a'),
        hare_and_tortoise("who misses a threshold goes last and is not ruled out")
            .asks(talk(json!({"provider": {"preferred_max_latency": 0.3}})))
            .times(8)
            .in_a_while()
            .served_by('a')
            .asks(talk(json!({"provider": {"preferred_min_throughput": {"p50": 45}}})))
            .times(8)
            .in_a_while()
            .served_by('b')
            .asks(talk(json!({"provider": {"preferred_max_latency": {"p50": 0.0001, "p99": 0.0001},
                                           "preferred_min_throughput": 1_000_000}})))
            .times(8)
            .succeeds(),
        row(":nitro lets priority endpoints in")
            .offers([
                offer("m", 'a', "1").suffers(json!({"answer_delay_ms": 300})),
                offer("m", 'b', "4").with(json!({"tag": "{b}/priority", "service_tier": "priority"})),
            ])
            .warm(12, json!({"provider": {"only": ["{a}"]}}))
            .warm(12, json!({"service_tier": "priority"}))
            .asks(json!({"model": "{t}/m:nitro"}))
            .times(10)
            .in_a_while()
            .served_by('b')
            .asks(json!({}))
            .times(3)
            .served_by('a'),
    ]
}

pub(super) fn tools_and_tiers() -> Vec<Row> {
    let flex = |letter: char, price| {
        let tag = format!("{{{letter}}}/flex");
        offer("m", letter, price).with(
            json!({"tag": tag, "service_tier": "flex", "provider_model": "{t}-flex", "quirks": quirks()}),
        )
    };
    let priority = |letter: char, price| {
        let tag = format!("{{{letter}}}/priority");
        offer("m", letter, price)
            .with(json!({"tag": tag, "service_tier": "priority", "provider_model": "{t}-priority", "quirks": quirks()}))
    };
    vec![
        exacto(),
        row("flex is served by flex at half the price, and said")
            .offers([offer("m", 'a', "2"), flex('a', "1")])
            .asks(json!({"service_tier": "flex"}))
            .times(5)
            .costs(1.0)
            .has("/service_tier", json!("flex"))
            .asks(json!({"service_tier": "default", "model": "{t}/m:floor"}))
            .times(5)
            .costs(2.0),
        row("flex does not fall back: its error is shown")
            .offers([offer("m", 'a', "2"), flex('a', "1").suffers(json!({"status": 503}))])
            .asks(json!({"service_tier": "flex"}))
            .unavailable(503, "temporarily_unavailable")
            .called("m", 'a', 0..=0),
        row("flex of a model that has none is the usual service")
            .offers([offer("m", 'a', "2")])
            .asks(json!({"service_tier": "flex"}))
            .costs(2.0),
        row("priority goes first, and falls back on the usual service")
            .offers([offer("m", 'a', "1"), priority('a', "4")])
            .asks(json!({"service_tier": "priority"}))
            .times(5)
            .costs(4.0)
            .has("/service_tier", json!("priority"))
            .asks(json!({"service_tier": "fast"}))
            .costs(4.0),
        row("where priority fails, the usual service is billed and said")
            .offers([offer("m", 'a', "1"), priority('a', "4").suffers(json!({"status": 500}))])
            .asks(json!({"service_tier": "priority"}))
            .costs(1.0)
            .says("not priority", |reply| reply.body["service_tier"] != "priority"),
    ]
}

/// Those of a provider that is told the class of service, and says which one served.
pub(super) fn quirks() -> Value {
    json!({"accepts": ["service_tier"]})
}

/// Whoever is bad at calling tools is put behind, for requests with tools and for no others. Judging takes four
/// providers with two hundred such answers each.
fn exacto() -> Row {
    let tools = json!([{"type": "function", "function": {"name": "look_up", "parameters": {
        "type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}}}]);
    let calls =
        |letter: &str| json!({"tools": tools, "tool_choice": "required", "provider": {"only": [letter]}});
    // Cut in the middle of the arguments, and called a call all the same.
    let mut spoiled = calls("{a}");
    if let Value::Object(spoiled) = &mut spoiled {
        spoiled.insert("max_tokens".to_owned(), json!(7));
    }
    row("whoever is bad at tools is put behind for requests with tools, and for no others")
        .offers([
            offer("m", 'a', "0.1").suffers(json!({"finish": "tool_calls"})),
            offer("m", 'b', "1"),
            offer("m", 'c', "1"),
            offer("m", 'd', "1"),
        ])
        .warm(205, spoiled)
        .warm(205, calls("{b}"))
        .warm(205, calls("{c}"))
        .warm(205, calls("{d}"))
        .asks(json!({"tools": tools}))
        .times(20)
        .in_a_while()
        .shares('a', 0..=0)
        .has("/openrouter_metadata/endpoints/total", json!(4))
        .asks(json!({"model": "{t}/m:exacto", "tools": tools}))
        .times(10)
        .shares('a', 0..=0)
        .asks(json!({"tools": tools, "provider": {"sort": "price"}}))
        .times(5)
        .served_by('a')
        // A hundredth of the price of three others leads 33 times in 34.
        .asks(json!({}))
        .times(20)
        .shares('a', 12..=20)
}
