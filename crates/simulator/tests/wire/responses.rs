use serde_json::{Value, json};

use crate::client::{Reply, Simulator, assert_weather, weather_schema, with};
use crate::recorded::{self, assert_like, order};

const PATH: &str = "/p/openai/openai/v1/responses";

fn ask(prompt: &str) -> Value {
    json!({"model": "gpt-4.1", "input": prompt, "store": false})
}

fn tools() -> Value {
    json!({"tools": [{"type": "function", "name": "get_weather", "parameters": weather_schema(), "strict": true}]})
}

/// What of a response does not depend on its id and time.
fn said(response: &Value) -> Value {
    let mut output = response["output"].clone();
    for item in output.as_array_mut().unwrap() {
        item["id"] = Value::Null;
        item["call_id"] = Value::Null;
    }
    json!([output, response["usage"], response["status"], response["incomplete_details"]])
}

/// The last event's response, after checking that events are numbered and named.
fn last(reply: &Reply) -> Value {
    let events = reply.events();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let names = reply.text();
    let names: Vec<&str> = names.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(names, types);
    assert!(!reply.text().contains("[DONE]"));
    events.last().unwrap()["response"].clone()
}

#[tokio::test]
async fn responses_look_like_the_recorded_ones() {
    let simulator = Simulator::start().await;
    let reply = simulator.post(PATH, &ask("Tell me about volcanoes")).await;
    assert!(reply.header("x-request-id").is_some());
    let whole = reply.json();
    assert!(whole["id"].as_str().unwrap().starts_with("resp_"));
    assert_eq!((&whole["status"], &whole["object"]), (&json!("completed"), &json!("response")));
    assert!(whole["output"][0]["content"][0]["text"].as_str().unwrap().contains("volcanoes"));
    if let Some(recorded) = recorded::json("openai/responses-unary-plain-gpt-4.1") {
        assert_like(&whole, &recorded, &[]);
    }
    let entry = simulator.last_entry().await;
    assert_eq!((&entry["dialect"], &entry["operation"]), (&json!("responses"), &json!("chat")));
    assert_eq!(entry["usage"]["completion"], whole["usage"]["output_tokens"]);
    let request = with(with(ask("Use get_weather for Porto"), &tools()), &json!({"model": "gpt-5.4"}));
    let called = simulator.post(PATH, &request).await.json();
    if let Some(recorded) = recorded::json("openai/responses-unary-parallel_tools-gpt-4.1-nano") {
        let but = [
            "billing",
            "frequency_penalty",
            "presence_penalty",
            "moderation",
            "tool_usage",
            "reasoning.context",
            "tools.output_schema",
            "tools.description",
            "tools.parameters.description",
            "usage.input_tokens_details.cache_write_tokens",
        ];
        assert_like(&called, &recorded, &but);
    }
}

#[tokio::test]
async fn streams_follow_the_grammar_of_events() {
    let simulator = Simulator::start().await;
    let stream = json!({"stream": true});
    let whole = simulator.post(PATH, &ask("Describe tide pools")).await.json();
    let reply = simulator.post(PATH, &with(ask("Describe tide pools"), &stream)).await;
    assert_eq!(said(&last(&reply)), said(&whole));
    let text = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(order(&reply.events()), text);
    assert_eq!(simulator.last_entry().await["tokens_sent"], whole["usage"]["output_tokens"]);

    let refused = simulator.post(PATH, &with(ask("No [[sim: refusal]]"), &stream)).await;
    if let Some(recorded) = recorded::events("openai/responses-stream-refusal") {
        assert_eq!(order(&refused.events()), order(&recorded));
        let ours = refused.events();
        for event in &recorded {
            let own = ours.iter().find(|own| own["type"] == event["type"]).unwrap();
            let but: Vec<String> = [
                "completed_at",
                "frequency_penalty",
                "presence_penalty",
                "moderation",
                "tool_usage",
                "reasoning.context",
            ]
            .map(|name| format!("response.{name}"))
            .into();
            let mut but: Vec<&str> = but.iter().map(String::as_str).collect();
            but.extend([
                "response.text.format.description",
                "response.text.format.name",
                "response.text.format.schema",
                "response.text.format.strict",
                "response.usage.input_tokens_details.cache_write_tokens",
            ]);
            assert_like(own, event, &but);
        }
    }
    assert_eq!(last(&refused)["output"][0]["content"][0]["type"], "refusal");
}

#[tokio::test]
async fn calls_and_reasoning_come_back() {
    let simulator = Simulator::start().await;
    let more = json!({"model": "o4-mini", "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"]});
    let request = with(with(ask("Use get_weather for Porto"), &tools()), &more);
    let reply = simulator.post(PATH, &with(request.clone(), &json!({"stream": true}))).await;
    let response = last(&reply);
    assert_eq!(said(&response), said(&simulator.post(PATH, &request).await.json()));
    let kinds = order(&reply.events());
    for kind in [
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
    ] {
        assert!(kinds.iter().any(|seen| seen == kind), "{kind} is not among {kinds:?}");
    }
    let [reasoning, call] = &response["output"].as_array().unwrap()[..] else { panic!("{response}") };
    assert!(reasoning["encrypted_content"].as_str().unwrap().starts_with("gAAAA"));
    assert!(!reasoning["summary"][0]["text"].as_str().unwrap().is_empty());
    assert_weather(&serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap(), "Porto");
    assert!(call["call_id"].as_str().unwrap().starts_with("call_"));

    let output = json!({"type": "function_call_output", "call_id": call["call_id"], "output": "18 degrees"});
    let user =
        json!({"role": "user", "content": [{"type": "input_text", "text": "Use get_weather for Porto"}]});
    let resume =
        async |items: Value| simulator.post(PATH, &with(request.clone(), &json!({"input": items}))).await;
    let answer = resume(json!([user, reasoning, call, output])).await.json();
    assert_eq!(answer["output"][1]["content"][0]["text"], "The tool answered: 18 degrees");
    let error = async |items: Value| {
        let reply = resume(items).await;
        (reply.status, reply.json()["error"]["message"].as_str().unwrap().to_owned())
    };
    assert!(error(json!([user, call])).await.1.starts_with("No tool output found"));
    assert!(error(json!([user, output])).await.1.starts_with("No tool call found"));
    assert!(error(json!([user, reasoning])).await.1.contains("required following item"));
    let forged = with(reasoning.clone(), &json!({"encrypted_content": "gAAAAforged"}));
    assert!(error(json!([user, forged, call, output])).await.1.contains("could not be verified"));
    let bare = with(reasoning.clone(), &json!({"encrypted_content": null}));
    assert_eq!(error(json!([user, bare, call, output])).await.0, 404);
}

#[tokio::test]
async fn limits_formats_and_refusals() {
    let simulator = Simulator::start().await;
    let post = async |more: Value| simulator.post(PATH, &with(ask("Weather in Oslo as JSON"), &more)).await;
    let cut = post(json!({"max_output_tokens": 16})).await.json();
    assert_eq!(
        (&cut["status"], &cut["incomplete_details"]["reason"]),
        (&json!("incomplete"), &json!("max_output_tokens"))
    );
    let stream = post(json!({"max_output_tokens": 16, "stream": true})).await;
    assert_eq!(order(&stream.events()).last().unwrap(), "response.incomplete");
    let format = json!({"text": {"format": {"type": "json_schema", "name": "w", "schema": weather_schema(), "strict": true}}});
    let formed = post(format).await.json();
    let text = formed["output"][0]["content"][0]["text"].as_str().unwrap();
    assert_weather(&serde_json::from_str(text).unwrap(), "Oslo");
    let error = async |more: Value| {
        let reply = post(more).await;
        (reply.status, reply.json()["error"]["code"].clone())
    };
    assert_eq!(
        error(json!({"response_format": {"type": "json_object"}})).await,
        (400, json!("unknown_parameter"))
    );
    assert_eq!(error(json!({"max_output_tokens": 5})).await.1, "integer_below_min_value");
    assert_eq!(error(json!({"previous_response_id": "resp_1"})).await.1, "previous_response_not_found");
    assert_eq!(error(json!({"model": "nonexistent"})).await, (400, json!("model_not_found")));
    assert_eq!(
        error(json!({"tools": [{"type": "function", "function": {"name": "f"}}]})).await.1,
        "missing_required_parameter"
    );
    assert_eq!(error(json!({"model": "o4-mini", "temperature": 0.2})).await.1, "unsupported_parameter");
    // Other servers of the same shape take what they do not know, and show their thoughts.
    let other = "/p/xai/openai/v1/responses";
    let shown = with(ask("Think"), &json!({"seed": 1, "reasoning": {"effort": "low"}}));
    let whole = simulator.post(other, &shown).await.json();
    assert_eq!(whole["output"][0]["content"][0]["type"], "reasoning_text");
    let failed = post(json!({"input": "Hi [[sim: error_after_tokens=4 status=429 code=insufficient_quota]]", "stream": true})).await;
    let events = failed.events();
    if let Some(recorded) = recorded::events("openai/responses-stream-stream_error") {
        assert_eq!(order(&events)[order(&events).len() - 2..], order(&recorded)[2..]);
        let but = ["response.prompt_cache_retention"];
        assert_like(&events[events.len() - 2], &recorded[2], &but);
        assert_like(events.last().unwrap(), &recorded[3], &but);
    }
    assert_eq!(last(&failed)["error"]["code"], "insufficient_quota");
}
