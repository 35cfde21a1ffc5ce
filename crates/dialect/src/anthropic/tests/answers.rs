//! Answers that the recordings do not have.

use serde_json::{Map, Value, json};

use crate::anthropic::Anthropic;
use crate::canonical::{Event, FinishReason};
use crate::client::Dialect;
use crate::codec::{Adapter as _, Target};
use crate::error::{ErrorType, ProviderError};

pub(super) fn with_target<T>(run: impl FnOnce(&Target<'_>) -> T) -> T {
    let quirks = Map::new();
    run(&Target {
        model: "anthropic/claude",
        provider: "anthropic",
        provider_model: "claude-1",
        max_output: None,
        supported_parameters: &[],
        service_tier: "",
        quirks: &quirks,
    })
}

fn stream(body: &[u8]) -> Vec<Event> {
    let mut decoder = with_target(|target| Anthropic.stream(target));
    let mut events = Vec::new();
    decoder.push(body, &mut events);
    decoder.end(&mut events);
    events
}

pub(super) fn streamed(wire: &[Value]) -> Vec<Event> {
    let frames = wire.iter().map(|event| format!("event: x\ndata: {event}\n\n"));
    stream(frames.collect::<String>().as_bytes())
}

pub(super) fn decode(body: &Value) -> Result<Vec<Event>, ProviderError> {
    with_target(|target| Anthropic.decode(body.to_string().as_bytes(), target))
}

fn failure(events: &[Event]) -> &ProviderError {
    let failures: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Failure(error) => Some(error),
            _ => None,
        })
        .collect();
    assert!(failures.len() == 1 && matches!(events.last(), Some(Event::Failure(_))), "{events:?}");
    failures[0]
}

pub(super) fn start() -> Value {
    json!({"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 3, "output_tokens": 1}}})
}

fn text(text: &str) -> [Value; 2] {
    [
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
    ]
}

pub(super) fn end(reason: &str) -> [Value; 2] {
    [
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ]
}

#[test]
fn an_answer_without_its_last_event_has_failed() {
    let [begin, hello] = text("Hello");
    let [delta, stop] = end("end_turn");
    let whole = streamed(&[start(), begin.clone(), hello.clone(), delta.clone(), stop]);
    assert!(matches!(whole.last(), Some(Event::Finish { reason: FinishReason::Stop, .. })));
    let cut = streamed(&[start(), begin.clone(), hello.clone(), delta]);
    assert!(cut.iter().any(|event| matches!(event, Event::Usage(_))), "the count is known all the same");
    assert_eq!(failure(&cut).error_type, ErrorType::ProviderUnavailable);
    assert_eq!(failure(&streamed(&[start(), begin, hello])).message, "the provider's answer was cut short");
    assert_eq!(failure(&stream(b"")).message, "the provider sent no answer");
}

#[test]
fn errors_inside_a_stream_are_classed() {
    let [begin, hello] = text("Hello");
    let error = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}});
    let events = streamed(&[start(), begin, hello, error.clone(), json!({"type": "message_stop"})]);
    let failed = failure(&events);
    assert_eq!((failed.error_type, failed.status), (ErrorType::RateLimitExceeded, 0));
    assert_eq!(failed.provider_code.as_deref(), Some("rate_limit_error"));
    assert_eq!(failure(&stream(error.to_string().as_bytes())).message, "slow down");
    assert_eq!(failure(&stream(b"data: {garbage\n\n")).error_type, ErrorType::ProviderUnavailable);
    assert_eq!(failure(&stream(b"<html>bad gateway</html>")).error_type, ErrorType::ProviderUnavailable);
}

#[test]
fn unknown_events_blocks_and_members_are_passed_over() {
    let [begin, hello] = text("Hello");
    let [delta, stop] = end("a_reason_of_tomorrow");
    let events = streamed(&[
        start(),
        json!({"type": "ping"}),
        json!({"type": "tomorrow", "index": 7, "delta": {"new": true}}),
        begin,
        hello,
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "tomorrow_delta", "text": "x"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}}),
        json!({"type": "content_block_stop", "index": 1}),
        delta,
        stop,
    ]);
    let content: Vec<_> = events.iter().filter(|event| event.is_content()).collect();
    let search = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}});
    let native = Event::Native { dialect: Dialect::Messages, value: search };
    assert_eq!(content, [&Event::Text { choice: 0, text: "Hello".into() }, &native]);
    let native = "a_reason_of_tomorrow".to_owned();
    assert_eq!(events.last(), Some(&Event::Finish { choice: 0, reason: FinishReason::Stop, native }));
}

#[test]
fn calls_are_numbered_among_themselves() {
    let tool = |index: u32, id: &str| json!({"type": "content_block_start", "index": index, "content_block": {"type": "tool_use", "id": id, "name": "f", "input": {}}});
    let more = |index: u32, json: &str| json!({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": json}});
    let [begin, hello] = text("Hello");
    let [delta, stop] = end("tool_use");
    let events = streamed(&[
        start(),
        begin,
        hello,
        json!({"type": "content_block_stop", "index": 0}),
        tool(1, "a"),
        more(1, ""),
        more(1, "{\"x\":"),
        more(1, "1}"),
        json!({"type": "content_block_stop", "index": 1}),
        tool(2, "b"),
        json!({"type": "content_block_stop", "index": 2}),
        delta,
        stop,
    ]);
    let calls: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolCall { index, id, arguments, .. } => Some((*index, id.as_deref(), arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [(0, Some("a"), ""), (0, None, "{\"x\":"), (0, None, "1}"), (1, Some("b"), ""), (1, None, "{}")]
    );
}

#[test]
fn a_refusal_tells_why() {
    let events = decode(&json!({"id": "m", "content": [], "stop_reason": "refusal",
        "stop_details": {"type": "refusal", "explanation": "Against the policy."}}))
    .unwrap();
    let details = json!({"type": "refusal", "explanation": "Against the policy."});
    let end = json!({"type": "message_delta", "delta": {"stop_details": details}, "usage": {}});
    assert_eq!(events[1], Event::Native { dialect: Dialect::Messages, value: end });
    assert_eq!(events[2], Event::Refusal { choice: 0, text: "Against the policy.".into() });
    assert!(matches!(events[3], Event::Finish { reason: FinishReason::ContentFilter, .. }));
    assert_eq!(events.len(), 4, "without a count there is no usage");
}

#[test]
fn a_body_that_is_no_answer_is_an_error() {
    let error =
        decode(&json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}));
    assert_eq!(error.unwrap_err().error_type, ErrorType::ProviderOverloaded);
    assert_eq!(decode(&json!({"hello": 1})).unwrap_err().error_type, ErrorType::ProviderUnavailable);
    assert!(decode(&json!([])).is_err());
    let stopped = decode(&json!({"content": [], "stop_reason": "stop_sequence"})).unwrap();
    assert!(matches!(stopped.last(), Some(Event::Finish { reason: FinishReason::Stop, .. })));
}
