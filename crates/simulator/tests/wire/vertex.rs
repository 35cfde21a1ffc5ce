use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::client::{Simulator, with};
use crate::recorded::{self, assert_like, order};

const PLACE: &str = "/p/vertex/vertex/v1/projects/p/locations/global";

fn google(method: &str) -> String {
    format!("{PLACE}/publishers/google/models/gemini-2.5-flash:{method}")
}

fn contents(prompt: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]})
}

/// The form of an exchange for an access token.
fn assertion() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"alg": "RS256", "typ": "JWT"}));
    let claims = part(json!({"iss": "a@b.iam", "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3600}));
    let signature = BASE64_URL_SAFE_NO_PAD.encode("signature");
    format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={head}.{claims}.{signature}"
    )
}

#[tokio::test]
async fn an_assertion_opens_the_gate() {
    let simulator = Simulator::start().await;
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let exchange = async || simulator.call("POST", "/oauth/token", form, &assertion()).await.json();
    let token = exchange().await;
    assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("Bearer"), &json!(3599)));
    let call = async |token: &str| {
        let headers = format!("authorization: Bearer {token}\r\n");
        simulator.call("POST", &google("generateContent"), &headers, &contents("Hello").to_string()).await
    };
    assert_eq!(call(token["access_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(call("ya29.from-elsewhere").await.status, 200);
    let forged = call("ya29.sim-forged").await;
    assert_eq!((forged.status, &forged.json()["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    let keyed = simulator
        .call("POST", &google("generateContent"), "x-goog-api-key: k\r\n", &contents("Hello").to_string())
        .await;
    assert_eq!(
        (keyed.status, &keyed.json()["error"]["details"][0]["reason"]),
        (401, &json!("CREDENTIALS_MISSING"))
    );
    simulator.put_fault("/_admin/faults/oauth/token", &json!({"tokens": 0})).await;
    let stale = exchange().await;
    assert_eq!(call(stale["access_token"].as_str().unwrap()).await.status, 401);
    let bad = simulator.call("POST", "/oauth/token", form, "grant_type=password").await;
    assert_eq!((bad.status, &bad.json()["error"]), (400, &json!("unsupported_grant_type")));
}

#[tokio::test]
async fn gemini_answers_from_its_place_in_the_cloud() {
    let simulator = Simulator::start().await;
    let whole = simulator.post(&google("generateContent"), &contents("Tell me about volcanoes")).await.json();
    if let Some(recorded) = recorded::json("vertex/generatecontent-unary-length_limit") {
        assert_like(&whole, &recorded, &["candidates.avgLogprobs"]);
    }
    let reply = simulator
        .post(&format!("{}?alt=sse", google("streamGenerateContent")), &contents("Tell me about volcanoes"))
        .await;
    let events = reply.events();
    assert_eq!(events.last().unwrap()["usageMetadata"], whole["usageMetadata"]);
    let array = simulator.post(&google("streamGenerateContent"), &contents("Hi")).await.json();
    assert!(array.is_array());
    let entry = simulator.last_entry().await;
    assert_eq!((&entry["provider"], &entry["dialect"]), (&json!("vertex"), &json!("gemini")));
    let pictures = format!("{PLACE}/publishers/google/models/imagen-4.0:predict");
    let drawn = simulator
        .post(&pictures, &json!({"instances": [{"prompt": "A cat"}], "parameters": {"sampleCount": 2}}))
        .await;
    crate::images::assert_png(&drawn.json()["predictions"][1]["bytesBase64Encoded"]);
}

#[tokio::test]
async fn claude_answers_without_a_model_in_the_body() {
    let simulator = Simulator::start().await;
    let path =
        |method: &str| format!("{PLACE}/publishers/anthropic/models/claude-haiku-4-5@20251001:{method}");
    let ask = json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 300,
        "messages": [{"role": "user", "content": "Tell me about volcanoes"}]});
    let post = async |method: &str, body: &Value| {
        simulator.call("POST", &path(method), "authorization: Bearer t\r\n", &body.to_string()).await
    };
    let whole = post("rawPredict", &ask).await;
    assert!(whole.header("request-id").unwrap().starts_with("req_vrtx_"));
    assert!(whole.json()["id"].as_str().unwrap().starts_with("msg_vrtx_01"));
    let stream = post("streamRawPredict", &with(ask.clone(), &json!({"stream": true}))).await;
    if let Some(recorded) = recorded::events("vertex/anthropic.rawpredict-stream-plain") {
        let places = |events: &[Value]| {
            let mut kinds = order(events);
            kinds.retain(|kind| kind != "ping");
            kinds.dedup();
            kinds
        };
        assert_eq!(places(&stream.events()), places(&recorded));
        assert_like(&stream.events()[0], &recorded[0], &[]);
    }
    assert_eq!(simulator.last_entry().await["model"], "claude-haiku-4-5@20251001");
    let named = post("rawPredict", &with(ask.clone(), &json!({"model": "claude"}))).await;
    assert!(named.status == 400 && named.text().contains("model: Extra inputs"));
    assert_eq!(
        post("rawPredict", &with(ask.clone(), &json!({"anthropic_version": "2023-06-01"}))).await.status,
        400
    );
    let limited = json!({"messages": [{"role": "user", "content": "x [[sim: status=429]]"}]});
    let limited = post("rawPredict", &with(ask, &limited)).await;
    assert_eq!((limited.status, &limited.json()["error"]["status"]), (429, &json!("RESOURCE_EXHAUSTED")));
}

#[tokio::test]
async fn open_models_speak_openai() {
    let simulator = Simulator::start().await;
    let request = json!({"model": "meta/llama-4-maverick-maas", "messages": [{"role": "user", "content": "Hello there"}]});
    let body = simulator.post(&format!("{PLACE}/endpoints/openapi/chat/completions"), &request).await.json();
    assert_eq!(body["object"], "chat.completion");
    let keyless = simulator
        .call("POST", &format!("{PLACE}/endpoints/openapi/chat/completions"), "", &request.to_string())
        .await;
    assert_eq!((keyless.status, &keyless.json()["error"]["code"]), (401, &json!(401)));
}
