use serde_json::{Value, json};

use crate::client::{Simulator, assert_weather, chat, weather_schema, with};

const PATH: &str = "/openai/v1/chat/completions";

fn tools() -> Value {
    json!({"tools": [{"type": "function", "function": {"name": "get_weather", "parameters": weather_schema()}}]})
}

fn joined(events: &[Value], field: &str) -> String {
    events.iter().filter_map(|event| event["choices"][0]["delta"][field].as_str()).collect()
}

#[tokio::test]
async fn unary_answers_have_shape_usage_and_headers() {
    let simulator = Simulator::start().await;
    let reply = simulator.post(PATH, &chat("Tell me about volcanoes")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(reply.header("x-request-id").unwrap().starts_with("req_"));
    assert!(reply.header("x-ratelimit-remaining-requests").is_some());
    assert_eq!(reply.header("x-simulated"), Some("patchbay"));
    let body = reply.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "gpt-4o-mini");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("volcanoes"), "{text}");
    let usage = &body["usage"];
    assert_eq!(usage["prompt_tokens"], 5 + 4 + 3, "{usage}");
    assert!(usage["completion_tokens"].as_u64().unwrap() >= 60);
    let entry = simulator.last_entry().await;
    assert_eq!(entry["usage"]["completion"], usage["completion_tokens"]);
    assert_eq!(entry["tokens_sent"], usage["completion_tokens"]);
    assert_eq!(entry["response_id"], body["id"]);
    assert_eq!((&entry["outcome"], &entry["key_tail"]), (&json!("complete"), &json!("1234")));
}

#[tokio::test]
async fn answers_repeat_and_depend_on_the_seed() {
    let say = async |seed: u64, request: Value| {
        let simulator = Simulator::with(simulator::Config { seed, ..Default::default() }).await;
        let body = simulator.post(PATH, &request).await.json();
        body["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    };
    let request = chat("Why is the sky blue?");
    assert_eq!(say(1, request.clone()).await, say(1, request.clone()).await);
    assert_ne!(say(1, request.clone()).await, say(2, request.clone()).await);
    let seeded = with(request, &json!({"seed": 5}));
    assert_eq!(say(1, seeded.clone()).await, say(1, seeded.clone()).await);
    assert!(say(1, seeded).await.starts_with("[simulated] "));
}

#[tokio::test]
async fn no_answer_has_the_id_of_one_of_an_earlier_life() {
    let id = async || Simulator::start().await.post(PATH, &chat("Hello")).await.json()["id"].take();
    assert_ne!(id().await, id().await);
}

#[tokio::test]
async fn streams_say_what_unary_answers_say() {
    let simulator = Simulator::start().await;
    let request = chat("Describe tide pools");
    let whole = simulator.post(PATH, &request).await.json();
    let stream = with(request, &json!({"stream": true, "stream_options": {"include_usage": true}}));
    let reply = simulator.post(PATH, &stream).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
    let events = reply.events();
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(events[0]["usage"], Value::Null);
    assert_eq!(joined(&events, "content"), whole["choices"][0]["message"]["content"].as_str().unwrap());
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], whole["usage"]);
    assert!(reply.chunks.len() > 60, "each event leaves on its own: {}", reply.chunks.len());
    let silent = simulator.post(PATH, &with(stream, &json!({"stream_options": null}))).await.events();
    assert!(silent.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test]
async fn limits_and_stops_end_answers() {
    let simulator = Simulator::start().await;
    let finish = async |more: Value| {
        let body = simulator.post(PATH, &with(chat("Tell me about rivers"), &more)).await.json();
        let choice = body["choices"][0].clone();
        (
            choice["finish_reason"].clone(),
            choice["message"]["content"].clone(),
            body["usage"]["completion_tokens"].clone(),
        )
    };
    let (reason, _, tokens) = finish(json!({"max_tokens": 7})).await;
    assert_eq!((reason, tokens), (json!("length"), json!(7)));
    let (reason, text, _) = finish(json!({"stop": "rivers"})).await;
    assert_eq!(reason, "stop");
    assert_eq!(text, "You asked: \"Tell me about ");
    let body = simulator.post(PATH, &with(chat("Hello there"), &json!({"n": 3}))).await.json();
    let texts: Vec<&Value> =
        body["choices"].as_array().unwrap().iter().map(|c| &c["message"]["content"]).collect();
    assert_eq!(texts.len(), 3);
    assert_ne!(texts[0], texts[1]);
    let events =
        simulator.post(PATH, &with(chat("Hello there"), &json!({"n": 2, "stream": true}))).await.events();
    assert!(events.iter().any(|event| event["choices"][0]["index"] == 1));
}

#[tokio::test]
async fn tools_are_called_and_their_results_used() {
    let simulator = Simulator::start().await;
    let request = with(chat("What is the weather in Lisbon?"), &tools());
    let body = simulator.post(PATH, &request).await.json();
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let call = &choice["message"]["tool_calls"][0];
    let arguments = call["function"]["arguments"].as_str().unwrap();
    assert_weather(&serde_json::from_str(arguments).unwrap(), "Lisbon");

    let events = simulator.post(PATH, &with(request.clone(), &json!({"stream": true}))).await.events();
    let fragments: Vec<&Value> = events
        .iter()
        .map(|event| &event["choices"][0]["delta"]["tool_calls"][0])
        .filter(|call| call.is_object())
        .collect();
    assert_eq!(fragments[0]["function"]["name"], "get_weather");
    assert!(fragments.len() > 3 && fragments[1].get("id").is_none());
    let streamed: String =
        fragments.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(streamed, arguments);

    let history = json!({"messages": [{"role": "user", "content": "What is the weather in Lisbon?"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "21 degrees and sunny"}]});
    let body = simulator.post(PATH, &with(request.clone(), &history)).await.json();
    assert_eq!(body["choices"][0]["message"]["content"], "The tool answered: 21 degrees and sunny");

    let plain = with(chat("Hello"), &tools());
    let body = simulator.post(PATH, &plain).await.json();
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    for choice in [json!("required"), json!({"type": "function", "function": {"name": "get_weather"}})] {
        let body = simulator.post(PATH, &with(plain.clone(), &json!({"tool_choice": choice}))).await.json();
        assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    }
    let two = with(chat("Hello [[sim: tools=2]]"), &tools());
    let body = simulator.post(PATH, &two).await.json();
    assert_eq!(body["choices"][0]["message"]["tool_calls"].as_array().unwrap().len(), 2);
    let one = with(two, &json!({"parallel_tool_calls": false}));
    let body = simulator.post(PATH, &one).await.json();
    assert_eq!(body["choices"][0]["message"]["tool_calls"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn json_answers_are_json() {
    let simulator = Simulator::start().await;
    let content = async |format: Value| {
        let request = with(chat("Weather in Oslo as JSON"), &json!({"response_format": format}));
        let body = simulator.post(PATH, &request).await.json();
        serde_json::from_str::<Value>(body["choices"][0]["message"]["content"].as_str().unwrap()).unwrap()
    };
    assert!(content(json!({"type": "json_object"})).await.is_object());
    let schema = json!({"type": "json_schema", "json_schema": {"name": "w", "strict": true, "schema": weather_schema()}});
    assert_weather(&content(schema).await, "Oslo");
}

#[tokio::test]
async fn reasoning_shows_as_the_provider_shows_it() {
    let simulator = Simulator::start().await;
    let request = json!({"model": "some-model", "reasoning_effort": "low", "messages": [{"role": "user", "content":
        "Think about bridges"}]});
    let ask =
        async |path: &str, more: Value| simulator.post(path, &with(request.clone(), &more)).await.json();
    let body = ask(PATH, json!({})).await;
    let message = &body["choices"][0]["message"];
    assert!(!message["reasoning_content"].as_str().unwrap().is_empty());
    let reasoning = body["usage"]["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap();
    assert!((24..=32).contains(&reasoning));
    let body = ask("/p/groq/openai/v1/chat/completions", json!({})).await;
    assert!(body["choices"][0]["message"]["reasoning"].is_string());
    let body = ask(PATH, json!({"model": "gpt-5-nano"})).await;
    assert!(body["choices"][0]["message"].get("reasoning_content").is_none());
    assert!(body["usage"]["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap() > 0);
    let usage = ask("/p/xai/openai/v1/chat/completions", json!({})).await["usage"].clone();
    let counts =
        ["total_tokens", "prompt_tokens", "completion_tokens"].map(|name| usage[name].as_u64().unwrap());
    assert!(counts[0] > counts[1] + counts[2], "xAI leaves reasoning out of completion: {usage}");
    let reply = simulator.post(PATH, &with(request.clone(), &json!({"stream": true}))).await;
    assert!(!joined(&reply.events(), "reasoning_content").is_empty());
}

#[tokio::test]
async fn the_second_identical_prefix_reads_the_cache() {
    let simulator = Simulator::start().await;
    let system = "A rule of the house is that every answer names its source. ".repeat(120);
    let ask = async |question: &str| {
        let request = json!({"model": "gpt-4o", "messages": [{"role": "system", "content": system},
            {"role": "user", "content": question}]});
        let usage = simulator.post(PATH, &request).await.json()["usage"].clone();
        (
            usage["prompt_tokens"].as_u64().unwrap(),
            usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap(),
        )
    };
    let (prompt, cached) = ask("first").await;
    assert!(prompt > 1200 && cached == 0);
    let (_, cached) = ask("second").await;
    assert!(cached >= 1024 && cached % 128 == 0, "{cached}");
}

#[tokio::test]
async fn bad_requests_are_refused_as_openai_refuses() {
    let simulator = Simulator::with(simulator::Config { require_key: true, ..Default::default() }).await;
    let error = async |body: Value| {
        let reply = simulator.post(PATH, &body).await;
        (reply.status, reply.json()["error"]["code"].clone())
    };
    assert_eq!(error(json!({"model": "gpt-4o"})).await, (400, json!("missing_required_parameter")));
    assert_eq!(
        error(with(chat("x"), &json!({"model": "o3-mini", "max_tokens": 5}))).await,
        (400, json!("unsupported_parameter"))
    );
    assert_eq!(
        error(with(chat("x"), &json!({"model": "nonexistent-1"}))).await,
        (404, json!("model_not_found"))
    );
    let stray = json!({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]});
    assert_eq!(error(with(chat("x"), &stray)).await.0, 400);
    let keyless = simulator.call("POST", PATH, "", &chat("x").to_string()).await;
    assert_eq!((keyless.status, &keyless.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    let wrong =
        simulator.call("POST", PATH, "authorization: Bearer invalid\r\n", &chat("x").to_string()).await;
    assert_eq!(wrong.status, 401);
    assert_eq!(simulator.call("POST", PATH, "authorization: Bearer k\r\n", "{").await.status, 400);
}

#[tokio::test]
async fn images_count_and_models_and_embeddings_are_served() {
    let simulator = Simulator::start().await;
    let content = json!([{"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]);
    let request = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": content}]});
    let body = simulator.post(PATH, &request).await.json();
    assert_eq!(body["usage"]["prompt_tokens"], 4 + 765 + 4 + 3);
    assert!(body["choices"][0]["message"]["content"].as_str().unwrap().contains("I looked at the image."));
    assert!(!simulator.get("/openai/models").await["data"].as_array().unwrap().is_empty());
    let body = json!({"model": "e", "input": ["a", "b"], "dimensions": 8, "encoding_format": "base64"});
    let reply = simulator.post("/openai/v1/embeddings", &body).await.json();
    assert_eq!(reply["data"][1]["embedding"].as_str().unwrap().len(), 44);
    assert_eq!(reply["usage"]["total_tokens"], 2);
}
