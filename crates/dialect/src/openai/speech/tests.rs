use serde_json::json;

use super::super::outgoing::tests::{at, sent, sent_json, with_target};
use super::*;
use crate::canonical::Operation;
use crate::client::Dialect;
use crate::error::ErrorType;

/// Sound and what ends it, the same however the bytes are cut.
fn read(body: &[u8], quirks: &Value) -> (Vec<u8>, Vec<Event>) {
    let whole = fold([body], quirks);
    assert_eq!(fold(body.chunks(1), quirks), whole);
    for at in 0..body.len().min(512) {
        let (one, two) = body.split_at(at);
        assert_eq!(fold([one, two], quirks), whole, "cut at {at}");
    }
    whole
}

fn fold<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, quirks: &Value) -> (Vec<u8>, Vec<Event>) {
    let mut stream = with_target(quirks, &[], |target| at(Operation::Speech, quirks).stream(target));
    let mut events = Vec::new();
    pieces.into_iter().for_each(|piece| stream.push(piece, &mut events));
    stream.end(&mut events);
    let mut sound = Vec::new();
    events.retain(|event| match event {
        Event::Audio(bytes) => {
            sound.extend_from_slice(bytes);
            false
        }
        _ => true,
    });
    (sound, events)
}

fn failure(events: &[Event]) -> &ProviderError {
    match events {
        [Event::Failure(error)] => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_go_out_with_what_the_endpoint_takes() {
    let body = json!({"model": "a/b", "input": "Hi", "voice": "alloy", "response_format": "mp3", "speed": 2.0,
        "instructions": "Softly.", "provider": {"options": {"house": {"style": 1, "other": 2}, "rival": {"style": 3}}}});
    let all = json!({"model": "b-1", "input": "Hi", "voice": "alloy", "response_format": "mp3", "speed": 2.0,
        "instructions": "Softly.", "style": 1});
    assert_eq!(sent_json(Dialect::Speech, &body, &json!({"accepts": ["style"]})), all);
    let plain = sent(Dialect::Speech, &body, &json!({"speech_stream": "sse"}), &["voice"]).unwrap();
    let expected = json!({"model": "b-1", "input": "Hi", "voice": "alloy", "response_format": "mp3", "stream_format": "sse"});
    assert_eq!(serde_json::from_slice::<Value>(&plain.body).unwrap(), expected);
    assert_eq!(
        (plain.path.as_str(), &plain.headers[1].1),
        ("/audio/speech", &http::HeaderValue::from_static("text/event-stream"))
    );
    let own = json!({"model": "a/b", "input": "Hi", "voice": "voice_7"});
    assert_eq!(sent_json(Dialect::Speech, &own, &json!({}))["voice"], json!({"id": "voice_7"}));
}

#[test]
fn another_voice_goes_only_where_it_is_taken() {
    let audio = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}});
    let parts = json!([audio, {"type": "text", "text": "Hi"}]);
    let body = json!({"model": "a/b", "input": "x", "input_references": parts});
    assert!(sent(Dialect::Speech, &body, &json!({}), &[]).is_err());
    let sent = sent_json(Dialect::Speech, &body, &json!({"accepts": ["input_references"]}));
    assert_eq!(sent["input_references"], parts);
}

#[test]
fn sound_passes_as_it_comes() {
    for sound in [&b"ID3\x04\0\0"[..], b"{\0\x01", b"{\"not json", b"OggS"] {
        assert_eq!(read(sound, &json!({})), (sound.to_vec(), vec![Event::stop()]));
    }
    let long = [&b"{"[..], &vec![b'a'; ERROR_LIMIT + 10]].concat();
    assert_eq!(fold([&long[..]], &json!({})).0, long);
}

#[test]
fn an_error_or_nothing_in_place_of_sound_is_a_failure() {
    let error = br#"{"error": {"message": "No such voice", "type": "invalid_request_error", "code": "400"}}"#;
    let (sound, events) = read(error, &json!({}));
    assert!(sound.is_empty());
    assert!(failure(&events).message.contains("No such voice"));
    let (_, events) = read(b"", &json!({}));
    assert_eq!(failure(&events).error_type, ErrorType::ProviderUnavailable);
    let adapter = at(Operation::Speech, &json!({}));
    assert!(with_target(&json!({}), &[], |target| adapter.decode(error, target)).is_err());
}

const DELTA: &str = "data: {\"type\":\"speech.audio.delta\",\"audio\":\"SUQz\"}\n\n";
const DONE: &str = "event: speech.audio.done\ndata: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":14,\"output_tokens\":101,\"total_tokens\":115}}\n\n";

#[test]
fn events_carry_sound_and_then_what_it_took() {
    let sse = json!({"speech_stream": "sse"});
    let (sound, events) = read(format!("{DELTA}{DELTA}{DONE}").as_bytes(), &sse);
    assert_eq!(sound, b"ID3ID3");
    let usage = Usage::default().with(Class::Input, 14).with(Class::AudioOutput, 101);
    assert_eq!(events, [Event::Usage(usage), Event::stop()]);
}

#[test]
fn events_that_end_too_early_or_in_an_error_are_a_failure() {
    let sse = json!({"speech_stream": "sse"});
    let (_, events) = read(DELTA.as_bytes(), &sse);
    assert!(failure(&events).message.contains("cut short"));
    let (_, events) = read(DONE.as_bytes(), &sse);
    assert!(failure(&events).message.contains("without sound"));
    let error = "data: {\"type\":\"error\",\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n";
    let (_, events) = read(format!("{DELTA}{error}{DONE}").as_bytes(), &sse);
    assert_eq!(failure(&events).error_type, ErrorType::ProviderOverloaded);
    let (_, events) = read(b"{\"error\":{\"message\":\"slow down\",\"code\":429}}", &sse);
    assert_eq!(failure(&events).error_type, ErrorType::RateLimitExceeded);
    let (_, events) = read(b"data: {\"type\":\"speech.audio.delta\",\"audio\":\"?\"}\n\n", &sse);
    assert!(failure(&events).message.contains("cannot be read"));
}
