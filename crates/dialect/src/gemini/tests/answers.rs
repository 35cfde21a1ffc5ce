//! Answers that the recordings do not have.

use serde_json::{Map, Value, json};

use crate::canonical::{Event, FinishReason, ReasoningKind};
use crate::codec::{Adapter as _, Target};
use crate::error::{ErrorType, ProviderError};
use crate::gemini::Gemini;

fn with_target<T>(run: impl FnOnce(&Target<'_>) -> T) -> T {
    let quirks = Map::new();
    run(&Target {
        model: "google/gemini",
        provider: "gemini",
        provider_model: "gemini-3-flash",
        max_output: None,
        supported_parameters: &[],
        service_tier: "",
        quirks: &quirks,
    })
}

fn decode(body: &Value) -> Result<Vec<Event>, ProviderError> {
    with_target(|target| Gemini.decode(body.to_string().as_bytes(), target))
}

fn stream(body: &[u8]) -> Vec<Event> {
    let mut decoder = with_target(|target| Gemini.stream(target));
    let mut events = Vec::new();
    decoder.push(body, &mut events);
    decoder.end(&mut events);
    events
}

fn streamed(responses: &[Value]) -> Vec<Event> {
    let frames: String = responses.iter().map(|response| format!("data: {response}\r\n\r\n")).collect();
    stream(frames.as_bytes())
}

fn failure(events: &[Event]) -> &ProviderError {
    let count = events.iter().filter(|event| matches!(event, Event::Failure(_))).count();
    match events.last() {
        Some(Event::Failure(error)) if count == 1 => error,
        _ => panic!("{events:?}"),
    }
}

fn text(text: &str) -> Value {
    json!({"candidates": [{"content": {"parts": [{"text": text}]}, "index": 0}]})
}

fn stop() -> Value {
    json!({"candidates": [{"finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}})
}

#[test]
fn a_stream_without_a_reason_to_stop_has_failed() {
    let whole = streamed(&[text("Hello"), stop()]);
    assert!(matches!(whole.last(), Some(Event::Finish { reason: FinishReason::Stop, .. })));
    assert_eq!(failure(&streamed(&[text("Hello")])).message, "the provider's answer was cut short");
    assert_eq!(failure(&stream(b"")).message, "the provider sent no answer");
    assert_eq!(failure(&stream(b"data: {garb\r\n\r\n")).error_type, ErrorType::ProviderUnavailable);
    assert_eq!(failure(&stream(b"<html></html>")).error_type, ErrorType::ProviderUnavailable);
}

#[test]
fn errors_inside_a_stream_are_classed_in_every_form() {
    let error =
        json!({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}});
    let forms = [
        streamed(&[text("Hello"), error.clone()]),
        stream(format!("data: {}\r\n\r\n{error:#}", text("Hello")).as_bytes()),
        stream(error.to_string().as_bytes()),
        stream(json!([text("Hello"), error]).to_string().as_bytes()),
    ];
    for events in &forms {
        let failed = failure(events);
        assert_eq!((failed.error_type, failed.status), (ErrorType::ProviderOverloaded, 0));
        assert_eq!(failed.provider_code.as_deref(), Some("UNAVAILABLE"));
    }
}

#[test]
fn a_blocked_prompt_is_a_failure_with_its_reason() {
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4}});
    let error = decode(&blocked).unwrap_err();
    assert_eq!(error.error_type, ErrorType::ContentPolicyViolation);
    assert_eq!(error.message, "the provider blocked the prompt: SAFETY");
    assert_eq!((error.is_fault, error.provider_code.as_deref()), (false, Some("SAFETY")));
    let events = streamed(&[blocked]);
    assert!(events.iter().any(|event| matches!(event, Event::Usage(_))), "{events:?}");
    assert_eq!(failure(&events).metadata["reasons"], json!(["SAFETY"]));
}

#[test]
fn calls_without_ids_get_some_and_signatures_name_them() {
    let events =
        decode(&json!({"responseId": "r/1", "candidates": [{"finishReason": "STOP", "content": {"parts": [
            {"text": "think", "thought": true},
            {"text": " more", "thought": true},
            {"functionCall": {"name": "f", "args": {"z": 1, "a": [ 2 ]}}, "thoughtSignature": "sig"},
            {"functionCall": {"name": "f"}},
            {"functionCall": {"id": "own", "name": "g", "args": null}},
            {"text": "", "thoughtSignature": "last"}
        ]}}]}))
        .unwrap();
    let calls: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolCall { index, id, name, arguments, .. } => {
                Some((*index, id.as_deref().unwrap(), name.as_deref().unwrap(), arguments.as_str()))
            }
            _ => None,
        })
        .collect();
    let expected =
        [(0, "call_r1_0", "f", "{\"z\":1,\"a\":[2]}"), (1, "call_r1_1", "f", "{}"), (2, "own", "g", "{}")];
    assert_eq!(calls, expected);
    let details: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Reasoning { detail, .. } => {
                Some((detail.kind, detail.index, detail.id.as_deref(), detail.content.as_deref().unwrap()))
            }
            _ => None,
        })
        .collect();
    let expected = [
        (ReasoningKind::Text, 0, None, "think"),
        (ReasoningKind::Text, 0, None, " more"),
        (ReasoningKind::Encrypted, 1, Some("call_r1_0"), "sig"),
        (ReasoningKind::Encrypted, 2, None, "last"),
    ];
    assert_eq!(details, expected);
    assert!(matches!(events.last(), Some(Event::Finish { reason: FinishReason::ToolCalls, .. })));
}

#[test]
fn ids_without_an_answers_id_differ_by_content() {
    let id = |city: &str| {
        let body = json!({"candidates": [{"finishReason": "STOP",
            "content": {"parts": [{"functionCall": {"name": "f", "args": {"city": city}}}]}}]});
        decode(&body).unwrap().into_iter().find_map(|event| match event {
            Event::ToolCall { id, .. } => id,
            _ => None,
        })
    };
    assert_eq!(id("Oslo"), id("Oslo"));
    assert_ne!(id("Oslo"), id("Rome"));
}

#[test]
fn pictures_and_sound_are_content() {
    let events = decode(&json!({"candidates": [{"finishReason": "STOP", "content": {"parts": [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "BBBB"}}
    ]}}]}))
    .unwrap();
    assert_eq!(events[1], Event::Image { choice: 0, url: "data:image/png;base64,AAAA".into() });
    assert!(matches!(&events[2], Event::Extra { members, .. } if members["audio"]["data"] == "BBBB"));
}

#[test]
fn every_choice_ends_with_its_last_reason() {
    let events = streamed(&[
        json!({"candidates": [
            {"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"},
            {"index": 0, "content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}
        ]}),
        json!({"candidates": [{"index": 1, "finishReason": "SAFETY"}]}),
    ]);
    let finishes: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Finish { choice, reason, .. } => Some((*choice, *reason)),
            _ => None,
        })
        .collect();
    assert_eq!(finishes, [(0, FinishReason::Stop), (1, FinishReason::ContentFilter)]);
}

#[test]
fn usage_is_told_when_it_changes() {
    let counted = |output: u64| {
        json!({"candidates": [{"index": 0, "content": {"parts": [{"text": "x"}]}}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": output, "serviceTier": "standard"}})
    };
    let events = streamed(&[counted(1), counted(1), counted(2), stop()]);
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert_eq!(count(|event| matches!(event, Event::Usage(_))), 2);
    assert_eq!(count(|event| matches!(event, Event::ServiceTier(tier) if tier == "default")), 1);
}

#[test]
fn a_body_that_is_no_answer_is_an_error() {
    let error = json!([{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}]);
    assert_eq!(decode(&error).unwrap_err().error_type, ErrorType::RateLimitExceeded);
    assert_eq!(decode(&json!({})).unwrap_err().message, "the provider sent no answer");
    assert!(decode(&json!([])).is_err() && decode(&json!("text")).is_err());
}
