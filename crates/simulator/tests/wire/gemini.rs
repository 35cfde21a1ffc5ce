use serde_json::{Value, json};

use crate::client::{Simulator, assert_weather, weather_schema, with};

const UNARY: &str = "/gemini/v1beta/models/gemini-2.5-flash:generateContent";
const STREAM: &str = "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent";

fn ask(prompt: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]})
}

fn texts(responses: &[Value]) -> String {
    responses
        .iter()
        .flat_map(|response| {
            response["candidates"][0]["content"]["parts"].as_array().cloned().unwrap_or_default()
        })
        .filter(|part| part["thought"] != true)
        .filter_map(|part| part["text"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn thoughts_stand_beside_the_candidates() {
    let simulator = Simulator::start().await;
    let thinking =
        json!({"generationConfig": {"thinkingConfig": {"includeThoughts": true, "thinkingBudget": 512}}});
    let request = with(ask("Tell me about harbours"), &thinking);
    let whole = simulator.post(UNARY, &request).await.json();
    assert_eq!(whole["candidates"][0]["content"]["parts"][0]["thought"], true);
    let usage = &whole["usageMetadata"];
    let count = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(
        count("totalTokenCount"),
        count("promptTokenCount") + count("candidatesTokenCount") + count("thoughtsTokenCount")
    );
    let reply = simulator.post(&format!("{STREAM}?alt=sse"), &request).await;
    assert!(reply.text().contains("\r\n\r\n"));
    let events = reply.events();
    assert_eq!(texts(&events), texts(std::slice::from_ref(&whole)));
    assert!(events.iter().all(|event| event["usageMetadata"].is_object()));
    assert_eq!(events.last().unwrap()["usageMetadata"], *usage);
    let finishes: Vec<&Value> = events.iter().map(|event| &event["candidates"][0]["finishReason"]).collect();
    assert!(
        finishes[..finishes.len() - 1].iter().all(|finish| finish.is_null())
            && **finishes.last().unwrap() == "STOP"
    );
    let entry = simulator.last_entry().await;
    assert_eq!(entry["usage"]["reasoning"], usage["thoughtsTokenCount"]);
    assert_eq!(entry["tokens_sent"], entry["usage"]["completion"]);
}

#[tokio::test]
async fn without_sse_a_stream_is_one_array() {
    let simulator = Simulator::start().await;
    let reply = simulator.post(STREAM, &ask("Tell me about lighthouses")).await;
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    let list = reply.json();
    assert!(list.as_array().unwrap().len() > 1);
    assert!(texts(list.as_array().unwrap()).contains("lighthouses"));
}

#[tokio::test]
async fn calls_are_whole_signed_and_end_with_stop() {
    let simulator = Simulator::start().await;
    let tools = json!({"tools": [{"functionDeclarations": [{"name": "get_weather", "parametersJsonSchema": weather_schema()}]}]});
    let request = with(ask("What is the weather in Faro?"), &tools);
    let events = simulator.post(&format!("{STREAM}?alt=sse"), &request).await.events();
    let part = events[0]["candidates"][0]["content"]["parts"][0].clone();
    assert_weather(&part["functionCall"]["args"], "Faro");
    assert_eq!(events.last().unwrap()["candidates"][0]["finishReason"], "STOP");
    let resume = async |part: &Value, response: Value| {
        let contents = json!({"contents": [{"role": "user", "parts": [{"text": "What is the weather in Faro?"}]},
            {"role": "model", "parts": [part]},
            {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": response}}]}]});
        let path = "/gemini/v1beta/models/gemini-3-pro-preview:generateContent";
        simulator.post(path, &with(request.clone(), &contents)).await
    };
    let answered = resume(&part, json!({"result": "warm"})).await.json();
    assert_eq!(texts(&[answered]), "The tool answered: warm");
    let mut other_alphabet = part.clone();
    let signature = part["thoughtSignature"].as_str().unwrap().replace('+', "-").replace('/', "_");
    other_alphabet["thoughtSignature"] = json!(signature);
    assert_eq!(resume(&other_alphabet, json!({})).await.status, 200);
    let mut unsigned = part.clone();
    unsigned.as_object_mut().unwrap().remove("thoughtSignature");
    assert!(resume(&unsigned, json!({})).await.text().contains("missing a thought_signature"));
    assert_eq!(resume(&part, json!("text")).await.status, 400);
}

#[tokio::test]
async fn limits_refusals_caches_and_errors() {
    let simulator = Simulator::start().await;
    let small =
        json!({"generationConfig": {"maxOutputTokens": 4, "thinkingConfig": {"thinkingBudget": 512}}});
    let body = simulator.post(UNARY, &with(ask("Tell me about fog"), &small)).await.json();
    assert_eq!(body["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert!(body["candidates"][0]["content"].get("parts").is_none(), "thoughts took it all: {body}");
    let body = simulator.post(UNARY, &ask("No [[sim: refusal]]")).await.json();
    assert_eq!(body["candidates"][0]["finishReason"], "SAFETY");
    let long = ask(&"The archive holds many letters. ".repeat(250));
    simulator.post(UNARY, &long).await;
    let usage = simulator.post(UNARY, &long).await.json()["usageMetadata"].clone();
    assert!(usage["cachedContentTokenCount"].as_u64().unwrap() > 1024);
    let schema = json!({"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": weather_schema()}});
    let formed = simulator.post(UNARY, &with(ask("Weather in Braga"), &schema)).await.json();
    assert_weather(&serde_json::from_str(&texts(&[formed])).unwrap(), "Braga");
    let limited = simulator.post(UNARY, &ask("x [[sim: status=429 retry_after=34.4]]")).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, None));
    let error = limited.json()["error"].clone();
    assert_eq!(error["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(error["details"][1]["retryDelay"], "34.4s");
    let wrong = simulator.call("POST", UNARY, "x-goog-api-key: invalid\r\n", &ask("x").to_string()).await;
    assert_eq!(
        (wrong.status, &wrong.json()["error"]["details"][0]["reason"]),
        (400, &json!("API_KEY_INVALID"))
    );
}

#[tokio::test]
async fn members_that_are_not_known_are_refused_with_their_place() {
    let simulator = Simulator::start().await;
    let refused = async |more: Value| {
        let contents = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
        let body = with(contents, &more);
        let reply = simulator.post("/gemini/v1beta/models/gemini-2.5-flash:generateContent", &body).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["status"]),
            (400, &json!("INVALID_ARGUMENT")),
            "{more}"
        );
        reply.json()["error"]["message"].as_str().unwrap().to_owned()
    };
    assert!(refused(json!({"stream": true})).await.contains("Unknown name \"stream\": Cannot find field"));
    let inner = refused(json!({"generationConfig": {"max_tokens": 5}})).await;
    assert!(inner.contains("Unknown name \"maxTokens\" at 'generationConfig'"), "{inner}");
    let schema =
        json!({"type": "object", "properties": {"a": {"type": "string", "additionalProperties": false}}});
    let tools = json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]});
    let deep = refused(tools).await;
    assert!(deep.contains("at 'tools[0].functionDeclarations[0].parameters.properties.a'"), "{deep}");
    let free = json!({"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}],
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
    let reply = simulator.post("/gemini/v1beta/models/gemini-2.5-flash:generateContent", &free).await;
    assert_eq!(reply.status, 200);
}
