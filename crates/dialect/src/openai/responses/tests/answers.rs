use pricing::{Class, Usage};
use serde_json::{Value, json};

use super::super::Responses;
use super::{streamed, with_target};
use crate::canonical::{Event, FinishReason, ReasoningDetail, ReasoningKind};
use crate::client::Dialect;
use crate::codec::Adapter as _;
use crate::error::{ErrorType, ProviderError, Retry};

fn frames(frames: &[Value]) -> String {
    frames
        .iter()
        .map(|frame| format!("event: {}\ndata: {frame}\n\n", frame["type"].as_str().unwrap()))
        .collect()
}

fn whole(response: &Value) -> Result<Vec<Event>, ProviderError> {
    with_target(&Value::Null, &[], |target| Responses.decode(response.to_string().as_bytes(), target))
}

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.to_owned() }
}

fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Event {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Event::ToolCall { choice: 0, index, id: owned(id), name: owned(name), arguments: arguments.to_owned() }
}

fn thought(kind: ReasoningKind, index: u32, content: &str) -> Event {
    let detail = ReasoningDetail {
        kind,
        index,
        id: Some("rs_1".to_owned()),
        format: Some("openai-responses-v1".to_owned()),
        content: Some(content.to_owned()),
        signature: None,
    };
    Event::Reasoning { choice: 0, detail }
}

fn finish(reason: FinishReason, native: &str) -> Event {
    Event::Finish { choice: 0, reason, native: native.to_owned() }
}

fn start() -> Event {
    Event::Start { id: Some("resp_1".to_owned()), model: Some("m".to_owned()), system_fingerprint: None }
}

fn created() -> Value {
    json!({"type": "response.created", "response": {"id": "resp_1", "model": "m", "status": "in_progress", "output": []}})
}

fn ended(status: &str, members: Value) -> Value {
    let mut response = json!({"id": "resp_1", "model": "m", "status": status, "output": []});
    for (name, value) in members.as_object().unwrap() {
        response[name] = value.clone();
    }
    json!({"type": format!("response.{status}"), "response": response})
}

#[test]
fn a_stream_is_read_item_by_item() {
    let delta = |kind: &str, index: u64, members: Value| {
        let mut frame =
            json!({"type": format!("response.{kind}"), "output_index": index, "content_index": 0});
        for (name, value) in members.as_object().unwrap() {
            frame[name] = value.clone();
        }
        frame
    };
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "zz", "summary": [
        {"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]});
    let message = json!({"type": "message", "id": "msg_1", "phase": "final_answer", "role": "assistant", "content": [
        {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}]});
    let function = json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"});
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    let stream = frames(&[
        created(),
        json!({"type": "response.in_progress", "response": {}}),
        delta(
            "output_item.added",
            0,
            json!({"item": {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "early"}}),
        ),
        delta(
            "reasoning_summary_part.added",
            0,
            json!({"summary_index": 0, "part": {"type": "summary_text", "text": ""}}),
        ),
        delta(
            "reasoning_summary_text.delta",
            0,
            json!({"summary_index": 0, "delta": "on", "obfuscation": "x"}),
        ),
        delta("reasoning_summary_text.delta", 0, json!({"summary_index": 0, "delta": "e"})),
        delta("reasoning_summary_text.done", 0, json!({"summary_index": 0, "text": "one"})),
        delta("reasoning_summary_text.delta", 0, json!({"summary_index": 1, "delta": "two"})),
        delta("output_item.done", 0, json!({"item": reasoning})),
        delta(
            "output_item.added",
            1,
            json!({"item": {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}}),
        ),
        delta("web_search_call.searching", 1, json!({"item_id": "ws_1"})),
        delta("output_item.done", 1, json!({"item": search})),
        delta(
            "output_item.added",
            2,
            json!({"item": {"type": "message", "id": "msg_1", "phase": "final_answer", "content": []}}),
        ),
        delta("content_part.added", 2, json!({"part": {"type": "output_text", "text": ""}})),
        delta(
            "output_text.delta",
            2,
            json!({"delta": "Hel", "logprobs": [{"token": "Hel", "logprob": -0.5}]}),
        ),
        delta("output_text.delta", 2, json!({"delta": "lo", "logprobs": []})),
        delta(
            "output_text.annotation.added",
            2,
            json!({"annotation_index": 0, "annotation": {"type": "url_citation",
            "url": "u", "title": "t", "start_index": 0, "end_index": 5}}),
        ),
        delta("output_text.done", 2, json!({"text": "Hello"})),
        delta("output_item.done", 2, json!({"item": message})),
        delta(
            "output_item.added",
            3,
            json!({"item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": ""}}),
        ),
        delta("function_call_arguments.delta", 3, json!({"delta": "{\"a\""})),
        delta("function_call_arguments.done", 3, json!({"arguments": "{\"a\":1}"})),
        delta("output_item.done", 3, json!({"item": function})),
        json!({"type": "keepalive", "delta": {"anything": 1}}),
        ended(
            "completed",
            json!({"service_tier": "flex", "usage": {"input_tokens": 5, "output_tokens": 4, "total_tokens": 9,
            "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1, "cache_write_tokens_details": {"ttl_12h_tokens": 1}},
            "output_tokens_details": {"reasoning_tokens": 3}}}),
        ),
    ]);
    let Value::Object(annotations) = json!({"annotations": [{"type": "url_citation", "url_citation": {
        "url": "u", "title": "t", "start_index": 0, "end_index": 5}}]})
    else {
        panic!("no object")
    };
    let Value::Object(logprobs) =
        json!({"logprobs": {"content": [{"token": "Hel", "logprob": -0.5}], "refusal": null}})
    else {
        panic!("no object")
    };
    let native = |value: Value| Event::Native { dialect: Dialect::Responses, value };
    let usage = Usage::default()
        .with(Class::Input, 2)
        .with(Class::CacheRead, 2)
        .with(Class::CacheWrite1h, 1)
        .with(Class::Output, 1)
        .with(Class::Reasoning, 3);
    let expected = [
        start(),
        thought(ReasoningKind::Summary, 0, "on"),
        thought(ReasoningKind::Summary, 0, "e"),
        thought(ReasoningKind::Summary, 1, "two"),
        thought(ReasoningKind::Encrypted, 2, "zz"),
        native(search),
        Event::ChoiceExtra { choice: 0, members: logprobs },
        native(json!({"type": "message", "id": "msg_1", "phase": "final_answer"})),
        text("Hel"),
        text("lo"),
        Event::Extra { choice: 0, members: annotations },
        call(0, Some("call_1"), Some("f"), ""),
        call(0, None, None, "{\"a\""),
        call(0, None, None, ":1}"),
        Event::ServiceTier("flex".to_owned()),
        Event::Usage(usage),
        finish(FinishReason::ToolCalls, "completed"),
    ];
    assert_eq!(streamed(&stream), expected);
}

#[test]
fn what_did_not_come_in_pieces_comes_whole() {
    let output = json!([
        {"type": "message", "id": "msg_1", "content": [
            {"type": "output_text", "text": "ahoy", "annotations": []}, {"type": "refusal", "refusal": "no"}]},
        {"type": "image_generation_call", "id": "ig_1", "result": "QUJD", "output_format": "webp"},
        {"type": "message", "id": "msg_2", "content": [{"type": "output_text", "text": "there", "annotations": [
            {"type": "file_citation", "file_id": "f", "filename": "n", "index": 2},
            {"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 3}]}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": {"a": 1}}
    ]);
    let expected_annotation = json!({"type": "url_citation", "url_citation": {
        "url": "u", "title": "t", "start_index": 5, "end_index": 7}});
    let of_end = frames(&[created(), ended("completed", json!({ "output": output }))]);
    let response = json!({"id": "resp_1", "model": "m", "status": "completed", "output": output});
    let events = whole(&response).unwrap();
    assert_eq!(streamed(&of_end), events);
    assert_eq!(
        events[1..4],
        [
            text("ahoy"),
            Event::Refusal { choice: 0, text: "no".to_owned() },
            Event::Image { choice: 0, url: "data:image/webp;base64,QUJD".to_owned() },
        ]
    );
    assert_eq!(events[4], text("there"));
    let annotations: Vec<&Value> = events
        .iter()
        .filter_map(|event| match event {
            Event::Extra { members, .. } => Some(&members["annotations"][0]),
            _ => None,
        })
        .collect();
    assert_eq!(annotations[0]["file_citation"]["file_id"], "f");
    assert_eq!(*annotations[1], expected_annotation);
    assert!(events.contains(&call(0, None, None, "{\"a\":1}")));
}

#[test]
fn every_end_has_its_reason() {
    let end =
        |status: &str, members: Value| streamed(&frames(&[created(), ended(status, members)])).pop().unwrap();
    assert_eq!(end("completed", json!({})), finish(FinishReason::Stop, "completed"));
    let cut = |reason: &str| json!({"incomplete_details": {"reason": reason}});
    assert_eq!(
        end("incomplete", cut("max_output_tokens")),
        finish(FinishReason::Length, "max_output_tokens")
    );
    assert_eq!(
        end("incomplete", cut("content_filter")),
        finish(FinishReason::ContentFilter, "content_filter")
    );
    assert_eq!(end("incomplete", json!({})), finish(FinishReason::Length, "incomplete"));
    let failed = |error: Value| match end("failed", json!({ "error": error })) {
        Event::Failure(error) => (error.error_type, error.retry),
        other => panic!("{other:?}"),
    };
    let error = |code: &str| json!({"code": code, "message": "it says so"});
    assert_eq!(failed(error("server_error")), (ErrorType::ProviderUnavailable, Retry::Anywhere));
    assert_eq!(failed(error("rate_limit_exceeded")), (ErrorType::RateLimitExceeded, Retry::Anywhere));
    assert_eq!(failed(error("insufficient_quota")), (ErrorType::ProviderUnavailable, Retry::Elsewhere));
    assert_eq!(failed(error("invalid_prompt")), (ErrorType::InvalidPrompt, Retry::Never));
    assert_eq!(failed(error("image_too_large")), (ErrorType::ImageTooLarge, Retry::Never));
    assert_eq!(failed(error("bio_policy")), (ErrorType::ContentPolicyViolation, Retry::Never));
    assert_eq!(failed(error("context_length_exceeded")), (ErrorType::ContextLengthExceeded, Retry::Never));
    assert_eq!(failed(Value::Null), (ErrorType::ProviderUnavailable, Retry::Anywhere));
    assert!(matches!(end("cancelled", json!({})), Event::Failure(_)));
}

#[test]
fn an_error_ends_a_stream_whatever_its_shape() {
    let nested = json!({"type": "error", "error": {"type": "server_error", "code": "server_error", "message": "sorry"}});
    let flat = json!({"type": "error", "code": "server_error", "message": "sorry", "param": null});
    let bare = "data: {\"error\":{\"type\":\"server_error\",\"message\":\"sorry\"}}\n\n".to_owned();
    for error in [
        frames(&[nested]),
        frames(&[flat]),
        bare,
        "{\"error\":{\"type\":\"server_error\",\"message\":\"sorry\"}}".to_owned(),
    ] {
        let after =
            frames(&[ended("failed", json!({"error": {"code": "server_error", "message": "again"}}))]);
        let events = streamed(&format!("{}{error}\n\n{after}", frames(&[created()])));
        let Some(Event::Failure(error)) = events.last() else { panic!("{events:?}") };
        assert_eq!(error.error_type, ErrorType::ProviderUnavailable, "{error:?}");
        assert_eq!(events.len(), 2);
    }
    let cut = streamed(&frames(&[created()]));
    assert!(matches!(cut.last(), Some(Event::Failure(error)) if error.retry == Retry::Anywhere));
    let garbage = streamed("data: {]\n\n");
    assert!(matches!(garbage[..], [Event::Failure(_)]));
}

#[test]
fn a_body_that_is_no_response_is_an_error() {
    let error = whole(&json!({"error": {"code": "server_error", "message": "sorry"}})).unwrap_err();
    assert_eq!(error.error_type, ErrorType::ProviderUnavailable);
    let failed = json!({"id": "resp_1", "status": "failed", "output": [], "error": {"code": "server_error", "message": "sorry"}});
    assert_eq!(whole(&failed).unwrap_err().error_type, ErrorType::ProviderUnavailable);
    for body in [json!({}), json!([]), json!({"choices": []}), json!({"status": "queued", "output": []})] {
        assert!(whole(&body).is_err(), "{body}");
    }
    let stream = frames(&[created(), ended("completed", json!({}))]);
    let events =
        with_target(&Value::Null, &[], |target| Responses.decode(stream.as_bytes(), target)).unwrap();
    assert_eq!(events, [start(), finish(FinishReason::Stop, "completed")]);
}

#[test]
fn a_server_that_makes_up_items_without_end_is_cut_off() {
    let item = |index: u64| json!({"type": "response.output_text.delta", "output_index": index, "content_index": 0, "delta": "x"});
    let events = streamed(&frames(&(0..5_000).map(item).collect::<Vec<_>>()));
    assert_eq!(events.len(), 4_097);
    assert!(matches!(events.last(), Some(Event::Failure(_))));
}

#[test]
fn reasoning_that_another_endpoint_sealed_may_be_opened_elsewhere() {
    let body = json!({"error": {"type": "invalid_request_error", "code": "invalid_encrypted_content", "message": "no"}});
    let error = Responses.classify(400, &http::HeaderMap::new(), body.to_string().as_bytes());
    assert_eq!((error.error_type, error.retry), (ErrorType::InvalidRequest, Retry::Elsewhere));
}
