use serde_json::{Value, json};

use crate::client::{Simulator, assert_weather, weather_schema, with};
use crate::recorded::{self, assert_like};

const PATH: &str = "/p/mistral/mistral/v1/chat/completions";

fn ask(prompt: &str) -> Value {
    json!({"model": "mistral-small-latest", "messages": [{"role": "user", "content": prompt}]})
}

fn tools() -> Value {
    json!({"tools": [{"type": "function", "function": {"name": "get_weather", "parameters": weather_schema()}}]})
}

#[tokio::test]
async fn answers_are_like_the_recorded_ones() {
    let simulator = Simulator::start().await;
    let reply = simulator.post(PATH, &ask("Tell me about volcanoes")).await;
    assert!(reply.header("mistral-correlation-id").is_some());
    assert!(reply.header("x-ratelimit-remaining-tokens-minute").is_some());
    let whole = reply.json();
    if let Some(recorded) = recorded::json("mistral/chat-unary-multi_turn") {
        assert_like(&whole, &recorded, &[]);
    }
    let reply = simulator.post(PATH, &with(ask("Tell me about volcanoes"), &json!({"stream": true}))).await;
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
    let events = reply.events();
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"].as_str().unwrap());
    let last = events.last().unwrap();
    assert_eq!((&last["choices"][0]["finish_reason"], &last["usage"]), (&json!("stop"), &whole["usage"]));
    assert!(events[..events.len() - 1].iter().all(|event| event.get("usage").is_none()));
    if let Some(recorded) = recorded::events("mistral/chat-stream-plain") {
        assert_like(last, recorded.last().unwrap(), &[]);
    }
    assert_eq!(simulator.last_entry().await["tokens_sent"], whole["usage"]["completion_tokens"]);
}

#[tokio::test]
async fn calls_come_whole_with_finish_and_usage() {
    let simulator = Simulator::start().await;
    let request = with(
        with(ask("Use get_weather for Porto [[sim: tools=2]]"), &tools()),
        &json!({"tool_choice": "any"}),
    );
    let whole = simulator.post(PATH, &request).await.json();
    let calls = &whole["choices"][0]["message"]["tool_calls"];
    if let Some(recorded) = recorded::json("mistral/chat-unary-parallel_tools") {
        assert_like(&whole, &recorded, &[]);
    }
    let events = simulator.post(PATH, &with(request.clone(), &json!({"stream": true}))).await.events();
    assert_eq!(events.len(), 2);
    let end = &events[1]["choices"][0];
    assert_eq!(
        (&end["finish_reason"], end["delta"]["tool_calls"].as_array().unwrap().len()),
        (&json!("tool_calls"), 2)
    );
    assert_eq!(events[1]["usage"], whole["usage"]);
    let call = &calls[0];
    let id = call["id"].as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_weather(&serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap(), "Porto");

    let history = |id: &str| {
        let call = with(call.clone(), &json!({"id": id}));
        json!({"messages": [{"role": "user", "content": "Use get_weather for Porto"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "name": "get_weather", "tool_call_id": id, "content": "18 degrees"}]})
    };
    let resumed = simulator.post(PATH, &with(request.clone(), &history(id))).await.json();
    assert_eq!(resumed["choices"][0]["message"]["content"], "The tool answered: 18 degrees");
    let foreign = simulator.post(PATH, &with(request, &history("call_1234567890"))).await;
    assert!(foreign.status == 400 && foreign.text().contains("length of 9"), "{}", foreign.text());
}

#[tokio::test]
async fn thoughts_are_chunks_of_content() {
    let simulator = Simulator::start().await;
    let request = with(ask("What is 5 + 3?"), &json!({"reasoning_effort": "high"}));
    let whole = simulator.post(PATH, &request).await.json();
    if let Some(recorded) = recorded::json("mistral/chat-unary-reasoning") {
        assert_like(&whole, &recorded, &[]);
    }
    let [thinking, text] = &whole["choices"][0]["message"]["content"].as_array().unwrap()[..] else {
        panic!("{whole}")
    };
    let request = with(request, &json!({"stream": true}));
    let events = simulator.post(PATH, &request).await.events();
    let deltas: Vec<&Value> = events.iter().map(|event| &event["choices"][0]["delta"]["content"]).collect();
    let chunks = deltas.iter().filter_map(|delta| delta[0]["thinking"][0]["text"].as_str());
    assert_eq!(chunks.collect::<String>(), thinking["thinking"][0]["text"].as_str().unwrap());
    let words = deltas.iter().filter_map(|delta| delta.as_str());
    assert_eq!(words.collect::<String>(), text["text"].as_str().unwrap());
    let magistral =
        simulator.post(PATH, &with(ask("Why?"), &json!({"model": "magistral-small-latest"}))).await.json();
    assert!(magistral["usage"]["num_cached_tokens"].is_u64());
    assert!(magistral["choices"][0]["message"]["content"].is_array());
    let back = json!({"messages": [{"role": "user", "content": "What is 5 + 3?"},
        {"role": "assistant", "content": [thinking, text]}, {"role": "user", "content": "Sure?"}]});
    assert_eq!(simulator.post(PATH, &with(ask("x"), &back)).await.status, 200);
}

#[tokio::test]
async fn what_is_not_known_is_refused_in_four_shapes() {
    let simulator = Simulator::with(simulator::Config { require_key: true, ..Default::default() }).await;
    let post = async |more: Value| simulator.post(PATH, &with(ask("x"), &more)).await;
    for name in ["stream_options", "seed", "max_completion_tokens", "logit_bias", "user", "reasoning"] {
        let reply = post(json!({name: 1})).await;
        assert_eq!(
            (reply.status, &reply.json()["detail"][0]["loc"]),
            (422, &json!(["body", name])),
            "{name}"
        );
    }
    let inner = post(json!({"messages": [{"role": "user", "content": "x", "refusal": null}]})).await;
    assert_eq!(inner.json()["detail"][0]["loc"], json!(["body", "messages", 0, "refusal"]));
    let unknown = post(json!({"model": "nonexistent"})).await;
    assert_eq!((unknown.status, &unknown.json()["code"]), (400, &json!("1500")));
    if let Some(recorded) = recorded::json("mistral/chat-unary-error_400-unknown_model") {
        assert_like(&unknown.json(), &recorded, &[]);
    }
    let keyless = simulator.call("POST", PATH, "", &ask("x").to_string()).await;
    assert_eq!((keyless.status, keyless.json()), (401, json!({"detail": "Invalid API Key"})));
    let limited = simulator.post(PATH, &ask("x [[sim: status=429]]")).await;
    assert_eq!((limited.status, &limited.json()["code"]), (429, &json!("1300")));
    let gateway = simulator
        .post(PATH, &ask("x [[sim: status=429 code=gateway message=\"Requests rate limit exceeded\"]]"))
        .await;
    assert_eq!(gateway.json(), json!({"message": "Requests rate limit exceeded"}));
    assert_eq!(post(json!({"logprobs": true})).await.json()["code"], "3051");
    let order =
        json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]});
    assert_eq!(post(order).await.json()["code"], "3230");
    let prefix = json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", "prefix": true}]});
    assert_eq!(post(prefix).await.status, 200);
}
