//! Whole conversations between clients and providers that speak different dialects.

use serde_json::{Map, Value, json};

use super::super::Responses;
use super::{sent, streamed, with_target};
use crate::canonical::{Event, Operation, Task};
use crate::client::{Bill, Dialect, Envelope};
use crate::codec::{Adapter as _, adapter};

/// The answer that a client of `dialect` gets, whole.
fn answered(dialect: Dialect, events: Vec<Event>) -> Value {
    answered_to(dialect, None, events)
}

fn answered_to(dialect: Dialect, task: Option<&Task>, events: Vec<Event>) -> Value {
    let envelope = Envelope { id: "gen-0123".to_owned(), ..Envelope::default() };
    let mut encoder = dialect.answer(envelope, task, false);
    let mut out = Vec::new();
    events.into_iter().for_each(|event| encoder.event(event, &mut out));
    encoder.finish(&Bill::default(), &mut out);
    serde_json::from_slice(&out).unwrap()
}

/// What an endpoint of another dialect is sent of a client's request.
fn sent_to(dialect: &str, quirks: &Value, body: &Value) -> Value {
    let task = super::task(Dialect::Responses, body);
    with_target(quirks, &[], |target| {
        let adapter = adapter(dialect, Operation::Chat, Dialect::Responses, target).unwrap();
        serde_json::from_slice(&adapter.encode(&task, target).unwrap().body).unwrap()
    })
}

fn decoded(dialect: &str, body: &Value) -> Vec<Event> {
    with_target(&Value::Object(Map::new()), &[], |target| {
        let adapter = adapter(dialect, Operation::Chat, Dialect::Responses, target).unwrap();
        adapter.decode(body.to_string().as_bytes(), target).unwrap()
    })
}

/// The next request of a client that adds what it got, and the results of its calls, to its conversation.
fn next_turn(response: &Value) -> Value {
    let mut input = vec![json!({"role": "user", "content": "Go"})];
    let output = response["output"].as_array().unwrap();
    input.extend(output.iter().cloned());
    let calls = output.iter().filter(|item| item["type"] == "function_call");
    input.extend(
        calls.map(
            |call| json!({"type": "function_call_output", "call_id": call["call_id"], "output": "done"}),
        ),
    );
    json!({"model": "author/model", "input": input})
}

#[test]
fn a_chat_client_gets_sealed_reasoning_of_a_responses_model_and_brings_it_back() {
    let stream = [
        json!({"type": "response.created", "response": {"id": "resp_1", "model": "m"}}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1",
               "encrypted_content": "zz", "summary": [{"type": "summary_text", "text": "thinking"}]}}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "id": "fc_1",
               "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"}}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed"}}),
    ];
    let stream: String = stream.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    let mut message = answered(Dialect::Chat, streamed(&stream))["choices"][0]["message"].take();
    assert_eq!(message["reasoning"], "thinking");
    message["role"] = json!("assistant");
    let body = json!({"model": "author/model", "messages": [{"role": "user", "content": "Go"}, message,
        {"role": "tool", "tool_call_id": "call_1", "content": "done"}]});
    let expected = json!([
        {"role": "user", "content": "Go"},
        {"type": "reasoning", "id": "rs_1", "encrypted_content": "zz", "summary": [{"type": "summary_text", "text": "thinking"}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "done"}
    ]);
    assert_eq!(sent(Dialect::Chat, &body)["input"], expected);
}

#[test]
fn a_responses_client_keeps_tools_images_and_schema_on_a_chat_provider() {
    let body = json!({
        "model": "author/model", "instructions": "Be brief", "max_output_tokens": 50,
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "What is it?"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}]}],
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true},
                  {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": false,
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}, "verbosity": "low"},
        "reasoning": {"effort": "high", "summary": "auto"}, "user": "me", "top_logprobs": 2, "truncation": "auto"
    });
    let expected = json!({
        "messages": [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}}]}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}},
        "verbosity": "low", "logprobs": true, "top_logprobs": 2, "model": "model-1",
        "user": crate::end_user::hashed("me"), "max_tokens": 50, "reasoning_effort": "high"
    });
    assert_eq!(sent_to("openai", &Value::Null, &body), expected);
}

#[test]
fn a_responses_client_brings_a_chat_providers_reasoning_back() {
    let answer = json!({"id": "1", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": null, "reasoning_content": "hm",
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}]});
    let response = answered(Dialect::Responses, decoded("openai", &answer));
    assert_eq!(response["status"], "completed");
    let quirks = json!({"send_reasoning_back": "reasoning_content"});
    let sent = sent_to("openai", &quirks, &next_turn(&response));
    assert_eq!(sent["messages"][1]["reasoning_content"], "hm");
    assert_eq!(sent["messages"][1]["tool_calls"][0]["id"], "call_1");
    assert_eq!(sent["messages"][2], json!({"role": "tool", "content": "done", "tool_call_id": "call_1"}));
}

#[test]
fn a_responses_client_brings_signed_thinking_back() {
    let answer = json!({"type": "message", "id": "msg_1", "role": "assistant", "model": "m", "stop_reason": "tool_use",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "sealed"},
            {"type": "text", "text": "I look"},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}],
        "usage": {"input_tokens": 1, "output_tokens": 2}});
    let response = answered(Dialect::Responses, decoded("anthropic", &answer));
    let sent = sent_to("anthropic", &Value::Null, &next_turn(&response));
    assert_eq!(sent["messages"][1]["content"], answer["content"]);
    assert_eq!(sent["messages"][2]["content"][0]["tool_use_id"], "toolu_1");
}

#[test]
fn a_responses_client_brings_the_signature_of_a_call_back() {
    let answer = json!({"responseId": "r", "candidates": [{"finishReason": "STOP", "content": {"role": "model", "parts": [
        {"thought": true, "text": "hm"},
        {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}]}}]});
    let response = answered(Dialect::Responses, decoded("gemini", &answer));
    let sent = sent_to("gemini", &Value::Null, &next_turn(&response));
    let parts = sent["contents"][1]["parts"].as_array().unwrap();
    let call = parts.iter().find(|part| part.get("functionCall").is_some()).unwrap();
    assert_eq!(call["thoughtSignature"], "c2ln", "{sent}");
}

/// The response as a client keeps it that knows of reasoning only what it must return.
fn forgetful(mut response: Value) -> Value {
    for item in response["output"].as_array_mut().unwrap().iter_mut().filter_map(Value::as_object_mut) {
        if item["type"] == "reasoning" {
            item.retain(|name, _| ["type", "id", "summary", "encrypted_content"].contains(&name.as_str()));
        }
    }
    response
}

fn asking_for_encrypted_reasoning() -> Task {
    let body = json!({"model": "author/model", "input": "Go", "include": ["reasoning.encrypted_content"]});
    super::task(Dialect::Responses, &body)
}

#[test]
fn a_client_that_keeps_encrypted_content_alone_brings_signed_thinking_back() {
    let answer = json!({"type": "message", "id": "msg_1", "role": "assistant", "model": "m", "stop_reason": "tool_use",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "thinking", "thinking": "", "signature": "sig2"},
            {"type": "redacted_thinking", "data": "sealed"},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}],
        "usage": {"input_tokens": 1, "output_tokens": 2}});
    let task = asking_for_encrypted_reasoning();
    let response = answered_to(Dialect::Responses, Some(&task), decoded("anthropic", &answer));
    for response in [response.clone(), forgetful(response)] {
        let next = next_turn(&response);
        assert_eq!(sent_to("anthropic", &Value::Null, &next)["messages"][1]["content"], answer["content"]);
        let elsewhere = sent(Dialect::Responses, &next);
        assert!(elsewhere["input"].as_array().unwrap().iter().all(|item| item["type"] != "reasoning"));
    }
}

#[test]
fn sealed_reasoning_goes_back_to_who_sealed_it_alone() {
    let stream = [
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1",
               "encrypted_content": "zz", "summary": []}}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed"}}),
    ];
    let stream: String = stream.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    let task = asking_for_encrypted_reasoning();
    for format in ["openai-responses-v1", "xai-responses-v1"] {
        let quirks = json!({ "reasoning_format": format, "apis": ["responses"] });
        let mut events = Vec::new();
        let mut decoder = with_target(&quirks, &[], |target| Responses.stream(target));
        decoder.push(stream.as_bytes(), &mut events);
        decoder.end(&mut events);
        let next = next_turn(&forgetful(answered_to(Dialect::Responses, Some(&task), events)));
        let sealed = json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "zz"});
        assert_eq!(sent_to("openai", &quirks, &next)["input"][1], sealed);
        let other = json!({"reasoning_format": "azure-openai-responses-v1", "apis": ["responses"]});
        let is_plain = format == "openai-responses-v1";
        let sent = sent_to("openai", &other, &next)["input"].as_array().unwrap().len();
        // What says nothing of whose it is may be anybody's.
        assert_eq!(sent, if is_plain { 2 } else { 1 });
    }
}
