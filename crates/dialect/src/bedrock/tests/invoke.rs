//! Claude by its maker's dialect.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{event, exception, try_encode, with_target};
use crate::bedrock::adapter;
use crate::canonical::{Event, Operation};
use crate::error::ErrorType;

const MODEL: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn quirks() -> Value {
    json!({"api": "invoke"})
}

#[test]
fn the_body_is_the_makers_in_another_envelope() {
    let chat = |stream: bool| {
        json!({"model": "m", "stream": stream, "max_tokens": 10, "user": "u", "service_tier": "default",
            "anthropic_beta": "one-2025", "cache_control": {"type": "ephemeral"},
            "messages": [{"role": "user", "content": "Hi"}]})
    };
    let encoded = try_encode(&chat(false), MODEL, &quirks()).unwrap();
    assert_eq!(encoded.path, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke");
    let expected = json!({
        "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["one-2025"], "max_tokens": 10,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    });
    assert_eq!(serde_json::from_slice::<Value>(&encoded.body).unwrap(), expected);
    let streamed = try_encode(&chat(true), MODEL, &quirks()).unwrap();
    assert!(streamed.path.ends_with("/invoke-with-response-stream"));
    assert_eq!(streamed.body, encoded.body);
}

fn stream(body: &[u8]) -> Vec<Event> {
    with_target(MODEL, &quirks(), |target| {
        let mut decoder = adapter(Operation::Chat, target).unwrap().stream(target);
        let mut events = Vec::new();
        body.chunks(7).for_each(|piece| decoder.push(piece, &mut events));
        decoder.end(&mut events);
        events
    })
}

fn chunk(inner: &str) -> Vec<u8> {
    event("chunk", &json!({"bytes": BASE64_STANDARD.encode(inner), "p": "abc"}))
}

fn answer() -> Vec<u8> {
    let pieces = [
        r#"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":3,"output_tokens":1}}}"#,
        "{\"type\":\"content_block_start\",\n\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\nb"}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
        r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3}}"#,
    ];
    pieces.map(chunk).concat()
}

#[test]
fn line_ends_within_an_event_mean_nothing() {
    let events = stream(&answer());
    assert!(events.contains(&Event::Text { choice: 0, text: "a\nb".to_owned() }), "{events:?}");
    assert!(matches!(events.last(), Some(Event::Finish { .. })));
}

#[test]
fn an_exception_is_the_last_word_unless_the_answer_was_complete() {
    let cut = answer()[..400].to_vec();
    let whole_frames =
        [chunk(r#"{"type":"message_start","message":{}}"#), exception("throttlingException", "slow")];
    let events = stream(&whole_frames.concat());
    let Some(Event::Failure(error)) = events.last() else { panic!("{events:?}") };
    assert_eq!(error.error_type, ErrorType::RateLimitExceeded);
    assert!(matches!(stream(&cut).last(), Some(Event::Failure(_))));
    let late = stream(&[answer(), exception("throttlingException", "slow")].concat());
    assert!(matches!(late.last(), Some(Event::Finish { .. })));
    assert!(matches!(stream(&chunk("{}")).last(), Some(Event::Failure(_))));
    assert!(matches!(stream(&event("chunk", &json!({"bytes": "%"}))).last(), Some(Event::Failure(_))));
}
