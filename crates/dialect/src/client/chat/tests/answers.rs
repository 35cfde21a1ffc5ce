use pricing::{Amount, Class, Usage};
use serde_json::{Value, json};

use crate::canonical::{Event, FinishReason, ReasoningDetail, ReasoningKind};
use crate::client::error;
use crate::client::{Bill, Dialect, Envelope, PublicError};
use crate::error::ErrorType;

fn envelope() -> Envelope {
    Envelope {
        id: "gen-0123456789abcdef0123456789abcdef".to_owned(),
        created: 1_700_000_000,
        model: "author/model".to_owned(),
        provider: "House".to_owned(),
        ..Envelope::default()
    }
}

fn bill() -> Bill {
    Bill {
        usage: Usage::default()
            .with(Class::Input, 7)
            .with(Class::CacheRead, 3)
            .with(Class::CacheWrite1h, 2)
            .with(Class::Output, 5)
            .with(Class::Reasoning, 4),
        cost: Amount::from_nanos(1_250_001),
        upstream: Amount::from_nanos(1_000_001),
        upstream_prompt: Amount::from_nanos(1),
        upstream_completion: Amount::from_nanos(1_000_000),
        is_byok: false,
    }
}

fn usage() -> Value {
    json!({
        "prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 0},
        "cost": 0.001_250_001, "is_byok": false,
        "cost_details": {"upstream_inference_cost": 0.001_000_001, "upstream_inference_prompt_cost": 1e-9,
                         "upstream_inference_completions_cost": 0.001}
    })
}

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.to_owned() }
}

fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Event {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Event::ToolCall { choice: 0, index, id: owned(id), name: owned(name), arguments: arguments.to_owned() }
}

fn thought(text: &str, signature: Option<&str>) -> Event {
    let content = Some(text.to_owned()).filter(|text| !text.is_empty());
    let detail =
        ReasoningDetail { content, signature: signature.map(str::to_owned), ..ReasoningDetail::default() };
    Event::Reasoning { choice: 0, detail }
}

fn finish(reason: FinishReason, native: &str) -> Event {
    Event::Finish { choice: 0, reason, native: native.to_owned() }
}

fn streamed(envelope: Envelope, events: Vec<Event>) -> Vec<Value> {
    let mut writer = Dialect::Chat.answer(envelope, None, true);
    let mut out = Vec::new();
    for event in events {
        writer.event(event, &mut out);
    }
    writer.finish(&bill(), &mut out);
    frames(&out)
}

/// Every frame of a stream; the last must be `[DONE]`.
fn frames(out: &[u8]) -> Vec<Value> {
    let mut frames = Vec::new();
    let mut is_done = false;
    for frame in std::str::from_utf8(out).unwrap().split_terminator("\n\n") {
        assert!(!is_done, "a frame after the end");
        match frame.strip_prefix("data: ").unwrap() {
            "[DONE]" => is_done = true,
            data => frames.push(serde_json::from_str(data).unwrap()),
        }
    }
    assert!(is_done);
    frames
}

fn whole(events: Vec<Event>) -> Value {
    let mut writer = Dialect::Chat.answer(envelope(), None, false);
    let mut out = Vec::new();
    for event in events {
        writer.event(event, &mut out);
        assert!(out.is_empty());
    }
    writer.finish(&bill(), &mut out);
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn a_stream_of_text_is_chunks_a_finish_and_one_usage() {
    let start = Event::Start { id: None, model: None, system_fingerprint: Some("fp_1".to_owned()) };
    let tier = Event::ServiceTier("default".to_owned());
    let chunks = streamed(
        envelope(),
        vec![start, text("He\"l"), text("lo"), finish(FinishReason::Length, "max"), tier],
    );
    let head = json!({
        "id": "gen-0123456789abcdef0123456789abcdef", "object": "chat.completion.chunk", "created": 1_700_000_000,
        "model": "author/model", "provider": "House", "system_fingerprint": "fp_1"
    });
    let with = |members: Value| {
        let mut chunk = head.clone();
        chunk.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        chunk
    };
    let choice = |delta: Value| json!([{"index": 0, "delta": delta, "finish_reason": null, "native_finish_reason": null}]);
    assert_eq!(chunks[0], with(json!({"choices": choice(json!({"role": "assistant", "content": "He\"l"}))})));
    assert_eq!(chunks[1], with(json!({"choices": choice(json!({"content": "lo"}))})));
    let end = json!([{"index": 0, "delta": {}, "finish_reason": "length", "native_finish_reason": "max"}]);
    assert_eq!(chunks[2], with(json!({"choices": end, "service_tier": "default"})));
    assert_eq!(chunks[3], with(json!({"choices": [], "usage": usage(), "service_tier": "default"})));
    assert_eq!(chunks.len(), 4);
}

#[test]
fn streamed_calls_get_ids_and_braces_and_the_right_finish() {
    let chunks = streamed(
        envelope(),
        vec![
            call(0, Some("call_a"), Some("f"), ""),
            call(0, None, None, "{\"a\""),
            call(0, None, Some("f"), ":1}"),
            call(1, None, Some("g"), ""),
            finish(FinishReason::Stop, "stop"),
        ],
    );
    let calls: Vec<_> =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"].get("tool_calls")).collect();
    let expected = [
        json!([{"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}}]),
        json!([{"index": 0, "function": {"arguments": "{\"a\""}}]),
        json!([{"index": 0, "function": {"arguments": ":1}"}}]),
        json!([{"index": 1, "id": "call_cdef0123456789abcdef0001", "type": "function",
                "function": {"name": "g", "arguments": ""}}]),
        json!([{"index": 1, "function": {"arguments": "{}"}}]),
    ];
    assert_eq!(calls, expected.iter().collect::<Vec<_>>());
    let end = &chunks[chunks.len() - 2]["choices"][0];
    assert_eq!((&end["finish_reason"], &end["native_finish_reason"]), (&json!("tool_calls"), &json!("stop")));
}

#[test]
fn keys_that_must_be_absent_are_absent() {
    let chunks = streamed(envelope(), vec![text("x"), thought("", Some("sig"))]);
    for chunk in &chunks {
        for key in ["usage", "system_fingerprint", "error", "simulated", "service_tier"] {
            assert!(!chunk.get(key).is_some_and(Value::is_null), "{key} is null");
        }
    }
    let delta = &chunks[1]["choices"][0]["delta"];
    let detail = json!({"type": "reasoning.text", "signature": "sig", "format": "unknown", "index": 0});
    assert_eq!(delta, &json!({"reasoning_details": [detail]}));
}

#[test]
fn an_answer_without_any_event_still_ends_properly() {
    let chunks = streamed(envelope(), Vec::new());
    assert_eq!(chunks[0]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let answer = whole(Vec::new());
    assert_eq!(answer["choices"][0]["message"]["content"], "");
}

#[test]
fn every_choice_has_its_own_role_and_finish() {
    let second = |text: &str| Event::Text { choice: 1, text: text.to_owned() };
    let chunks = streamed(
        Envelope { simulated: true, ..envelope() },
        vec![second("b"), text("a"), finish(FinishReason::Stop, "stop")],
    );
    let roles = chunks.iter().filter(|chunk| chunk["choices"][0]["delta"]["role"] == "assistant").count();
    assert_eq!(roles, 2);
    let ends: Vec<_> = chunks
        .iter()
        .filter(|chunk| chunk["choices"][0]["finish_reason"] == "stop")
        .map(|chunk| chunk["choices"][0]["index"].clone())
        .collect();
    assert_eq!(ends, [0, 1]);
    assert!(chunks.iter().all(|chunk| chunk["simulated"] == true));
}

#[test]
fn members_beside_a_delta_ride_with_it() {
    let logprobs =
        |token: &str| json!({"logprobs": {"content": [{"token": token}]}}).as_object().unwrap().clone();
    let beside = |token: &str| Event::ChoiceExtra { choice: 0, members: logprobs(token) };
    let events = vec![beside("a"), text("a"), beside("b"), text("b")];
    let chunks = streamed(envelope(), events.clone());
    assert_eq!(chunks[1]["choices"][0]["logprobs"], json!({"content": [{"token": "b"}]}));
    let answer = whole(events);
    assert_eq!(answer["choices"][0]["logprobs"], json!({"content": [{"token": "a"}, {"token": "b"}]}));
}

#[test]
fn hidden_reasoning_stays_hidden() {
    let hidden = Envelope { exclude_reasoning: true, ..envelope() };
    let chunks = streamed(hidden, vec![thought("secret", None), text("x")]);
    assert!(!serde_json::to_string(&chunks).unwrap().contains("secret"));
}

#[test]
fn a_whole_answer_has_every_key_that_clients_require() {
    let encrypted = ReasoningDetail {
        kind: ReasoningKind::Encrypted,
        index: 1,
        content: Some("zz".to_owned()),
        format: Some("google-gemini-v1".to_owned()),
        ..ReasoningDetail::default()
    };
    let annotations = |n: u32| {
        let members = json!({"annotations": [n]}).as_object().unwrap().clone();
        Event::Extra { choice: 0, members }
    };
    let answer = whole(vec![
        thought("let me ", None),
        thought("think", Some("sig")),
        Event::Reasoning { choice: 0, detail: encrypted },
        text("Hi"),
        annotations(1),
        annotations(2),
        call(0, None, Some("f"), ""),
        Event::Image { choice: 0, url: "data:image/png;base64,QQ==".to_owned() },
        finish(FinishReason::Stop, "STOP"),
    ]);
    let message = json!({
        "role": "assistant", "content": "Hi", "refusal": null, "reasoning": "let me think",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "let me think", "signature": "sig", "format": "unknown", "index": 0},
            {"type": "reasoning.encrypted", "data": "zz", "format": "google-gemini-v1", "index": 1}],
        "tool_calls": [{"id": "call_cdef0123456789abcdef0000", "type": "function",
                        "function": {"name": "f", "arguments": "{}"}}],
        "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}],
        "annotations": [1, 2]
    });
    let expected = json!({
        "id": "gen-0123456789abcdef0123456789abcdef", "object": "chat.completion", "created": 1_700_000_000,
        "model": "author/model", "provider": "House", "system_fingerprint": null,
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls",
                     "native_finish_reason": "STOP", "logprobs": null}],
        "usage": usage()
    });
    assert_eq!(answer, expected);
}

#[test]
fn a_refusal_or_bare_calls_leave_content_null() {
    let refused = whole(vec![Event::Refusal { choice: 0, text: "no".to_owned() }]);
    assert_eq!(refused["choices"][0]["message"]["content"], Value::Null);
    assert_eq!(refused["choices"][0]["message"]["refusal"], "no");
    let called = whole(vec![call(0, Some("i"), Some("f"), "{}")]);
    assert_eq!(called["choices"][0]["message"]["content"], Value::Null);
}

fn overloaded() -> PublicError {
    let mut error = PublicError::new(ErrorType::ProviderOverloaded, "busy");
    error.metadata.insert("provider_code".to_owned(), json!("529"));
    error
}

#[test]
fn a_stream_that_breaks_says_so_and_still_bills() {
    for bill in [None, Some(bill())] {
        let mut writer = Dialect::Chat.answer(envelope(), None, true);
        let mut out = Vec::new();
        writer.event(text("par"), &mut out);
        writer.fail(&overloaded(), bill.as_ref(), &mut out);
        let chunks = frames(&out);
        let metadata = json!({"error_type": "provider_overloaded", "provider_code": "529"});
        assert_eq!(chunks[1]["error"], json!({"code": 503, "message": "busy", "metadata": metadata}));
        let choice = &chunks[1]["choices"][0];
        assert_eq!((&choice["delta"], &choice["finish_reason"]), (&json!({"content": ""}), &json!("error")));
        assert_eq!(chunks.len(), if bill.is_some() { 3 } else { 2 });
        assert_eq!(chunks.last().unwrap().get("usage").cloned(), bill.map(|_| usage()));
    }
}

#[test]
fn a_whole_answer_that_breaks_keeps_what_came() {
    let mut writer = Dialect::Chat.answer(envelope(), None, false);
    let mut out = Vec::new();
    writer.event(text("par"), &mut out);
    writer.fail(&overloaded(), Some(&bill()), &mut out);
    let answer: Value = serde_json::from_slice(&out).unwrap();
    let choice = &answer["choices"][0];
    assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("par"), &json!("error")));
    assert_eq!(choice["error"]["metadata"]["error_type"], "provider_overloaded");
    assert_eq!(answer["usage"], usage());
}

#[test]
fn an_error_alone_has_code_type_and_availability() {
    let availability = json!({"code": "capacity_exhausted", "retryable": true});
    let body = error::body(&PublicError { availability: Some(availability.clone()), ..overloaded() });
    let expected = json!({"error": {"code": 503, "message": "busy",
        "metadata": {"error_type": "provider_overloaded", "provider_code": "529"}, "availability": availability}});
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    let plain = error::body(&PublicError::new(ErrorType::NotFound, "gone"));
    assert_eq!(
        std::str::from_utf8(&plain).unwrap(),
        r#"{"error":{"code":404,"message":"gone","metadata":{"error_type":"not_found"}}}"#
    );
}
