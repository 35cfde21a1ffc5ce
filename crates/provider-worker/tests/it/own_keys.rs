//! What is said and written down of an answer that the tenant's own credential served.

use rpc::router::Attempt;
use rpc::worker::Start;
use serde_json::{Value, json};

use crate::upstream::{Upstream, whole};
use crate::world::{INPUT, OUTPUT, World, attempt, whole_request};

/// What the provider asks for ten tokens in and two out, in nano-USD.
const LIST: i64 = (10 * INPUT + 2 * OUTPUT) / 1_000;

/// A request in a client's dialect, served with the tenant's own credential at a markup.
fn asking(dialect: &str, body: Value, upstream: &Upstream, markup_basis_points: i32) -> Start {
    let own = Attempt { is_byok: true, markup_basis_points, ..attempt(upstream, "own") };
    Start { client_dialect: dialect.to_owned(), body: body.to_string().into(), ..whole_request(vec![own]) }
}

#[tokio::test]
async fn every_dialect_tells_our_fee_and_what_the_provider_asks() {
    let world = World::start().await;
    let said = json!([{ "role": "user", "content": "Say hello to the world." }]);
    let dialects = [
        ("chat", json!({ "model": "m", "messages": said })),
        ("completions", json!({ "model": "m", "prompt": "Say hello to the world." })),
        ("messages", json!({ "model": "m", "max_tokens": 100, "messages": said })),
        ("responses", json!({ "model": "m", "input": "Say hello to the world." })),
    ];
    for (markup, fee) in [(-9_500, LIST / 20), (-10_000, 0)] {
        for (dialect, body) in &dialects {
            let upstream = Upstream::start(vec![whole("Hello world", "stop", 2)]).await;
            let heard = world.run(asking(dialect, body.clone(), &upstream, markup)).await;
            let usage = serde_json::from_str::<Value>(&heard.text).unwrap()["usage"].take();
            let usd = |nanos: i64| pricing::Amount::from_nanos(nanos).to_json_number().as_f64();
            assert_eq!(usage["is_byok"], true, "{dialect}");
            assert_eq!(usage["cost"].as_f64(), usd(fee), "{dialect}");
            let upstream_cost = &usage["cost_details"]["upstream_inference_cost"];
            assert_eq!(upstream_cost.as_f64(), usd(LIST), "{dialect}");
            let last = heard.r#final.unwrap();
            assert_eq!((last.charge, last.provider_cost), (fee, 0), "{dialect}");
        }
    }
    for record in world.notes.records(8).await {
        assert!(record.is_byok && record.markup_basis_points <= -9_500);
        assert_eq!((record.provider_cost, record.upstream_cost, record.absorbed), (0, LIST, 0));
    }
}
