use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::*;
use crate::canonical::{EmbeddingInput, EmbeddingsRequest, FinishReason};
use crate::error::{ErrorType, Retry};

fn with_target<T>(supported: &[&str], quirks: &Value, body: impl FnOnce(&Target<'_>) -> T) -> T {
    let none = Map::new();
    let supported: Vec<String> = supported.iter().map(|name| (*name).to_owned()).collect();
    body(&Target {
        model: "author/model",
        provider: "ollama",
        provider_model: "model:8b",
        max_output: None,
        supported_parameters: &supported,
        service_tier: "",
        quirks: quirks.as_object().unwrap_or(&none),
    })
}

fn request(members: Value) -> Task {
    let mut body = json!({"model": "author/model", "messages": [{"role": "user", "content": "x"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Task::Chat(crate::client::chat::decode(&body.to_string().into()).unwrap())
}

fn sent_with(members: Value, supported: &[&str], quirks: &Value) -> Value {
    let encoded = with_target(supported, quirks, |target| Chat.encode(&request(members), target)).unwrap();
    assert_eq!(encoded.path, "/api/chat");
    serde_json::from_slice(&encoded.body).unwrap()
}

fn sent(members: Value) -> Value {
    sent_with(members, &[], &json!({}))
}

fn refused(content: Value) -> String {
    let task = request(json!({"messages": [{"role": "user", "content": content}]}));
    with_target(&[], &json!({}), |target| Chat.encode(&task, target)).unwrap_err().message
}

fn streamed(text: &str) -> Vec<Event> {
    let read = |size: usize| {
        let mut decoder = with_target(&[], &json!({}), |target| Chat.stream(target));
        let mut events = Vec::new();
        text.as_bytes().chunks(size).for_each(|piece| decoder.push(piece, &mut events));
        decoder.end(&mut events);
        events
    };
    let events = read(usize::MAX);
    assert_eq!(read(1), events);
    events
}

#[test]
fn parameters_are_options() {
    let body = sent(json!({
        "temperature": 0.5, "top_p": 0.9, "top_k": 5, "min_p": 0.1, "seed": 7, "stop": ["a"], "max_tokens": 9,
        "repetition_penalty": 1.1, "frequency_penalty": 0.2, "presence_penalty": 0.3, "logprobs": true,
        "top_logprobs": 2, "n": 1, "user": "u", "keep_alive": -1, "options": {"num_predict": 9_999}
    }));
    let expected = json!({
        "model": "model:8b", "messages": [{"role": "user", "content": "x"}], "stream": false, "truncate": false,
        "shift": false, "logprobs": true, "top_logprobs": 2,
        "options": {"temperature": 0.5, "top_p": 0.9, "top_k": 5, "min_p": 0.1, "frequency_penalty": 0.2,
            "presence_penalty": 0.3, "repeat_penalty": 1.1, "seed": 7, "stop": ["a"], "num_predict": 9}
    });
    assert_eq!(body, expected);
    let quirks = json!({"keep_alive": "10m", "auth": "none"});
    let few = sent_with(json!({"temperature": 0.5, "stream": true}), &["seed"], &quirks);
    assert_eq!(
        (&few["options"], &few["stream"], &few["keep_alive"]),
        (&json!({}), &json!(true), &json!("10m"))
    );
    let open = with_target(&[], &quirks, |target| Chat.encode(&request(json!({})), target)).unwrap();
    assert_eq!(open.auth, AuthStyle::None);
}

#[test]
fn the_context_holds_what_the_request_needs() {
    let context =
        |members: Value, quirks: Value| sent_with(members, &[], &quirks)["options"]["num_ctx"].clone();
    let long = |bytes: usize| json!({"messages": [{"role": "user", "content": "x".repeat(bytes)}]});
    assert_eq!(context(long(1_000), json!({})), Value::Null);
    assert_eq!(context(long(3_000), json!({})), 4_096);
    assert_eq!(context(long(100_000), json!({})), 65_536);
    assert_eq!(context(json!({"max_tokens": 9_000}), json!({})), 16_384);
    assert_eq!(context(long(100_000), json!({"num_ctx": 8_192})), 8_192);
    assert_eq!(context(long(10), json!({"num_ctx": 8_192})), 8_192);
}

#[test]
fn turns_are_a_text_with_images_beside_it() {
    let call =
        json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"z\":1,\"a\":2}"}});
    let body = sent(json!({"messages": [
        {"role": "developer", "content": "d"},
        {"role": "user", "name": "ann", "content": [
            {"type": "text", "text": "hi"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}},
            {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}}]},
        {"role": "assistant", "content": null, "reasoning": "hm", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "r"},
    ]}));
    let expected = json!([
        {"role": "system", "content": "d"},
        {"role": "user", "content": "ann: hi\na.txt:\nhi", "images": ["QQ=="]},
        {"role": "assistant", "content": "", "thinking": "hm",
         "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"z": 1, "a": 2}}}]},
        {"role": "tool", "content": "r", "tool_call_id": "c1", "tool_name": "f"},
    ]);
    assert_eq!(body["messages"], expected);
    let remote = json!([{"type": "image_url", "image_url": {"url": "https://a.example/a.png"}}]);
    assert!(refused(remote).contains("inline"));
    let audio = json!([{"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}}]);
    assert!(refused(audio).contains("audio"));
}

#[test]
fn tools_formats_and_thinking_follow_the_endpoint() {
    let named = |name: &str| json!({"type": "function", "function": {"name": name, "description": "d"}});
    let names = |choice: Value| -> Vec<String> {
        let body = sent(json!({"tools": [named("f"), named("g")], "tool_choice": choice}));
        let tools = body["tools"].as_array().cloned().unwrap_or_default();
        tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(json!("auto")), ["f", "g"]);
    assert_eq!(names(json!("required")), ["f", "g"]);
    assert_eq!(names(named("g")), ["g"]);
    assert!(names(json!("none")).is_empty());
    let schema = json!({"type": "object", "properties": {"z": {}, "a": {}}});
    let format =
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}});
    assert_eq!(sent(format.clone())["format"], schema);
    assert_eq!(sent_with(format, &["response_format"], &json!({}))["format"], "json");
    assert_eq!(sent(json!({"response_format": {"type": "json_object"}}))["format"], "json");
    let think = |reasoning: Value, quirks: Value| {
        sent_with(json!({"reasoning": reasoning}), &[], &quirks).get("think").cloned()
    };
    assert_eq!(think(json!({"effort": "high"}), json!({})), Some(json!(true)));
    assert_eq!(think(json!({"enabled": false}), json!({})), Some(json!(false)));
    assert_eq!(think(json!({"exclude": true}), json!({})), None);
    let levels = json!({"reasoning_efforts": ["low", "medium", "high"]});
    assert_eq!(think(json!({"effort": "xhigh"}), levels.clone()), Some(json!("high")));
    assert_eq!(think(json!({"effort": "none"}), levels), Some(json!("low")));
}

#[test]
fn calls_get_ids_and_a_stop_after_them_means_them() {
    let call = |arguments: Value| json!({"function": {"name": "f", "arguments": arguments}});
    let line = json!({"created_at": "2026-01-01T00:00:00Z", "done": false,
        "message": {"content": "", "tool_calls": [call(json!({"a": 1.50})), call(Value::Null), call(json!("{}"))]}});
    let done = json!({"done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 4});
    let events = streamed(&format!("{line}\n{done}\n"));
    let calls: Vec<(String, &str)> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolCall { id: Some(id), arguments, .. } => Some((id.clone(), arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls.iter().map(|(_, arguments)| *arguments).collect::<Vec<_>>(), ["{\"a\":1.5}", "", "{}"]);
    assert!(calls[0].0.starts_with("call_") && calls[0].0 != calls[1].0);
    let finish = Event::Finish { choice: 0, reason: FinishReason::ToolCalls, native: "stop".into() };
    assert_eq!(events.last(), Some(&finish));
}

#[test]
fn half_of_a_count_is_none() {
    let usages = |done: Value| {
        let events = streamed(&format!("{done}\n"));
        events.into_iter().filter(|event| matches!(event, Event::Usage(_))).count()
    };
    assert_eq!(usages(json!({"done": true, "eval_count": 4})), 0);
    assert_eq!(usages(json!({"done": true, "prompt_eval_count": 1, "eval_count": 4})), 1);
}

#[test]
fn a_stream_ends_with_its_last_line_or_a_failure() {
    let said = json!({"message": {"content": "a"}, "done": false});
    let cut = streamed(&format!("{said}\n"));
    assert!(matches!(cut.last(), Some(Event::Failure(error)) if error.message.contains("cut short")));
    let failed = streamed(&format!("{said}\n{{\"error\":\"server busy, please try again\"}}\n{said}\n"));
    let Some(Event::Failure(error)) = failed.last() else { panic!("{failed:?}") };
    assert_eq!((error.error_type, error.retry), (ErrorType::ProviderOverloaded, Retry::Anywhere));
    for wrong in ["", "<html>", "{}", "[1]", "{\"message\":7}"] {
        assert!(matches!(&streamed(wrong)[..], [Event::Failure(_)]), "{wrong}");
    }
    let whole =
        with_target(&[], &json!({}), |target| Chat.decode(br#"{"error":"model 'x' not found"}"#, target));
    assert_eq!(whole.unwrap_err().error_type, ErrorType::ProviderUnavailable);
}

#[test]
fn errors_are_classed() {
    use ErrorType as E;
    use Retry::{Anywhere, Elsewhere, Never};
    let cases = [
        (404, "model 'x' not found", E::NotFound, Elsewhere),
        (400, "registry.ollama.ai/library/x does not support tools", E::InvalidRequest, Elsewhere),
        (400, "the input length exceeds the context length", E::ContextLengthExceeded, Never),
        (
            503,
            "server busy, please try again.  maximum pending requests exceeded",
            E::ProviderOverloaded,
            Anywhere,
        ),
        (500, "llama runner process has terminated", E::ProviderUnavailable, Anywhere),
    ];
    for (status, message, error_type, retry) in cases {
        let body = json!({"error": message}).to_string();
        let error = Chat.classify(status, &HeaderMap::new(), body.as_bytes());
        assert_eq!((error.error_type, error.retry), (error_type, retry), "{message}");
    }
}

#[test]
fn texts_become_vectors() {
    let task = Task::Embeddings(EmbeddingsRequest {
        inputs: vec![EmbeddingInput::Text("a".into())],
        dimensions: Some(2),
        ..EmbeddingsRequest::default()
    });
    let encoded =
        with_target(&[], &json!({"num_ctx": 512}), |target| embed::EMBED.encode(&task, target)).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(encoded.path, "/api/embed");
    assert_eq!(
        body,
        json!({"model": "model:8b", "input": ["a"], "truncate": false, "dimensions": 2, "options": {"num_ctx": 512}})
    );
    let read = |body: Value| {
        with_target(&[], &json!({}), |target| embed::EMBED.decode(body.to_string().as_bytes(), target))
    };
    let events = read(json!({"model": "m", "embeddings": [[0.5, 1.0]], "prompt_eval_count": 3})).unwrap();
    assert_eq!(events[1], Event::Embedding { index: 0, vector: vec![0.5, 1.0] });
    assert_eq!((events.last(), events.len()), (Some(&Event::stop()), 4));
    assert!(read(json!({"error": "the input length exceeds the context length"})).is_err());
}
