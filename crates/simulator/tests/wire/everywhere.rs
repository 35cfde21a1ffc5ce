//! What holds in every dialect that streams.

use serde_json::{Value, json};

use crate::client::{Reply, Simulator, with};

const HEADERS: &str = "content-type: application/json\r\nanthropic-version: 2023-06-01\r\nauthorization: Bearer sk-test-1234\r\n";
const GOOGLE: &str = "publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse";
const CLAUDE: &str = "publishers/anthropic/models/claude-haiku-4-5:streamRawPredict";
const BEDROCK: &str = "/bedrock/model/anthropic.claude-haiku-4-5-v1%3A0";

/// Where to ask for a stream, and the request, in every dialect.
fn streams(prompt: &str) -> Vec<(String, Value)> {
    let messages =
        json!({"model": "some-model", "stream": true, "messages": [{"role": "user", "content": prompt}]});
    let limited = with(messages.clone(), &json!({"max_tokens": 500}));
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]});
    let converse = json!({"messages": [{"role": "user", "content": [{"text": prompt}]}]});
    let reseller = |version: &str| json!({"anthropic_version": version, "max_tokens": 500, "messages": [{"role": "user", "content": prompt}]});
    let place = "/vertex/v1/projects/p/locations/global";
    vec![
        ("/openai/v1/chat/completions".to_owned(), messages.clone()),
        (
            "/openai/v1/completions".to_owned(),
            json!({"model": "m", "prompt": prompt, "stream": true, "max_tokens": 500}),
        ),
        ("/openai/v1/responses".to_owned(), json!({"model": "some-model", "input": prompt, "stream": true})),
        ("/anthropic/v1/messages".to_owned(), limited.clone()),
        ("/gemini/v1beta/models/g:streamGenerateContent?alt=sse".to_owned(), contents.clone()),
        (format!("{place}/{GOOGLE}"), contents),
        (format!("{place}/{CLAUDE}"), reseller("vertex-2023-10-16")),
        (format!("{place}/endpoints/openapi/chat/completions"), messages.clone()),
        ("/mistral/v1/chat/completions".to_owned(), limited.clone()),
        ("/cohere/v2/chat".to_owned(), limited),
        (format!("{BEDROCK}/converse-stream"), converse),
        (format!("{BEDROCK}/invoke-with-response-stream"), reseller("bedrock-2023-05-31")),
        ("/ollama/api/chat".to_owned(), messages),
    ]
}

async fn ask(simulator: &Simulator, path: &str, body: &Value) -> Reply {
    simulator.call("POST", path, HEADERS, &body.to_string()).await
}

#[tokio::test]
async fn streams_break_exactly_where_they_are_told_to() {
    let simulator = Simulator::start().await;
    for (path, request) in streams("Hi [[sim: cut_after_tokens=17 tokens=60]]") {
        let reply = ask(&simulator, &path, &request).await;
        assert!(reply.status == 200 && !reply.whole, "{path}: {}", reply.text());
        let entry = simulator.last_entry().await;
        assert_eq!((&entry["outcome"], &entry["tokens_sent"]), (&json!("cut"), &json!(17)), "{path}");
        assert_eq!(entry["usage"]["completion"], 60, "{path}");
    }
}

#[tokio::test]
async fn streams_end_early_and_fail_inside() {
    let simulator = Simulator::start().await;
    for (path, request) in streams("Hi [[sim: end_after_tokens=9 tokens=60]]") {
        let reply = ask(&simulator, &path, &request).await;
        assert!(reply.whole && !reply.text().contains("[DONE]"), "{path}");
        assert_eq!(simulator.last_entry().await["tokens_sent"], 9, "{path}");
    }
    for (path, request) in streams("Hi [[sim: error_after_tokens=9 tokens=60 message=\"out of luck\"]]") {
        let reply = ask(&simulator, &path, &request).await;
        assert!(reply.status == 200 && reply.whole && reply.text().contains("out of luck"), "{path}");
        let entry = simulator.last_entry().await;
        assert_eq!((&entry["outcome"], &entry["tokens_sent"]), (&json!("spoiled"), &json!(9)), "{path}");
    }
}

#[tokio::test]
async fn usage_may_be_missing_and_answers_empty() {
    let simulator = Simulator::start().await;
    for (path, request) in streams("Hi [[sim: no_usage text=plain]]") {
        let reply = ask(&simulator, &path, &request).await;
        let text = reply.text().to_lowercase();
        let known = ["\"usage\":{", "usagemetadata", "eval_count", "\"input_tokens\":"];
        assert!(known.iter().all(|word| !text.contains(word)), "{path}: {text}");
        let entry = simulator.last_entry().await;
        assert_eq!(
            (&entry["says_usage"], &entry["usage"]["completion"]),
            (&json!(false), &json!(1)),
            "{path}"
        );
    }
    for (path, request) in streams("Hi [[sim: empty]]") {
        let reply = ask(&simulator, &path, &request).await;
        assert!(reply.status == 200 && reply.whole, "{path}");
        assert_eq!(simulator.last_entry().await["usage"]["completion"], 0, "{path}");
    }
}

#[tokio::test]
async fn requests_are_refused_with_the_status_and_logged() {
    let simulator = Simulator::start().await;
    for (path, request) in streams("Hi [[sim: status=503 message=\"come back later\"]]") {
        let reply = ask(&simulator, &path, &request).await;
        assert!(reply.status == 503 && reply.text().contains("come back later"), "{path}");
        assert_eq!(reply.header("x-simulated"), Some("patchbay"), "{path}");
        assert_eq!(simulator.last_entry().await["outcome"], "failed", "{path}");
    }
}

#[tokio::test]
async fn limits_are_kept_and_said() {
    let simulator = Simulator::start().await;
    let limits = json!({"max_tokens": 20, "max_output_tokens": 20, "options": {"num_predict": 20},
        "inferenceConfig": {"maxTokens": 20}, "generationConfig": {"maxOutputTokens": 20}});
    for (path, request) in streams("Tell me everything about rivers") {
        let names: &[&str] = match path.as_str() {
            path if path.contains("responses") => &["max_output_tokens"],
            path if path.ends_with("/api/chat") => &["options"],
            path if path.contains("converse") => &["inferenceConfig"],
            path if path.contains("enerateContent") => &["generationConfig"],
            _ => &["max_tokens"],
        };
        let more: Value = names.iter().map(|name| ((*name).to_owned(), limits[*name].clone())).collect();
        let reply = ask(&simulator, &path, &with(request, &more)).await;
        assert!(reply.status == 200, "{path}: {}", reply.text());
        assert_eq!(simulator.last_entry().await["usage"]["completion"], 20, "{path}");
    }
}
