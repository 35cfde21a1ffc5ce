//! What an answer tells of its routing, and answers that are given again.

use serde_json::{Value, json};
use testkit::Reply;

use super::row::{Row, offer, row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = metadata();
    rows.extend(again());
    rows
}

fn metadata() -> Vec<Row> {
    vec![
        row("who asks is told what was wanted, what there was and what was tried")
            .offers([offer("m", 'a', "1").suffers(json!({"status": 500})), offer("m", 'b', "2")])
            .asks(json!({"model": "{t}/m:floor"}))
            .served_by('b')
            .has("/openrouter_metadata/requested", json!("{t}/m:floor"))
            .has("/openrouter_metadata/strategy", json!("direct"))
            .has("/openrouter_metadata/region", Value::Null)
            .has("/openrouter_metadata/is_byok", json!(false))
            .has("/openrouter_metadata/attempt", json!(2))
            .has("/openrouter_metadata/endpoints/total", json!(2))
            .tried(&[('a', 500), ('b', 200)])
            .says("one endpoint is selected", |reply| selected(reply) == 1),
        row("who does not ask is told nothing")
            .at_prices(&["1"])
            .asks(json!({}))
            .without_metadata()
            .succeeds()
            .lacks("/openrouter_metadata"),
        row("a refusal is told of, beside the error")
            .at_prices(&["1"])
            .asks(json!({"provider": {"only": ["nobody"]}}))
            .unavailable(404, "constraint_filtered")
            .has("/openrouter_metadata/attempt", json!(0))
            .has("/openrouter_metadata/endpoints/available", json!([])),
        row("/messages and /responses tell it too")
            .at_prices(&["1"])
            .posts(
                "/messages",
                json!({"model": "{t}/m", "max_tokens": 50,
                       "messages": [{"role": "user", "content": "Say hello."}]}),
            )
            .has("/openrouter_metadata/attempt", json!(1))
            .posts("/responses", json!({"model": "{t}/m", "input": "Say hello."}))
            .has("/openrouter_metadata/attempt", json!(1)),
        row("a stream tells it once, at its end").at_prices(&["1"]).asks(json!({"stream": true})).says(
            "once, in the last chunk",
            |reply| {
                let text = reply.body["stream"].as_str().unwrap_or_default();
                let last = text.rsplit("data: ").nth(1).unwrap_or_default();
                text.matches("\"openrouter_metadata\"").count() == 1 && last.contains("openrouter_metadata")
            },
        ),
        row("every wrong preference is 400, and named")
            .at_prices(&["1"])
            .asks(json!({"provider": {"sort": "beauty"}}))
            .status(400)
            .says("names it", |reply| reply.error_message().contains("provider.sort"))
            .asks(json!({"provider": {"colour": "red"}}))
            .status(400)
            .says("names it", |reply| reply.error_message().contains("colour")),
    ]
}

fn selected(reply: &Reply) -> usize {
    let available = reply.body["openrouter_metadata"]["endpoints"]["available"].as_array();
    available.into_iter().flatten().filter(|endpoint| endpoint["selected"] == json!(true)).count()
}

fn again() -> Vec<Row> {
    let is_free = |reply: &Reply| reply.body["usage"]["cost"].as_f64() == Some(0.0);
    vec![
        row("the second of two identical calls is a hit, costs nothing and has an id of its own")
            .at_prices(&["1"])
            .asks(json!({"user": "{t}"}))
            .header("x-openrouter-cache", "true")
            .costs(1.0)
            .has_header("x-openrouter-cache-status", "MISS")
            .asks(json!({"user": "{t}"}))
            .header("x-openrouter-cache", "true")
            .succeeds()
            .has_header("x-openrouter-cache-status", "HIT")
            .has("/usage/total_tokens", json!(0))
            .says("costs nothing", is_free)
            .says("an id of its own", |reply| {
                let source = reply.header("x-openrouter-cache-source-id");
                !source.is_empty() && reply.body["id"] != json!(source)
            })
            .lacks("/openrouter_metadata")
            .called("m", 'a', 1..=1),
        row("without the header nothing is cached")
            .at_prices(&["1"])
            .asks(json!({"user": "{t}"}))
            .times(2)
            .one_by_one()
            .costs(1.0)
            .has_header("x-openrouter-cache-status", "")
            .called("m", 'a', 2..=2),
        row("a request with an Idempotency-Key is made and charged once, however often it is sent")
            .at_prices(&["1"])
            .asks(json!({"user": "{t}"}))
            .header("idempotency-key", "only-once-for-{t}")
            .times(6)
            .costs(1.0)
            .expects(super::check::one_id())
            .called("m", 'a', 1..=1)
            .asks(json!({"user": "somebody else"}))
            .header("idempotency-key", "only-once-for-{t}")
            .status(422),
    ]
}
