//! Habits of those who share OpenAI's shape, known by their name in the path.

use serde_json::{Value, json};

use crate::client::{Reply, Simulator, chat, weather_schema, with};
use crate::recorded::{self, assert_like};

async fn post(simulator: &Simulator, vendor: &str, body: &Value) -> Reply {
    simulator.post(&format!("/p/{vendor}/openai/v1/chat/completions"), body).await
}

async fn events(simulator: &Simulator, vendor: &str, body: Value) -> Vec<Value> {
    post(simulator, vendor, &with(body, &json!({"stream": true}))).await.events()
}

fn usage() -> Value {
    json!({"stream_options": {"include_usage": true}})
}

#[tokio::test]
async fn groq_says_usage_twice_and_names_its_errors() {
    let simulator = Simulator::start().await;
    let events = events(&simulator, "groq", with(chat("Hello there"), &usage())).await;
    assert!(events[0]["x_groq"]["id"].is_string());
    let [finish, last] = &events[events.len() - 2..] else { panic!("{events:?}") };
    assert_eq!(finish["x_groq"]["usage"], last["usage"]);
    if let Some(recorded) = recorded::events("groq/chat-stream-plain") {
        assert_like(&events[0], &recorded[0], &[]);
        assert_like(finish, &recorded[recorded.len() - 2], &[]);
        assert_like(last, recorded.last().unwrap(), &[]);
    }
    let broken = with(
        chat("Hi [[sim: error_after_tokens=3 status=400 code=tool_use_failed]]"),
        &json!({"stream": true}),
    );
    let text = post(&simulator, "groq", &broken).await.text();
    assert!(
        text.contains("event: error\ndata: ")
            && text.contains("\"status_code\":400")
            && !text.contains("[DONE]")
    );
    assert_eq!(post(&simulator, "groq", &with(chat("x"), &json!({"n": 2}))).await.status, 400);
}

#[tokio::test]
async fn azure_filters_prompts_and_answers() {
    let simulator = Simulator::start().await;
    let events = events(&simulator, "azure", chat("Hello there")).await;
    assert_eq!(events[0]["choices"], json!([]));
    let whole = post(&simulator, "azure", &chat("Hello there")).await.json();
    if let Some(recorded) = recorded::events("azure/chat-stream-tool_call") {
        assert_like(&events[0], &recorded[0], &[]);
        assert!(events[1]["choices"][0]["content_filter_results"].is_object());
    }
    assert_eq!(whole["choices"][0]["content_filter_results"]["hate"]["severity"], "safe");
    let blocked = post(&simulator, "azure", &chat("x [[sim: status=400 code=content_filter]]")).await.json();
    if let Some(recorded) = recorded::json("azure/chat-unary-error_400-content_filter") {
        assert_like(&blocked, &recorded, &[]);
    }
    let deployed = json!({"messages": [{"role": "user", "content": "Hello"}]});
    let path = "/p/azure/openai/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21";
    let reply = simulator.call("POST", path, "api-key: k\r\n", &deployed.to_string()).await;
    assert_eq!(reply.json()["model"], "my-gpt");
}

#[tokio::test]
async fn openrouter_comments_and_prices() {
    let simulator = Simulator::start().await;
    let request =
        with(chat("Hello there"), &with(usage(), &json!({"stream": true, "reasoning": {"effort": "low"}})));
    let reply = post(&simulator, "openrouter", &request).await;
    assert!(reply.text().starts_with(": OPENROUTER PROCESSING\n\n"));
    let events = reply.events();
    let last = events.last().unwrap();
    assert!(last["usage"]["cost"].as_f64().unwrap() > 0.0 && last["choices"].as_array().unwrap().len() == 1);
    if let Some(recorded) = recorded::events("openrouter/chat-stream-plain-claude-haiku") {
        assert_like(last, recorded.last().unwrap(), &[]);
    }
    let thought = events.iter().find(|event| event["choices"][0]["delta"]["reasoning"].is_string()).unwrap();
    let delta = &thought["choices"][0]["delta"];
    assert_eq!(delta["reasoning_details"][0]["text"], delta["reasoning"]);
    let broken = with(chat("Hi [[sim: error_after_tokens=3 status=502]]"), &json!({"stream": true}));
    let events = post(&simulator, "openrouter", &broken).await.events();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["error"]["code"], &last["choices"][0]["finish_reason"]),
        (&json!(502), &json!("error"))
    );
}

#[tokio::test]
async fn errors_have_their_maker_s_shape() {
    let simulator = Simulator::start().await;
    let unknown = with(chat("x"), &json!({"model": "nonexistent"}));
    for (vendor, status) in
        [("xai", 400), ("deepseek", 400), ("openrouter", 400), ("groq", 404), ("vllm", 404)]
    {
        assert_eq!(post(&simulator, vendor, &unknown).await.status, status, "{vendor}");
    }
    let refused = async |vendor: &str, script: &str| {
        post(&simulator, vendor, &chat(&format!("x [[sim: {script}]]"))).await.json()
    };
    for (vendor, script, case) in [
        ("xai", "status=400", "xai/chat-unary-error_400"),
        ("deepseek", "status=402", "deepseek/chat-unary-error_402"),
        ("fireworks", "status=404", "fireworks/chat-unary-error_404"),
        ("fireworks", "status=429", "fireworks/chat-unary-error_429"),
        ("together", "status=429", "together/chat-unary-error_429"),
        ("vllm", "status=400", "vllm/chat-unary-error_400"),
        ("openrouter", "status=429", "openrouter/chat-unary-error_429"),
        ("azure", "status=429", "azure/chat-unary-error_429"),
        ("azure", "status=404", "azure/chat-unary-error_404"),
        ("groq", "status=429", "groq/chat-unary-error_429"),
    ] {
        if let Some(recorded) = recorded::json(case) {
            assert_like(&refused(vendor, script).await, &recorded, &[]);
        }
    }
    assert!(refused("xai", "status=429").await["error"].is_string());
}

#[tokio::test]
async fn smaller_habits() {
    let simulator = Simulator::start().await;
    let together = events(&simulator, "together", chat("Hello there")).await;
    assert_eq!(together[1]["choices"][0]["text"], together[1]["choices"][0]["delta"]["content"]);
    let whole = post(&simulator, "together", &chat("Hello there")).await.json();
    if let Some(recorded) = recorded::json("together/chat-unary-plain") {
        assert_like(&whole, &recorded, &["choices.message.tool_calls"]);
    }
    let fireworks =
        events(&simulator, "fireworks", with(chat("Hello there"), &with(usage(), &json!({"n": 2})))).await;
    assert_eq!(fireworks.iter().filter(|event| event["usage"].is_object()).count(), 2);
    for vendor in ["cerebras", "perplexity"] {
        let reply = post(&simulator, vendor, &with(chat("Hello there"), &json!({"stream": true}))).await;
        assert!(!reply.text().contains("[DONE]"), "{vendor}");
    }
    let perplexity = events(&simulator, "perplexity", chat("Hello there")).await;
    assert!(perplexity.iter().all(|event| event["usage"].is_object() && event["citations"].is_array()));
    let deepseek = post(&simulator, "deepseek", &with(chat("Hello there"), &json!({"stream": true}))).await;
    assert!(deepseek.text().starts_with(": keep-alive\n\n"));
    let pictured = json!({"model": "deepseek-chat", "messages": [{"role": "user", "content":
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]}]});
    assert!(post(&simulator, "deepseek", &pictured).await.text().contains("unknown variant `image_url`"));
    let tools = json!({"tools": [{"type": "function", "function": {"name": "get_weather", "parameters": weather_schema()}}]});
    let called = post(&simulator, "deepseek", &with(chat("Use get_weather for Porto"), &tools)).await.json();
    assert!(called["choices"][0]["message"]["tool_calls"][0]["id"].as_str().unwrap().starts_with("call_00_"));
}
