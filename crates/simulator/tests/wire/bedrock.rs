use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::client::{Reply, Simulator, assert_weather, weather_schema, with};
use crate::recorded::{self, assert_like};

const CLAUDE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1%3A0";
const BEARER: &str = "content-type: application/json\r\nauthorization: Bearer token\r\n";

fn ask(prompt: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": prompt}]}], "inferenceConfig": {"maxTokens": 400}})
}

fn tools() -> Value {
    json!({"toolConfig": {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": weather_schema()}}}]}})
}

async fn post(simulator: &Simulator, model: &str, method: &str, body: &Value) -> Reply {
    simulator.call("POST", &format!("/bedrock/model/{model}/{method}"), BEARER, &body.to_string()).await
}

fn kinds(frames: &[(String, Value)]) -> Vec<&str> {
    let mut kinds: Vec<&str> = frames.iter().map(|(kind, _)| kind.as_str()).collect();
    kinds.dedup();
    kinds
}

fn joined(frames: &[(String, Value)], way: &str) -> String {
    frames.iter().filter_map(|(_, payload)| payload.pointer(way)?.as_str()).collect()
}

#[tokio::test]
async fn frames_say_what_the_whole_says() {
    let simulator = Simulator::start().await;
    let thinking =
        json!({"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}});
    let request = with(ask("Describe tide pools"), &thinking);
    let reply = post(&simulator, CLAUDE, "converse", &request).await;
    assert!(reply.header("x-amzn-requestid").is_some());
    let whole = reply.json();
    let content = &whole["output"]["message"]["content"];
    let reply = post(&simulator, CLAUDE, "converse-stream", &request).await;
    assert_eq!(reply.header("content-type"), Some("application/vnd.amazon.eventstream"));
    let frames = reply.frames();
    assert_eq!(
        kinds(&frames),
        [
            "messageStart",
            "contentBlockDelta",
            "contentBlockStop",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata"
        ]
    );
    assert_eq!(joined(&frames, "/delta/text"), content[1]["text"].as_str().unwrap());
    let reasoning = &content[0]["reasoningContent"]["reasoningText"];
    assert_eq!(joined(&frames, "/delta/reasoningContent/text"), reasoning["text"].as_str().unwrap());
    assert_eq!(
        joined(&frames, "/delta/reasoningContent/signature"),
        reasoning["signature"].as_str().unwrap()
    );
    assert_eq!(frames.last().unwrap().1["usage"], whole["usage"]);
    assert_eq!(simulator.last_entry().await["tokens_sent"], whole["usage"]["outputTokens"]);
    if let Some(lines) = recorded::file("bedrock/converse-stream-plain", "response.events.jsonl") {
        let plain = post(&simulator, CLAUDE, "converse-stream", &ask("Say hello there my dear friend"))
            .await
            .frames();
        let recorded: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut theirs: Vec<&str> =
            recorded.iter().map(|line| line["headers"][":event-type"].as_str().unwrap()).collect();
        theirs.dedup();
        assert_eq!(kinds(&plain), theirs);
        for line in &recorded {
            let own = plain.iter().find(|(kind, _)| line["headers"][":event-type"] == kind.as_str()).unwrap();
            assert_like(&own.1, &line["payload"], &[]);
        }
    }
}

#[tokio::test]
async fn calls_have_blocks_and_results() {
    let simulator = Simulator::start().await;
    let request = with(ask("Use get_weather for Porto"), &tools());
    let whole = post(&simulator, "amazon.nova-lite-v1%3A0", "converse", &request).await.json();
    assert_eq!(whole["stopReason"], "tool_use");
    if let Some(recorded) = recorded::json("bedrock/converse-unary-parallel_tools") {
        assert_like(&whole, &recorded, &[]);
    }
    let call = &whole["output"]["message"]["content"][0]["toolUse"];
    assert_weather(&call["input"], "Porto");
    assert!(call["toolUseId"].as_str().unwrap().starts_with("tooluse_"));
    let frames = post(&simulator, "amazon.nova-lite-v1%3A0", "converse-stream", &request).await.frames();
    assert!(kinds(&frames).contains(&"contentBlockStart"));
    let input: Value = serde_json::from_str(&joined(&frames, "/delta/toolUse/input")).unwrap();
    assert_eq!(input, call["input"]);
    let resume = async |id: &Value, tools: Value| {
        let messages = json!({"messages": [request["messages"][0], {"role": "assistant", "content": [{"toolUse": call}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": id, "content": [{"text": "18 degrees"}]}}]}]});
        post(&simulator, "amazon.nova-lite-v1%3A0", "converse", &with(with(ask("x"), &tools), &messages))
            .await
    };
    let answer = resume(&call["toolUseId"], tools()).await.json();
    assert_eq!(answer["output"]["message"]["content"][0]["text"], "The tool answered: 18 degrees");
    assert!(resume(&call["toolUseId"], json!({})).await.text().contains("toolConfig field must be defined"));
    assert_eq!(resume(&json!("other"), tools()).await.status, 400);
}

#[tokio::test]
async fn nobody_gets_in_without_a_signature_or_a_token() {
    let simulator = Simulator::start().await;
    let path = format!("/bedrock/model/{CLAUDE}/converse");
    let call = async |headers: &str| simulator.call("POST", &path, headers, &ask("x").to_string()).await;
    let signed = |scope: &str, names: &str| {
        format!(
            "x-amz-date: 20261125T120000Z\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, \
             SignedHeaders={names}, Signature={}\r\n",
            "ab".repeat(32)
        )
    };
    let good = "20261125/us-east-1/bedrock/aws4_request";
    assert_eq!(call(&signed(good, "host;x-amz-date")).await.status, 200);
    assert_eq!(simulator.last_entry().await["key_tail"], "MPLE");
    assert_eq!(call(BEARER).await.status, 200);
    for (headers, kind) in [
        (String::new(), "MissingAuthenticationTokenException"),
        (signed(good, "host"), "InvalidSignatureException"),
        (signed("20261125/us-east-1/s3/aws4_request", "host;x-amz-date"), "InvalidSignatureException"),
        (
            signed("20261124/us-east-1/bedrock/aws4_request", "host;x-amz-date"),
            "IncompleteSignatureException",
        ),
        ("authorization: Bearer invalid\r\n".to_owned(), "UnrecognizedClientException"),
    ] {
        let reply = call(&headers).await;
        let said = reply.header("x-amzn-errortype").unwrap_or_default().to_owned();
        assert!(reply.status == 403 && said.starts_with(&kind.to_lowercase()), "{kind}: {said}");
        assert!(reply.json()["message"].is_string());
    }
}

/// The headers of a request that Amazon's own signer has signed.
fn signed(host: &str, path: &str, body: &str, secret: &str) -> String {
    let identity = Credentials::new("AKIASIM1", secret, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("bedrock")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers = [("host", host), ("content-type", "application/json")];
    let url = format!("http://{host}{path}");
    let request =
        SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes())).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let signed = instructions.headers().map(|(name, value)| format!("{name}: {value}\r\n"));
    signed.collect::<String>() + "content-type: application/json\r\n"
}

#[tokio::test]
async fn signatures_are_checked_where_the_secret_is_known() {
    let simulator = Simulator::start().await;
    let path = format!("/bedrock/model/{CLAUDE}/converse");
    let body = ask("Hello").to_string();
    let good = signed("sim", &path, &body, "secret-of-AKIASIM1");
    let reply = simulator.call("POST", &path, &good, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let wrong = signed("sim", &path, &body, "another secret");
    let other = ask("Another").to_string();
    for (headers, body) in [(&wrong, &body), (&good, &other)] {
        let reply = simulator.call("POST", &path, headers, body).await;
        assert!(reply.status == 403 && reply.text().contains("does not match"), "{}", reply.text());
    }
}

#[tokio::test]
async fn bad_requests_are_refused_as_bedrock_refuses() {
    let simulator = Simulator::start().await;
    let refused = async |more: Value| {
        let reply = post(&simulator, CLAUDE, "converse", &with(ask("x"), &more)).await;
        assert_eq!(reply.status, 400, "{more}");
        assert!(reply.header("x-amzn-errortype").unwrap().starts_with("validationexception:http"));
        reply.json()["message"].as_str().unwrap().to_owned()
    };
    assert!(refused(json!({"max_tokens": 5})).await.contains("#: extraneous key [max_tokens]"));
    let nested = json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]});
    assert!(refused(nested).await.contains("#/messages/0/content/0: extraneous key [type]"));
    assert!(refused(json!({"inferenceConfig": {"topK": 5}})).await.contains("extraneous key [topK]"));
    assert!(
        refused(json!({"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}))
            .await
            .contains("must start")
    );
    assert!(
        refused(json!({"messages": [{"role": "user", "content": [{"text": " "}]}]}))
            .await
            .contains("is blank")
    );
    let linked = json!({"messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": "https://x"}}}]}]});
    assert!(refused(linked).await.contains("invalid"));
    let unknown = post(&simulator, "nonexistent", "converse", &ask("x")).await;
    assert_eq!(unknown.status, 400);
    let throttled = post(&simulator, CLAUDE, "converse", &ask("x [[sim: status=429]]")).await;
    assert!(
        throttled.status == 429
            && throttled.header("x-amzn-errortype").unwrap().starts_with("throttlingexception")
    );
    let broken =
        post(&simulator, CLAUDE, "converse-stream", &ask("x [[sim: error_after_tokens=4 status=429]]")).await;
    let (kind, payload) = broken.frames().pop().unwrap();
    assert!(kind == "throttlingException" && payload["message"].is_string());
}

#[tokio::test]
async fn marked_prefixes_stand_beside_the_input() {
    let simulator = Simulator::start().await;
    let text = "Every page of the manual is numbered. ".repeat(200);
    let system = json!({"system": [{"text": text}, {"cachePoint": {"type": "default"}}]});
    let request = with(ask("Which page?"), &system);
    let usage = async || post(&simulator, CLAUDE, "converse", &request).await.json()["usage"].clone();
    let (first, second) = (usage().await, usage().await);
    let written = first["cacheWriteInputTokens"].as_u64().unwrap();
    assert!(
        written > 1400 && second["cacheReadInputTokens"] == written && second["cacheWriteInputTokens"] == 0
    );
    let sum = |usage: &Value| {
        let names = ["inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"];
        names.iter().map(|name| usage[*name].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(second["totalTokens"], sum(&second));
    if let Some(recorded) = recorded::json("bedrock/converse-unary-prompt_cache_read") {
        assert_like(&second, &recorded["usage"], &[]);
    }
    let format = json!({"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "w",
        "schema": weather_schema().to_string()}}}}});
    let formed =
        post(&simulator, "deepseek.v3.2", "converse", &with(ask("Weather in Oslo"), &format)).await.json();
    let text = formed["output"]["message"]["content"][0]["text"].as_str().unwrap();
    assert_weather(&serde_json::from_str(text).unwrap(), "Oslo");
}

#[tokio::test]
async fn claude_is_invoked_in_the_words_of_its_maker() {
    let simulator = Simulator::start().await;
    let request = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 300,
        "messages": [{"role": "user", "content": "Describe tide pools"}]});
    let whole = post(&simulator, CLAUDE, "invoke", &request).await.json();
    assert!(whole["id"].as_str().unwrap().starts_with("msg_bdrk_01"));
    let reply = post(&simulator, CLAUDE, "invoke-with-response-stream", &request).await;
    assert_eq!(reply.header("x-amzn-bedrock-content-type"), Some("application/json"));
    let events: Vec<Value> = reply
        .frames()
        .iter()
        .map(|(kind, payload)| {
            assert_eq!(kind, "chunk");
            serde_json::from_slice(&BASE64_STANDARD.decode(payload["bytes"].as_str().unwrap()).unwrap())
                .unwrap()
        })
        .collect();
    let text: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(text, whole["content"][0]["text"].as_str().unwrap());
    let last = events.last().unwrap();
    let metrics = &last["amazon-bedrock-invocationMetrics"];
    assert_eq!(metrics["outputTokenCount"], whole["usage"]["output_tokens"]);
    if let Some(lines) = recorded::file("bedrock/invoke-stream-tool_result_turn", "response.events.jsonl") {
        let line: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        let recorded = BASE64_STANDARD.decode(line["payload"]["bytes"].as_str().unwrap()).unwrap();
        assert_like(last, &serde_json::from_slice(&recorded).unwrap(), &[]);
    }
    for more in
        [json!({"model": "claude"}), json!({"stream": true}), json!({"anthropic_version": "2023-06-01"})]
    {
        let refused = post(&simulator, CLAUDE, "invoke", &with(request.clone(), &more)).await;
        assert!(refused.status == 400 && refused.json()["message"].is_string(), "{more}");
    }
    let broken =
        json!({"messages": [{"role": "user", "content": "x [[sim: error_after_tokens=4 status=503]]"}]});
    let broken = post(&simulator, CLAUDE, "invoke-with-response-stream", &with(request, &broken)).await;
    assert_eq!(broken.frames().pop().unwrap().0, "serviceUnavailableException");
}
