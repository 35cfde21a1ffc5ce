use serde_json::{Value, json};
use simulator::{Config, FAST_PROMPT_TOKENS, Mode, fast_piece};

use crate::client::{Simulator, chat, with};

#[tokio::test]
async fn fast_answers_are_well_formed_numbered_and_distinct() {
    let simulator = Simulator::with(Config { mode: Mode::Fast, ..Config::default() }).await;
    simulator.put_fault("/p/s/_admin/faults/*", &json!({"tokens": 20})).await;
    let expected: String = (0..20).map(fast_piece).collect();
    let path = "/p/s/openai/v1/chat/completions";
    let first = simulator.post(path, &chat("x")).await.json();
    let second = simulator.post(path, &chat("x")).await.json();
    assert_ne!(first["id"], second["id"]);
    assert_eq!(first["choices"][0]["message"]["content"], expected);
    assert_eq!(first["usage"]["prompt_tokens"], FAST_PROMPT_TOKENS);
    let reply = simulator.post(path, &with(chat("x"), &json!({"stream": true}))).await;
    let events = reply.events();
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, expected);
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 20);
    let ids: std::collections::HashSet<&Value> = events.iter().map(|event| &event["id"]).collect();
    assert_eq!(ids.len(), 1);
    simulator
        .put_fault("/p/s/_admin/faults/*", &json!({"tokens": 20, "delay_ms": 1, "answer_delay_ms": 1}))
        .await;
    let paced =
        simulator.post("/p/s/anthropic/v1/messages", &with(chat("x"), &json!({"stream": true}))).await;
    assert!(paced.whole && paced.chunks.len() >= 20 && paced.text().contains("message_stop"));
    let gemini = "/p/s/gemini/v1beta/models/m:streamGenerateContent?alt=sse";
    assert_eq!(
        simulator.post(gemini, &json!({})).await.events().last().unwrap()["usageMetadata"]["candidatesTokenCount"],
        20
    );
    let totals = simulator.get("/_admin/state").await["totals"][0]["totals"].clone();
    assert_eq!((&totals["requests"], &totals["completion_tokens"]), (&json!(5), &json!(100)));
}
