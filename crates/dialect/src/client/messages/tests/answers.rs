//! Answers, streamed and whole.

use pricing::{Amount, Class, Usage};
use serde_json::{Value, json};

use super::fold::{both, broken, envelope, frames, streamed, whole};
use crate::canonical::{Event, FinishReason, ReasoningDetail};
use crate::client::{Bill, Dialect, Envelope, PublicError};
use crate::error::ErrorType;

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.into() }
}

fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Event {
    Event::ToolCall {
        choice: 0,
        index,
        id: id.map(str::to_owned),
        name: name.map(str::to_owned),
        arguments: arguments.into(),
    }
}

fn finish(reason: FinishReason, native: &str) -> Event {
    Event::Finish { choice: 0, reason, native: native.into() }
}

fn native(value: Value) -> Event {
    Event::Native { dialect: Dialect::Messages, value }
}

fn bill() -> Bill {
    let usage = Usage::default()
        .with(Class::Input, 5)
        .with(Class::CacheRead, 70)
        .with(Class::CacheWrite5m, 10)
        .with(Class::CacheWrite1h, 20)
        .with(Class::Output, 10)
        .with(Class::Reasoning, 40);
    Bill { usage, cost: Amount::from_nanos(1_500), upstream: Amount::from_nanos(1_500), ..Bill::default() }
}

#[test]
fn a_whole_message() {
    let events = [
        Event::Start { id: Some("chatcmpl-1".into()), model: Some("b-1".into()), system_fingerprint: None },
        text("Hel"),
        text("lo"),
        Event::ServiceTier("default".into()),
        finish(FinishReason::Stop, "stop"),
    ];
    let expected = json!({
        "id": "gen-1", "type": "message", "role": "assistant", "model": "a/b", "provider": "Acme",
        "content": [{"type": "text", "text": "Hello", "citations": null}],
        "container": null, "stop_details": null, "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {
            "input_tokens": 5, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 70,
            "cache_creation": {"ephemeral_1h_input_tokens": 20, "ephemeral_5m_input_tokens": 10},
            "output_tokens": 50, "output_tokens_details": {"thinking_tokens": 40}, "server_tool_use": null,
            "service_tier": "standard", "inference_geo": null, "cost": 0.000_001_5, "is_byok": false,
            "cost_details": {
                "upstream_inference_cost": 0.000_001_5, "upstream_inference_prompt_cost": 0,
                "upstream_inference_completions_cost": 0
            }
        }
    });
    assert_eq!(both(&events, &bill()), expected);
}

#[test]
fn a_stream_frame_by_frame() {
    let counted = Usage::default().with(Class::Input, 9).with(Class::CacheRead, 3);
    let events = [
        Event::Start { id: None, model: None, system_fingerprint: None },
        Event::Usage(counted),
        text("Hi"),
        call(0, Some("c1"), Some("f"), ""),
        call(0, None, None, "{\"a\""),
        call(0, None, None, ":1}"),
        finish(FinishReason::ToolCalls, "tool_calls"),
    ];
    let frames = streamed(&events, Envelope { simulated: true, ..envelope() }, &bill());
    let names: Vec<&str> = frames.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names, expected);
    let start = &frames[0].1["message"];
    assert_eq!((&start["content"], &start["simulated"]), (&json!([]), &json!(true)));
    assert_eq!(start["usage"]["input_tokens"], 9);
    assert_eq!(start["usage"]["cache_read_input_tokens"], 3);
    assert_eq!(start["usage"].get("cost"), None);
    let block =
        json!({"type": "tool_use", "id": "c1", "name": "f", "input": {}, "caller": {"type": "direct"}});
    assert_eq!(frames[5].1["content_block"], block);
    assert_eq!(frames[6].1["delta"], json!({"type": "input_json_delta", "partial_json": "{\"a\""}));
    assert_eq!(frames[9].1["delta"]["stop_reason"], "tool_use");
    assert_eq!(frames[9].1["usage"]["output_tokens"], 50);
}

#[test]
fn calls_that_come_mixed_are_told_one_after_the_other() {
    let events = [
        call(0, Some("a"), Some("f"), ""),
        call(1, Some("b"), Some("g"), ""),
        call(1, None, None, "{\"x\":"),
        call(0, None, None, "{\"y\":"),
        text("Now"),
        call(0, None, None, "1}"),
        call(1, None, None, "2}"),
        call(2, None, Some("h"), ""),
        call(3, Some("d"), Some("i"), "{}"),
        finish(FinishReason::Stop, "stop"),
    ];
    let message = both(&events, &bill());
    let said: Vec<_> = message["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| (block["name"].as_str(), block["input"].clone(), block["text"].as_str()))
        .collect();
    let expected = [
        (Some("f"), json!({"y": 1}), None),
        (Some("g"), json!({"x": 2}), None),
        (None, json!(null), Some("Now")),
        (Some("h"), json!({}), None),
        (Some("i"), json!({}), None),
    ];
    assert_eq!(said, expected);
    assert_eq!(message["stop_reason"], "tool_use");
    assert!(message["content"][3]["id"].as_str().unwrap().starts_with("call_"));
}

#[test]
fn arguments_that_are_no_object_are_told_as_such() {
    let events = [call(0, Some("a"), Some("f"), "{\"city\": \"Os"), finish(FinishReason::Length, "length")];
    let message = whole(&events, envelope(), &bill());
    assert_eq!(message["content"][0]["input"], json!({"INVALID_JSON": "{\"city\": \"Os"}));
    assert_eq!(message["stop_reason"], "max_tokens");
    let frames = streamed(&events, envelope(), &bill());
    assert!(frames.iter().any(|(_, data)| data["delta"]["partial_json"] == "{\"city\": \"Os"));
}

#[test]
fn reasons_to_stop() {
    use FinishReason::{ContentFilter, Error, Length, Stop, ToolCalls};
    for (reason, native, expected) in [
        (Stop, "stop", "end_turn"),
        (Stop, "STOP", "end_turn"),
        (Stop, "end_turn", "end_turn"),
        (Stop, "stop_sequence", "stop_sequence"),
        (Stop, "STOP_SEQUENCE", "stop_sequence"),
        (Stop, "pause_turn", "pause_turn"),
        (Stop, "compaction", "compaction"),
        // The answer that came as the input of a tool.
        (Stop, "tool_use", "end_turn"),
        (Length, "length", "max_tokens"),
        (Length, "model_context_window_exceeded", "model_context_window_exceeded"),
        (ToolCalls, "tool_calls", "tool_use"),
        (ContentFilter, "SAFETY", "refusal"),
        (Error, "MALFORMED_FUNCTION_CALL", "refusal"),
    ] {
        let message = both(&[text("x"), finish(reason, native)], &bill());
        assert_eq!(message["stop_reason"], expected, "{native}");
        let says = message["stop_details"]["explanation"].as_str().is_some_and(|text| text.contains(native));
        assert_eq!(says, reason == Error);
    }
}

#[test]
fn words_of_a_refusal_are_text_unless_they_are_told_apart() {
    let refused = Event::Refusal { choice: 0, text: "No.".into() };
    let message = both(&[refused.clone(), finish(FinishReason::Stop, "stop")], &bill());
    assert_eq!((&message["content"][0]["text"], &message["stop_reason"]), (&json!("No."), &json!("refusal")));
    let details = json!({"type": "refusal", "category": "cyber", "explanation": "No."});
    let end = native(json!({"type": "message_delta", "delta": {"stop_details": details}}));
    let message = both(&[end, refused, finish(FinishReason::ContentFilter, "refusal")], &bill());
    assert_eq!((&message["content"], &message["stop_details"]), (&json!([]), &details));
}

#[test]
fn what_only_this_dialect_can_say_comes_as_it_was() {
    let search =
        json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}});
    let found = json!({"type": "web_search_tool_result", "tool_use_id": "s1", "content": [], "later": 1});
    let citation = json!({"type": "char_location", "cited_text": "b", "document_index": 0});
    let annotation =
        json!({"annotations": [{"type": "url_citation", "url_citation": {"url": "https://x.example"}}]});
    let events = [
        native(search.clone()),
        native(found.clone()),
        text("a"),
        native(json!({"type": "content_block_stop"})),
        native(json!({"type": "citations_delta", "citation": citation})),
        text("b"),
        Event::Extra { choice: 0, members: annotation.as_object().unwrap().clone() },
        native(
            json!({"type": "tool_use", "id": "t1", "caller": {"type": "code_execution_20260120", "tool_id": "s"}}),
        ),
        call(0, Some("t1"), Some("f"), "{}"),
        native(json!({
            "type": "message_delta",
            "delta": {"stop_sequence": "END", "container": {"id": "c", "expires_at": "2026-01-01T00:00:00Z"}},
            "usage": {"server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0}, "input_tokens": 1},
            "context_management": {"applied_edits": []}
        })),
        Event::Native { dialect: Dialect::Responses, value: json!({"type": "web_search_call"}) },
        finish(FinishReason::Stop, "stop_sequence"),
    ];
    let message = both(&events, &bill());
    let expected = json!([
        search,
        found,
        {"type": "text", "text": "a", "citations": null},
        {"type": "text", "text": "b", "citations": [citation]},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {},
         "caller": {"type": "code_execution_20260120", "tool_id": "s"}}
    ]);
    assert_eq!(message["content"], expected);
    assert_eq!(
        (&message["stop_reason"], &message["stop_sequence"]),
        (&json!("stop_sequence"), &json!("END"))
    );
    assert_eq!(message["container"]["id"], "c");
    assert_eq!(message["usage"]["server_tool_use"]["web_search_requests"], 1);
    assert_eq!(message["usage"]["input_tokens"], 5);
    assert_eq!(message["context_management"], json!({"applied_edits": []}));
}

#[test]
fn sources_of_other_providers_are_citations() {
    let annotations = json!({"annotations": [
        {"type": "url_citation", "url_citation": {"url": "https://x.example", "title": "X", "content": "said"}},
        {"type": "file", "file": {"hash": "h"}}
    ]});
    let extra = Event::Extra { choice: 0, members: annotations.as_object().unwrap().clone() };
    let message = both(&[text("a"), extra, finish(FinishReason::Stop, "stop")], &bill());
    let expected = json!([{
        "type": "web_search_result_location", "url": "https://x.example", "title": "X", "cited_text": "said",
        "encrypted_index": ""
    }]);
    assert_eq!(message["content"][0]["citations"], expected);
}

#[test]
fn images_are_blocks() {
    let image = Event::Image { choice: 0, url: "data:image/png;base64,AAAA".into() };
    let message = both(&[text("See"), image, finish(FinishReason::Stop, "stop")], &bill());
    let source = json!({"type": "base64", "media_type": "image/png", "data": "AAAA"});
    assert_eq!(message["content"][1], json!({"type": "image", "source": source}));
}

#[test]
fn an_answer_without_content_is_a_message() {
    let message = both(&[finish(FinishReason::Stop, "stop")], &bill());
    assert_eq!((&message["content"], &message["stop_reason"]), (&json!([]), &json!("end_turn")));
    assert_eq!(both(&[], &Bill::default())["stop_reason"], "end_turn");
}

#[test]
fn a_broken_stream_ends_with_an_error() {
    let mut error = PublicError::new(ErrorType::ProviderOverloaded, "Try again.");
    error.metadata.insert("provider_name".into(), json!("Acme"));
    let frames = frames(&broken(&[text("Hi")], &error, true, Some(&bill())));
    let (name, data) = frames.last().unwrap();
    let expected = json!({
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Try again.", "error_type": "provider_overloaded"},
        "metadata": {"provider_name": "Acme"},
        "request_id": "gen-1"
    });
    assert_eq!((name.as_str(), data), ("error", &expected));
    let (name, end) = &frames[frames.len() - 2];
    assert_eq!((name.as_str(), &end["delta"]["stop_reason"]), ("message_delta", &json!(null)));
    assert_eq!(end["usage"]["cost"], 0.000_001_5);
    let whole: Value = serde_json::from_slice(&broken(&[text("Hi")], &error, false, Some(&bill()))).unwrap();
    assert_eq!((&whole["error"], &whole["usage"]["output_tokens"]), (&expected["error"], &json!(50)));
}

#[test]
fn errors_have_the_words_of_the_dialect() {
    for (error_type, kind) in [
        (ErrorType::ContextLengthExceeded, "invalid_request_error"),
        (ErrorType::PayloadTooLarge, "invalid_request_error"),
        (ErrorType::Authentication, "authentication_error"),
        (ErrorType::PaymentRequired, "billing_error"),
        (ErrorType::PermissionDenied, "permission_error"),
        (ErrorType::NotFound, "not_found_error"),
        (ErrorType::RequestTimeout, "timeout_error"),
        (ErrorType::RateLimitExceeded, "rate_limit_error"),
        (ErrorType::Server, "api_error"),
        (ErrorType::ProviderUnavailable, "api_error"),
        (ErrorType::ProviderOverloaded, "overloaded_error"),
        (ErrorType::Timeout, "timeout_error"),
    ] {
        let body: Value =
            serde_json::from_slice(&Dialect::Messages.error(&PublicError::new(error_type, "x"))).unwrap();
        let error = json!({"type": kind, "message": "x", "error_type": error_type.as_str()});
        assert_eq!(body, json!({"type": "error", "error": error, "request_id": null}));
    }
}

#[test]
fn the_sequence_at_which_the_model_stopped_is_told() {
    let body =
        json!({"model": "m", "stop_sequences": ["END"], "messages": [{"role": "user", "content": "Hi"}]});
    let task = Dialect::Messages.decode(&body.to_string().into()).unwrap();
    let ended = |at: Value| {
        let members = json!({"stop_reason": at}).as_object().unwrap().clone();
        let mut out = Vec::new();
        let mut encoder = Dialect::Messages.answer(envelope(), Some(&task), false);
        encoder.event(Event::ChoiceExtra { choice: 0, members }, &mut out);
        encoder.event(finish(FinishReason::Stop, "stop"), &mut out);
        encoder.finish(&bill(), &mut out);
        let message: Value = serde_json::from_slice(&out).unwrap();
        (message["stop_reason"].clone(), message["stop_sequence"].clone())
    };
    assert_eq!(ended(json!("END")), (json!("stop_sequence"), json!("END")));
    assert_eq!(ended(json!("stop")), (json!("end_turn"), json!(null)));
    assert_eq!(ended(json!(128_009)), (json!("end_turn"), json!(null)));
}

/// Whatever comes in whatever order, streamed and whole messages are the same and no text is lost.
#[test]
fn any_order_of_events_is_a_sound_message() {
    for seed in 0..300_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let (mut events, mut expected, mut calls) = (Vec::new(), String::new(), 0_u32);
        let mut unfinished: Vec<u32> = Vec::new();
        for n in 0..20 {
            match draw(7) {
                0 | 1 => {
                    expected.push_str(&format!("<{n}>"));
                    events.push(text(&format!("<{n}>")));
                }
                2 => {
                    let detail = ReasoningDetail {
                        index: u32::try_from(draw(3)).unwrap(),
                        content: Some("hm".into()),
                        ..ReasoningDetail::default()
                    };
                    events.push(Event::Reasoning { choice: 0, detail });
                }
                3 => {
                    events.push(call(calls, None, Some("f"), if draw(2) == 0 { "" } else { "{\"a\"" }));
                    if events.last() == Some(&call(calls, None, Some("f"), "")) {
                        events.push(call(calls, None, None, "{\"a\""));
                    }
                    unfinished.push(calls);
                    calls += 1;
                }
                4 => events.push(native(json!({"type": "container_upload", "file_id": n}))),
                5 => events.push(native(json!({"type": "content_block_stop"}))),
                _ => {
                    if let Some(done) = unfinished.pop() {
                        events.push(call(done, None, None, ":1}"));
                    }
                }
            }
        }
        events.extend(unfinished.into_iter().map(|rest| call(rest, None, None, ":1}")));
        events.push(finish(FinishReason::Stop, "stop"));
        let message = both(&events, &bill());
        let blocks = message["content"].as_array().unwrap();
        let said: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
        assert_eq!(said, expected, "{seed}");
        let made: Vec<_> = blocks.iter().filter(|block| block["type"] == "tool_use").collect();
        assert_eq!(made.len(), calls as usize, "{seed}");
        assert!(made.iter().all(|block| block["input"] == json!({"a": 1})), "{seed}: {made:?}");
    }
}
