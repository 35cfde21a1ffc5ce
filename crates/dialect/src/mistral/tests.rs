use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::*;
use crate::canonical::{EmbeddingInput, EmbeddingsRequest};
use crate::error::{ErrorType, Retry};

fn target<'a>(quirks: &'a Map<String, Value>, supported: &'a [String]) -> Target<'a> {
    Target {
        model: "mistralai/model",
        provider: "mistral",
        provider_model: "model-latest",
        max_output: None,
        supported_parameters: supported,
        service_tier: "",
        quirks,
    }
}

fn sent(mut members: Value, quirks: &Value) -> Value {
    members["model"] = json!("mistralai/model");
    let mut request = crate::client::chat::decode(&members.to_string().into()).unwrap();
    let none = Map::new();
    let supported: Vec<String> =
        ["reasoning", "seed", "tools", "tool_choice", "response_format", "logprobs", "top_k"]
            .map(str::to_owned)
            .into();
    let target = target(quirks.as_object().unwrap_or(&none), &supported);
    let write = |request: &crate::canonical::Request| -> Value {
        let encoded = Mistral.encode(&Task::Chat(request.clone()), &target).unwrap();
        assert_eq!(encoded.path, "/chat/completions");
        serde_json::from_slice(&encoded.body).unwrap()
    };
    let passed = write(&request);
    request.original = None;
    let written = write(&request);
    for (name, value) in written.as_object().unwrap() {
        assert_eq!(passed.get(name), Some(value), "both ways give the same `{name}`");
    }
    passed
}

#[test]
fn a_strict_server_finds_nothing_that_it_does_not_know() {
    let tool = json!({"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}});
    let body = sent(
        json!({
            "messages": [{"role": "user", "name": "ann", "content": "hi", "vendor": 1}],
            "seed": 7, "random_seed": 8, "max_completion_tokens": 9, "stream": true, "user": "u", "store": true,
            "logit_bias": {"1": 2}, "logprobs": true, "top_k": 4, "verbosity": "low", "safety_identifier": "x",
            "modalities": ["text"], "service_tier": "default", "unknown": 1, "safe_prompt": true,
            "tools": [tool], "tool_choice": "required", "parallel_tool_calls": false
        }),
        &json!({}),
    );
    let parameters = json!({"type": "object", "properties": {}});
    let expected = json!({
        "model": "model-latest", "messages": [{"role": "user", "content": "ann: hi"}], "random_seed": 8,
        "max_tokens": 9, "stream": true, "safe_prompt": true, "tool_choice": "any", "parallel_tool_calls": false,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}]
    });
    assert_eq!(body, expected);
    let seed = sent(json!({"messages": [{"role": "user", "content": "x"}], "seed": 7}), &json!({}));
    assert_eq!((&seed["random_seed"], seed.get("seed")), (&json!(7), None));
}

#[test]
fn history_from_elsewhere_is_understood() {
    let call = json!({"id": "call_abcdefghijklmnopqrstuvwx", "type": "function", "index": 0,
                      "function": {"name": "f", "arguments": ""}});
    let body = sent(
        json!({"messages": [
            {"role": "developer", "content": "d"},
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": null, "reasoning": "hm", "refusal": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_abcdefghijklmnopqrstuvwx", "name": "f", "content": "r"},
            {"role": "assistant", "content": "so"},
        ]}),
        &json!({}),
    );
    let turns = body["messages"].as_array().unwrap();
    assert_eq!(turns[0], json!({"role": "system", "content": "d"}));
    let thinking = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]);
    assert_eq!(turns[2]["content"], thinking);
    let id = turns[2]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(turns[2]["tool_calls"][0]["function"]["arguments"], "{}");
    assert_eq!(turns[3], json!({"role": "tool", "tool_call_id": id, "content": "r"}));
    assert_eq!(turns[4], json!({"role": "assistant", "content": "so", "prefix": true}));
}

#[test]
fn files_and_audio_take_the_vendors_forms() {
    let body = sent(
        json!({"messages": [{"role": "user", "content": [
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "https://a.example/a.pdf"}},
            {"type": "file", "file": {"file_data": "JVBERi0x"}},
            {"type": "file", "file": {"file_id": "f-1"}},
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}},
            {"type": "image_url", "image_url": "https://a.example/a.png"},
            {"type": "document_url", "document_url": "https://a.example/b.pdf"},
        ]}]}),
        &json!({}),
    );
    let expected = json!([
        {"type": "document_url", "document_url": "https://a.example/a.pdf", "document_name": "a.pdf"},
        {"type": "document_url", "document_url": "data:application/pdf;base64,JVBERi0x"},
        {"type": "file", "file_id": "f-1"},
        {"type": "input_audio", "input_audio": "QQ=="},
        {"type": "image_url", "image_url": {"url": "https://a.example/a.png"}},
        {"type": "document_url", "document_url": "https://a.example/b.pdf"},
    ]);
    assert_eq!(body["messages"][0]["content"], expected);
}

#[test]
fn reasoning_is_asked_for_by_effort_or_by_mode() {
    let ask = |reasoning: Value, quirks: Value| {
        let members = json!({"messages": [{"role": "user", "content": "x"}], "reasoning": reasoning});
        let mut body = sent(members, &quirks);
        let body = body.as_object_mut().unwrap();
        (body.remove("reasoning_effort"), body.remove("prompt_mode"))
    };
    assert_eq!(ask(json!({"effort": "high"}), json!({})), (Some(json!("high")), None));
    assert_eq!(ask(json!({"enabled": false}), json!({})), (Some(json!("none")), None));
    let mode = json!({"reasoning_member": "prompt_mode"});
    assert_eq!(ask(json!({"effort": "high"}), mode.clone()), (None, Some(json!("reasoning"))));
    assert_eq!(ask(json!({"effort": "none"}), mode), (None, Some(Value::Null)));
    let two = json!({"reasoning_efforts": ["none", "high"]});
    assert_eq!(ask(json!({"effort": "low"}), two), (Some(json!("high")), None));
}

#[test]
fn the_four_shapes_of_errors_are_read() {
    let class = |status, body: Value| {
        let error = Mistral.classify(status, &HeaderMap::new(), body.to_string().as_bytes());
        (error.error_type, error.retry, error.message)
    };
    let rated =
        json!({"object": "error", "message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"});
    assert_eq!(
        class(429, rated),
        (ErrorType::RateLimitExceeded, Retry::Anywhere, "Rate limit exceeded".into())
    );
    let gateway = json!({"message": "Requests rate limit exceeded"});
    assert_eq!(class(429, gateway).0, ErrorType::RateLimitExceeded);
    let key = json!({"detail": "Invalid API Key"});
    assert_eq!(class(401, key).0, ErrorType::ProviderUnavailable);
    let list = json!({"detail": [{"loc": ["body", "n"], "msg": "Extra inputs are not permitted"}]});
    let refused = "body.n: Extra inputs are not permitted";
    assert_eq!(class(422, list), (ErrorType::Unprocessable, Retry::Never, refused.into()));
}

#[test]
fn texts_become_vectors() {
    let (none, all) = (Map::new(), []);
    let request = EmbeddingsRequest {
        inputs: vec![EmbeddingInput::Text("a".into()), EmbeddingInput::Text("b".into())],
        dimensions: Some(2),
        ..EmbeddingsRequest::default()
    };
    let encoded = embeddings::EMBEDDINGS.encode(&Task::Embeddings(request), &target(&none, &all)).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(encoded.path, "/embeddings");
    assert_eq!(body, json!({"model": "model-latest", "input": ["a", "b"], "output_dimension": 2}));
    let broken = embeddings::EMBEDDINGS.decode(b"{\"data\": 1}", &target(&none, &all)).unwrap_err();
    assert_eq!(broken.error_type, ErrorType::ProviderUnavailable);
}
