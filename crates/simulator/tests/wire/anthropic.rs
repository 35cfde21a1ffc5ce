use serde_json::{Value, json};

use crate::client::{Reply, Simulator, assert_weather, weather_schema, with};

const PATH: &str = "/anthropic/v1/messages";

fn ask(prompt: &str) -> Value {
    json!({"model": "claude-sonnet-4-5", "max_tokens": 4096, "messages": [{"role": "user", "content": prompt}]})
}

fn thinking() -> Value {
    json!({"thinking": {"type": "enabled", "budget_tokens": 1024}})
}

/// Puts a stream together as a client would.
fn assemble(reply: &Reply) -> Value {
    let mut message = Value::Null;
    for event in reply.events() {
        let index = event["index"].as_u64().unwrap_or(0) as usize;
        match event["type"].as_str().unwrap() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                let blocks = message["content"].as_array_mut().unwrap();
                assert_eq!(blocks.len(), index);
                blocks.push(event["content_block"].clone());
            }
            "content_block_delta" => {
                let block = &mut message["content"][index];
                for (from, to) in [
                    ("text", "text"),
                    ("thinking", "thinking"),
                    ("signature", "signature"),
                    ("partial_json", "json"),
                ] {
                    if let Some(more) = event["delta"][from].as_str() {
                        block[to] = json!(format!("{}{more}", block[to].as_str().unwrap_or("")));
                    }
                }
            }
            "message_delta" => {
                for (key, value) in event["delta"].as_object().unwrap() {
                    message[key] = value.clone();
                }
                for (key, value) in event["usage"].as_object().unwrap() {
                    message["usage"][key] = value.clone();
                }
            }
            _ => {}
        }
    }
    for block in message["content"].as_array_mut().unwrap() {
        if block["type"] == "tool_use" {
            let text = block.as_object_mut().unwrap().remove("json").unwrap();
            let text = text.as_str().unwrap();
            block["input"] = serde_json::from_str(if text.is_empty() { "{}" } else { text }).unwrap();
        }
    }
    message["id"] = Value::Null;
    message
}

fn nameless(mut body: Value) -> Value {
    body["id"] = Value::Null;
    body
}

#[tokio::test]
async fn streams_and_unary_answers_say_the_same() {
    let simulator = Simulator::start().await;
    let request = with(ask("Tell me about glaciers"), &thinking());
    let reply = simulator.post(PATH, &request).await;
    assert!(reply.header("request-id").unwrap().starts_with("req_01"));
    assert!(reply.header("anthropic-ratelimit-input-tokens-reset").unwrap().ends_with('z'));
    let whole = reply.json();
    assert_eq!(whole["stop_reason"], "end_turn");
    assert_eq!(whole["content"][0]["type"], "thinking");
    assert!(whole["usage"]["output_tokens_details"]["thinking_tokens"].as_u64().unwrap() > 0);
    let stream = simulator.post(PATH, &with(request, &json!({"stream": true}))).await;
    let names: Vec<String> =
        stream.text().lines().filter_map(|line| line.strip_prefix("event: ").map(str::to_owned)).collect();
    assert_eq!(names[..3], ["message_start", "content_block_start", "ping"]);
    assert_eq!(names.last().unwrap(), "message_stop");
    assert_eq!(assemble(&stream), nameless(whole));
}

#[tokio::test]
async fn tool_turns_need_their_thoughts_and_results() {
    let simulator = Simulator::start().await;
    let tools = json!({"tools": [{"name": "get_weather", "input_schema": weather_schema()}]});
    let request = with(with(ask("Use get_weather for Porto"), &tools), &thinking());
    let first = simulator.post(PATH, &request).await.json();
    assert_eq!(first["stop_reason"], "tool_use");
    let call = &first["content"][1];
    assert_weather(&call["input"], "Porto");
    assert!(call["id"].as_str().unwrap().starts_with("toolu_"));
    let stream = simulator.post(PATH, &with(request.clone(), &json!({"stream": true}))).await;
    assert_eq!(assemble(&stream)["content"][1]["input"], call["input"]);

    let resume = async |assistant: &Value| {
        let messages = json!({"messages": [{"role": "user", "content": "Use get_weather for Porto"},
            {"role": "assistant", "content": assistant},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "18 degrees"}]}]});
        simulator.post(PATH, &with(request.clone(), &messages)).await
    };
    let answer = resume(&first["content"]).await.json();
    assert_eq!(answer["content"][1]["text"], "The tool answered: 18 degrees");
    let bare = resume(&json!([call])).await;
    assert!(bare.status == 400 && bare.text().contains("Expected `thinking`"), "{}", bare.text());
    let mut forged = first["content"].clone();
    forged[0]["signature"] = json!("forged");
    assert!(resume(&forged).await.text().contains("Invalid `signature`"));
    let stray =
        json!({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x"}]}]});
    assert_eq!(simulator.post(PATH, &with(request.clone(), &stray)).await.status, 400);
}

#[tokio::test]
async fn documents_are_cited() {
    let simulator = Simulator::start().await;
    let document = json!({"type": "document", "title": "facts.txt", "citations": {"enabled": true},
        "source": {"type": "text", "media_type": "text/plain", "data": "The grass is green."}});
    let content = json!([document, {"type": "text", "text": "What colour is the grass?"}]);
    let request = with(ask("x"), &json!({"messages": [{"role": "user", "content": content}]}));
    let whole = simulator.post(PATH, &request).await.json();
    let citation = &whole["content"][0]["citations"][0];
    assert_eq!(
        (&citation["cited_text"], &citation["type"]),
        (&json!("The grass is green."), &json!("char_location"))
    );
    assert!(
        whole["content"][0]["text"].as_str().unwrap().contains("According to facts.txt: The grass is green.")
    );
    let stream = simulator.post(PATH, &with(request, &json!({"stream": true}))).await;
    let cited =
        stream.events().into_iter().find(|event| event["delta"]["type"] == "citations_delta").unwrap();
    assert_eq!(&cited["delta"]["citation"], citation);
}

#[tokio::test]
async fn marked_prefixes_are_written_then_read() {
    let simulator = Simulator::start().await;
    let text = "Every page of the manual is numbered. ".repeat(200);
    let system = json!({"system": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]});
    let request = with(ask("Which page?"), &system);
    let usage = async || simulator.post(PATH, &request).await.json()["usage"].clone();
    let first = usage().await;
    let written = first["cache_creation"]["ephemeral_1h_input_tokens"].as_u64().unwrap();
    assert!(written > 1400 && first["cache_creation_input_tokens"] == written);
    assert!(first["input_tokens"].as_u64().unwrap() < 20);
    let second = usage().await;
    assert_eq!(second["cache_read_input_tokens"], written);
    assert_eq!(second["cache_creation_input_tokens"], 0);
    let entry = simulator.last_entry().await;
    assert_eq!(entry["usage"]["cache_read"], written);
    assert_eq!(entry["usage"]["prompt"], written + second["input_tokens"].as_u64().unwrap());
}

#[tokio::test]
async fn stops_limits_and_refusals_have_their_reasons() {
    let simulator = Simulator::start().await;
    let post = async |more: Value| simulator.post(PATH, &with(ask("Tell me about kites"), &more)).await;
    let stopped = post(json!({"stop_sequences": ["You asked"]})).await.json();
    assert_eq!(
        (&stopped["stop_reason"], &stopped["stop_sequence"]),
        (&json!("stop_sequence"), &json!("You asked"))
    );
    assert_eq!(stopped["content"], json!([]));
    let cut = post(json!({"max_tokens": 5})).await.json();
    assert_eq!((&cut["stop_reason"], &cut["usage"]["output_tokens"]), (&json!("max_tokens"), &json!(5)));
    let refused = simulator.post(PATH, &ask("No [[sim: refusal]]")).await.json();
    assert_eq!(refused["stop_reason"], "refusal");
    assert_eq!(refused["content"], json!([]));
    let schema = json!({"output_config": {"format": {"type": "json_schema", "schema": weather_schema()}}});
    let formed = post(schema).await.json();
    assert!(
        serde_json::from_str::<Value>(formed["content"][0]["text"].as_str().unwrap()).unwrap()["city"]
            .is_string()
    );
}

#[tokio::test]
async fn bad_requests_are_refused_as_anthropic_refuses() {
    let simulator = Simulator::with(simulator::Config { require_key: true, ..Default::default() }).await;
    let error = async |body: Value| {
        let reply = simulator.post(PATH, &body).await;
        let error = reply.json();
        assert_eq!(error["type"], "error");
        assert!(error["request_id"].is_string());
        (reply.status, error["error"]["message"].as_str().unwrap().to_owned())
    };
    let mut unlimited = ask("x");
    unlimited.as_object_mut().unwrap().remove("max_tokens");
    assert_eq!(error(unlimited).await, (400, "max_tokens: Field required".to_owned()));
    assert_eq!(error(with(ask("x"), &json!({"temperature": 1.5}))).await.1, "temperature: range: 0..1");
    assert!(error(with(ask("x"), &json!({"n": 2}))).await.1.starts_with("n: "));
    assert!(error(with(ask("x"), &json!({"stream_options": {}}))).await.1.starts_with("stream_options: "));
    let named = json!({"messages": [{"role": "user", "content": "x", "name": "y"}]});
    assert_eq!(error(with(ask("x"), &named)).await.1, "messages.0.name: Extra inputs are not permitted");
    assert_eq!(error(with(ask("x"), &json!({"messages": []}))).await.0, 400);
    let overloaded = simulator.post(PATH, &ask("x [[sim: status=529]]")).await;
    assert_eq!(
        (overloaded.status, overloaded.json()["error"]["type"].clone()),
        (529, json!("overloaded_error"))
    );
    let versionless = simulator.call("POST", PATH, "x-api-key: k\r\n", &ask("x").to_string()).await;
    assert!(versionless.text().contains("anthropic-version"));
    let keyless =
        simulator.call("POST", PATH, "anthropic-version: 2023-06-01\r\n", &ask("x").to_string()).await;
    assert_eq!(keyless.json()["error"]["type"], "authentication_error");
    let count = simulator.post("/anthropic/v1/messages/count_tokens", &ask("Hello, world")).await.json();
    assert_eq!(count["input_tokens"], 3 + 4 + 3);
}
