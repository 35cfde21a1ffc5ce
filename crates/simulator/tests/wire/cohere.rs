use serde_json::{Value, json};

use crate::client::{Simulator, assert_weather, weather_schema, with};
use crate::recorded::{self, assert_like, order};

const PATH: &str = "/cohere/v2/chat";

fn ask(prompt: &str) -> Value {
    json!({"model": "command-a-03-2025", "messages": [{"role": "user", "content": prompt}]})
}

fn tools() -> Value {
    json!({"tools": [{"type": "function", "function": {"name": "get_weather", "parameters": weather_schema()}}]})
}

fn streamed(request: Value) -> Value {
    with(request, &json!({"stream": true}))
}

fn joined(events: &[Value], way: &str) -> String {
    events.iter().filter_map(|event| event.pointer(way)?.as_str()).collect()
}

#[tokio::test]
async fn streams_say_what_unary_answers_say() {
    let simulator = Simulator::start().await;
    let request = with(ask("Describe tide pools"), &json!({"thinking": {"type": "enabled"}}));
    let whole = simulator.post(PATH, &request).await.json();
    if let Some(recorded) = recorded::json("cohere/v2.chat-unary-reasoning") {
        assert_like(&whole, &recorded, &[]);
    }
    let reply = simulator.post(PATH, &streamed(request)).await;
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
    let events = reply.events();
    assert_eq!(
        joined(&events, "/delta/message/content/thinking"),
        whole["message"]["content"][0]["thinking"].as_str().unwrap()
    );
    assert_eq!(
        joined(&events, "/delta/message/content/text"),
        whole["message"]["content"][1]["text"].as_str().unwrap()
    );
    let end = &events.last().unwrap()["delta"];
    assert_eq!((&end["usage"], &end["finish_reason"]), (&whole["usage"], &json!("COMPLETE")));
    let entry = simulator.last_entry().await;
    assert_eq!(entry["usage"]["prompt"], whole["usage"]["tokens"]["input_tokens"]);
    assert_eq!(entry["usage"]["billed_prompt"], whole["usage"]["billed_units"]["input_tokens"]);
    assert_eq!(entry["tokens_sent"], whole["usage"]["tokens"]["output_tokens"]);
    let billed = whole["usage"]["billed_units"]["input_tokens"].as_u64().unwrap();
    assert!(billed < whole["usage"]["tokens"]["input_tokens"].as_u64().unwrap());
}

#[tokio::test]
async fn documents_are_cited() {
    let simulator = Simulator::start().await;
    let text = "The Ruby programming language was created by Yukihiro Matsumoto.";
    let documents = json!({"model": "command-a-plus-05-2026", "documents": [{"id": "doc:7", "data": {"title": "facts.txt", "text": text}}]});
    let request = with(ask("Who created Ruby?"), &documents);
    let whole = simulator.post(PATH, &request).await.json();
    let citation = &whole["message"]["citations"][0];
    assert_eq!((&citation["text"], &citation["sources"][0]["id"]), (&json!(text), &json!("doc:7")));
    let said = whole["message"]["content"][citation["content_index"].as_u64().unwrap() as usize]["text"]
        .as_str()
        .unwrap();
    let start = citation["start"].as_u64().unwrap() as usize;
    assert_eq!(said.chars().skip(start).take(text.len()).collect::<String>(), text);
    let events = simulator.post(PATH, &streamed(request)).await.events();
    if let Some(recorded) = recorded::events("cohere/v2.chat-stream-citations") {
        // The recording cites twice.
        let mut kinds = order(&recorded);
        kinds.drain(7..10);
        assert_eq!(order(&events), kinds);
        for event in &recorded {
            let same = |own: &&Value| own["type"] == event["type"] && own["index"] == event["index"];
            if let Some(own) = events.iter().find(same) {
                assert_like(own, event, &[]);
            }
        }
    }
    let cited = events.iter().find(|event| event["type"] == "citation-start").unwrap();
    assert_eq!(&cited["delta"]["message"]["citations"], citation);
}

#[tokio::test]
async fn calls_are_announced_and_answered() {
    let simulator = Simulator::start().await;
    let request = with(ask("Use get_weather for Porto [[sim: tools=2]]"), &tools());
    let whole = simulator.post(PATH, &request).await.json();
    assert_eq!((&whole["finish_reason"], whole["message"].get("content")), (&json!("TOOL_CALL"), None));
    let events = simulator.post(PATH, &streamed(request.clone())).await.events();
    assert_eq!(joined(&events, "/delta/message/tool_plan"), whole["message"]["tool_plan"].as_str().unwrap());
    if let Some(recorded) = recorded::events("cohere/v2.chat-stream-parallel_tools") {
        assert_eq!(order(&events), order(&recorded));
        for event in &recorded {
            let own = events.iter().find(|own| own["type"] == event["type"]).unwrap();
            assert_like(own, event, &[]);
        }
    }
    let call = &whole["message"]["tool_calls"][0];
    assert!(call["id"].as_str().unwrap().starts_with("get_weather_"));
    assert_weather(&serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap(), "Porto");
    let result = |content: Value, id: &Value| {
        json!({"messages": [{"role": "user", "content": "Use get_weather for Porto"},
            {"role": "assistant", "tool_plan": "I will.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": id, "content": content}]})
    };
    for content in
        [json!("18 degrees"), json!([{"type": "document", "document": {"data": {"output": "18 degrees"}}}])]
    {
        let answer = simulator.post(PATH, &with(request.clone(), &result(content, &call["id"]))).await.json();
        assert_eq!(answer["message"]["content"][0]["text"], "The tool answered: 18 degrees");
    }
    let stray = simulator.post(PATH, &with(request, &result(json!("x"), &json!("other")))).await;
    assert_eq!(stray.status, 400);
}

#[tokio::test]
async fn limits_formats_and_refusals() {
    let simulator =
        Simulator::with(simulator::Config { require_key: true, label: false, ..Default::default() }).await;
    let post = async |more: Value| simulator.post(PATH, &with(ask("Weather in Oslo as JSON"), &more)).await;
    let formed =
        post(json!({"response_format": {"type": "json_object", "schema": weather_schema()}})).await.json();
    let text = formed["message"]["content"][0]["text"].as_str().unwrap();
    assert_weather(&serde_json::from_str(text).unwrap(), "Oslo");
    assert_eq!(post(json!({"max_tokens": 4})).await.json()["finish_reason"], "MAX_TOKENS");
    assert_eq!(post(json!({"stop_sequences": ["asked"]})).await.json()["finish_reason"], "STOP_SEQUENCE");
    for more in [
        json!({"top_p": 0.5}),
        json!({"messages": [{"role": "user", "content": "x", "name": "y"}]}),
        json!({"stream_options": {}}),
    ] {
        let reply = post(more).await;
        assert!(reply.status == 422 && reply.text().contains("is not a valid field"), "{}", reply.text());
    }
    assert_eq!(post(json!({"tool_choice": "auto"})).await.status, 400);
    assert_eq!(post(with(tools(), &json!({"response_format": {"type": "json_object"}}))).await.status, 400);
    let missing = post(json!({"model": "nonexistent"})).await;
    assert!(missing.status == 404 && missing.json()["id"].is_string());
    let keyless = simulator.call("POST", PATH, "", &ask("x").to_string()).await;
    assert_eq!(keyless.status, 401);
    let broken = simulator.post(PATH, &streamed(ask("x [[sim: error_after_tokens=3]]"))).await.events();
    assert_eq!(broken.last().unwrap()["delta"]["finish_reason"], "ERROR");
}

#[tokio::test]
async fn repeated_prefixes_are_read_from_the_cache() {
    let simulator = Simulator::start().await;
    let system = "Every rule of the house names its source. ".repeat(150);
    let ask = async |question: &str| {
        let request = json!({"model": "command-a-03-2025", "messages": [{"role": "system", "content": system},
            {"role": "user", "content": question}]});
        simulator.post(PATH, &request).await.json()["usage"].clone()
    };
    assert_eq!(ask("first").await["cached_tokens"], 0);
    let usage = ask("second").await;
    let cached = usage["cached_tokens"].as_u64().unwrap();
    assert!(
        cached >= 1024 && cached % 16 == 0 && cached <= usage["tokens"]["input_tokens"].as_u64().unwrap()
    );
}
