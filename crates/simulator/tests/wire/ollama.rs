use serde_json::{Value, json};

use crate::client::{Simulator, assert_weather, weather_schema, with};

fn ask(prompt: &str) -> Value {
    json!({"model": "llama3.2", "messages": [{"role": "user", "content": prompt}]})
}

#[tokio::test]
async fn lines_say_what_the_whole_says() {
    let simulator = Simulator::start().await;
    let request = with(ask("Tell me about owls"), &json!({"think": true}));
    let whole =
        simulator.post("/ollama/api/chat", &with(request.clone(), &json!({"stream": false}))).await.json();
    let reply = simulator.post("/ollama/api/chat", &request).await;
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
    let lines = reply.lines();
    let joined =
        |field: &str| -> String { lines.iter().filter_map(|line| line["message"][field].as_str()).collect() };
    assert_eq!(joined("content"), whole["message"]["content"].as_str().unwrap());
    assert_eq!(joined("thinking"), whole["message"]["thinking"].as_str().unwrap());
    let last = lines.last().unwrap();
    assert_eq!((&last["done"], &last["done_reason"]), (&json!(true), &json!("stop")));
    assert_eq!(last["eval_count"], whole["eval_count"]);
    assert_eq!(simulator.last_entry().await["usage"]["completion"], whole["eval_count"]);
}

#[tokio::test]
async fn calls_limits_and_errors() {
    let simulator = Simulator::start().await;
    let tools = json!({"tools": [{"type": "function", "function": {"name": "get_weather", "parameters": weather_schema()}}]});
    let lines =
        simulator.post("/ollama/api/chat", &with(ask("What is the weather in Evora?"), &tools)).await.lines();
    assert_weather(&lines[0]["message"]["tool_calls"][0]["function"]["arguments"], "Evora");
    assert_eq!(lines[1]["done_reason"], "stop");
    let short = json!({"stream": false, "options": {"num_predict": 3}, "format": "json"});
    let body = simulator.post("/ollama/api/chat", &with(ask("Tell me about owls"), &short)).await.json();
    assert_eq!((&body["done_reason"], &body["eval_count"]), (&json!("length"), &json!(3)));
    let missing = simulator.post("/ollama/api/chat", &with(ask("x"), &json!({"model": "nonexistent"}))).await;
    assert_eq!((missing.status, missing.json()), (404, json!({"error": "model 'nonexistent' not found"})));
    let url = json!({"messages": [{"role": "user", "content": "x", "images": ["data:image/png;base64,AA"]}]});
    assert_eq!(simulator.post("/ollama/api/chat", &with(ask("x"), &url)).await.status, 400);
    let other = simulator.post("/ollama/v1/chat/completions", &ask("Tell me about owls")).await.json();
    assert_eq!(other["object"], "chat.completion");
    assert!(!simulator.get("/ollama/api/tags").await["models"].as_array().unwrap().is_empty());
}
